-- states → the totals (field, value, …), how many requests are in each of the states, and how many results are set
-- aside, all of one instant.
--- @include "keys"

local counts = {}
for index, state in ipairs(ARGV) do counts[index] = redis.call('ZCARD', key('state', state)) end
return { redis.call('HGETALL', key('totals')), counts, redis.call('ZCARD', key('aside')) }
