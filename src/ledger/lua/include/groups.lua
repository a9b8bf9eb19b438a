-- Groups of requests: <tag>:group:<name> has the ids, <tag>:groups how many. An empty name is no group.
--- @include "keys"

local function enter(id, from, to)
  if from == to then return end
  if from ~= '' and redis.call('ZREM', key('group', from), id) == 1
    and redis.call('HINCRBY', key('groups'), from, -1) <= 0 then redis.call('HDEL', key('groups'), from) end
  if to ~= '' and redis.call('ZADD', key('group', to), 0, id) == 1 then redis.call('HINCRBY', key('groups'), to, 1) end
end

-- Whether every request is in its group: 1 or 0.
local function isIndexed()
  return (redis.call('HGET', key('indexing'), 'done') or redis.call('EXISTS', key('requests')) == 0) and 1 or 0
end
