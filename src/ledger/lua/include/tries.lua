-- The tries to publish the result of a request: <tag>:tries:<id> names those that have begun and not ended.
--- @include "keys"

-- begun, and the encrypted body or nothing, if the try may proceed; alone or large if it belongs in that lane, and is not
-- counted yet; set-aside if the result must not be published, which is so from now on if too many tries began without an
-- end. The same name is the same try.
local function beginTry(id, name, callbackId, lane, most, mostBytes)
  if redis.call('ZSCORE', key('aside'), id) then return 'set-aside' end
  local others = 0
  for _, other in ipairs(redis.call('SMEMBERS', key('tries', id))) do
    if other ~= name then others = others + 1 end
  end
  if others > 0 and lane ~= 'alone' then return 'alone' end
  local body = redis.call('HGET', key('bodies', id), callbackId)
  if body and #body > tonumber(mostBytes) and lane == 'small' then return 'large' end
  redis.call('SADD', key('tries', id), name)
  if others < tonumber(most) then return 'begun', body end
  redis.call('DEL', key('tries', id))
  redis.call('ZADD', key('aside'), now(), id)
  redis.call('ZREM', key('due'), id)
  return 'set-aside'
end
