-- The configured number of partitions → the ledger's number, which is the first configured one. A ledger from before
-- this key has one partition.
--- @include "keys"

local stored = redis.call('GET', key('partitions'))
if stored then return tonumber(stored) end
local partitions = redis.call('EXISTS', key('totals')) == 1 and 1 or tonumber(ARGV[1])
redis.call('SET', key('partitions'), partitions)
return partitions
