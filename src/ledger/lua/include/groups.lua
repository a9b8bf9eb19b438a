-- Groups of requests: <tag>:group:<name> has the ids, <tag>:groups how many. An empty name is no group.
--- @include "keys"

local function enter(id, from, to)
  if from == to then return end
  if from ~= '' and redis.call('ZREM', key('group', from), id) == 1
    and redis.call('HINCRBY', key('groups'), from, -1) <= 0 then redis.call('HDEL', key('groups'), from) end
  if to ~= '' and redis.call('ZADD', key('group', to), 0, id) == 1 then redis.call('HINCRBY', key('groups'), to, 1) end
end
