-- The number of partitions that a process is configured with → the number that the ledger has: the first one that it
-- was given. A ledger that is older than this key has one.
--- @include "keys"

local stored = redis.call('GET', key('partitions'))
if stored then return tonumber(stored) end
local partitions = redis.call('EXISTS', key('totals')) == 1 and 1 or tonumber(ARGV[1])
redis.call('SET', key('partitions'), partitions)
return partitions
