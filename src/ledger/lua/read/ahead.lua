-- id → the id of the request that goes before it: of the same account, or with the same rejected bank credentials; or
-- nothing.
--- @include "probes"

local id = ARGV[1]
local state, account, logon = unpack(redis.call('HMGET', key('request', id), 'state', 'account', 'logon'))
if not TO_BE_SENT[state or ''] then return nil end
local other = ahead(account or '', id)
if other then return other end
if logon and logon ~= '' and redis.call('EXISTS', key('refused', logon)) == 1 then return aheadWithLogon(logon, id) end
