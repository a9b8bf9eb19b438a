-- id, the name of a try, the most tries, callback id → { 1, its encrypted body or nothing } if the try may proceed, or
-- { 0 } if the result of the request is set aside. It is set aside now if too many tries began without an end. The same
-- name is the same try.
--- @include "keys"

local id, name, most, callbackId = unpack(ARGV)
if redis.call('ZSCORE', key('aside'), id) then return { 0 } end
redis.call('SADD', key('tries', id), name)
if #redis.call('SMEMBERS', key('tries', id)) <= tonumber(most) then
  return { 1, redis.call('HGET', key('bodies', id), callbackId) }
end
redis.call('DEL', key('tries', id))
redis.call('ZADD', key('aside'), now(), id)
redis.call('ZREM', key('due'), id)
return { 0 }
