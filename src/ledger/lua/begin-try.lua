-- id, the name of a try, the most tries, callback id, the lane, most bytes of a small body → { begun, its encrypted body
-- or nothing } if the try may proceed; { alone } or { large } if it belongs in that lane, and is not counted yet; or
-- { set-aside } if the result of the request is set aside. It is set aside now if too many tries began without an end.
-- The same name is the same try.
--- @include "keys"

local id, name, most, callbackId, lane, mostBytes = unpack(ARGV)
if redis.call('ZSCORE', key('aside'), id) then return { 'set-aside', false } end
local others = 0
for _, other in ipairs(redis.call('SMEMBERS', key('tries', id))) do
  if other ~= name then others = others + 1 end
end
if others > 0 and lane ~= 'alone' then return { 'alone', false } end
local body = redis.call('HGET', key('bodies', id), callbackId)
if body and #body > tonumber(mostBytes) and lane == 'small' then return { 'large', false } end
redis.call('SADD', key('tries', id), name)
if others < tonumber(most) then return { 'begun', body } end
redis.call('DEL', key('tries', id))
redis.call('ZADD', key('aside'), now(), id)
redis.call('ZREM', key('due'), id)
return { 'set-aside', false }
