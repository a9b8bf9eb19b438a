-- id of an entry, its request → 'claimed' where it is the one whose late result the request gets, 'published'
-- where that is on the queue, 'taken' where another is the one. A claim whose entry has gone before its result was
-- published is open again. A mere id is a claim as version 0.1.0 wrote it: nothing tells what became of it.
--- @include "keys"

local id, requestId = unpack(ARGV)
local late = redis.call('GET', key('late', requestId)) or ''
if late == 'published:' .. id then return 'published' end
local claimant = string.match(late, '^claimed:(.+)$')
local lapsed = claimant and redis.call('EXISTS', key('quarantine', claimant)) == 0
if late ~= '' and late ~= id and claimant ~= id and not lapsed then return 'taken' end
redis.call('SET', key('late', requestId), 'claimed:' .. id)
return 'claimed'
