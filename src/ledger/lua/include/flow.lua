-- What enters a group is counted for its minute and for its hour, and is an event if events are kept.
--- @include "groups"
--- @include "events"

local function count(unit, ms, seconds, group)
  local name = key('flow', unit .. string.format('%d', math.floor(now() / ms)))
  if redis.call('HINCRBY', name, group, 1) == 1 then redis.call('EXPIRE', name, seconds) end
end

-- Moves a request from one group to another. A commit that is sent twice does this once.
local function move(id, from, to)
  if from == to then return end
  enter(id, from, to)
  count('m', 60000, 10800, to)
  count('h', 3600000, 3024000, to)
  tell('request', id, 'from', string.match(from, '^[^|]*'), 'to', to)
end
