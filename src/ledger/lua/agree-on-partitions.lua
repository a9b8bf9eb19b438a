-- how many partitions a process is set to → how many the ledger has: the number that came first, and is
-- kept for ever. A ledger from before there could be more has one.
--- @include "keys"

local stored = redis.call('GET', key('partitions'))
if stored then return tonumber(stored) end
local partitions = redis.call('EXISTS', key('totals')) == 1 and 1 or tonumber(ARGV[1])
redis.call('SET', key('partitions'), partitions)
return partitions
