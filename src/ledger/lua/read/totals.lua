-- states → the totals (field, value, …), the number of requests in each state, the number of results set aside. All
-- values are of one instant. Requests of older versions that are not indexed yet are counted by their old index.
--- @include "keys"

local places, counts = {}, {}
for index, state in ipairs(ARGV) do
  places[state] = index
  counts[index] = redis.call('ZCARD', key('state', state))
end
local groups = redis.call('HGETALL', key('groups'))
for at = 1, #groups, 2 do
  local place = places[string.match(groups[at], '^[^|]*')]
  if place then counts[place] = counts[place] + redis.call('ZCARD', key('group', groups[at])) end
end
return { redis.call('HGETALL', key('totals')), counts, redis.call('ZCARD', key('aside')) }
