-- id of an operation, then id and outcome (1 to 3) of requests that it has changed … → how many have no outcome yet, and how
-- many have each outcome.
--- @include "keys"

local items = key('bulk', ARGV[1] .. ':items')
for at = 2, #ARGV, 2 do redis.call('ZADD', items, 'XX', ARGV[at + 1], ARGV[at]) end
local counts = {}
for outcome = 0, 3 do counts[outcome + 1] = redis.call('ZCOUNT', items, outcome, outcome) end
return counts
