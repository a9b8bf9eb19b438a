-- id of an entry, its request → 'claimed' if the request gets its late result from this entry, 'published' if that
-- result is on the queue, 'taken' if the request gets it from another entry. A claim lapses if its entry is deleted
-- before its result is published. A bare id is a claim from version 0.1.0: its outcome is unknown.
--- @include "keys"

local id, requestId = unpack(ARGV)
local late = redis.call('GET', key('late', requestId)) or ''
if late == 'published:' .. id then return 'published' end
local claimant = string.match(late, '^claimed:(.+)$')
local lapsed = claimant and redis.call('EXISTS', key('quarantine', claimant)) == 0
if late ~= '' and late ~= id and claimant ~= id and not lapsed then return 'taken' end
redis.call('SET', key('late', requestId), 'claimed:' .. id)
return 'claimed'
