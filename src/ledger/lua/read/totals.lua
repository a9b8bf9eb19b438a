-- states → the totals (field, value, …), the number of requests in each state, the number of results set aside. All
-- values are of one instant.
--- @include "keys"

local counts = {}
for index, state in ipairs(ARGV) do counts[index] = redis.call('ZCARD', key('state', state)) end
return { redis.call('HGETALL', key('totals')), counts, redis.call('ZCARD', key('aside')) }
