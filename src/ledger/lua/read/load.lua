-- id, whether accounts are serialized, whether the input is asked for → version, record, pending callbacks (id, value,
-- …), notifications, epoch, now, until when the account is busy, the rejection of the bank credentials (JSON), until when
-- another request tries those, the latest attempt with a rejected callback in quarantine, the encrypted input or
-- nothing. The notifications are those since the last sending or since the rejection, whichever is earlier.
--- @include "probes"

local id, turns, wantsInput = unpack(ARGV)
local fields = redis.call('HMGET', key('request', id),
  'version', 'record', 'since', 'state', 'account', 'logon', 'kept')
if not fields[1] then return nil end
local callbacks = redis.call('HGETALL', key('callbacks', id))
local pending = {}
for i = 1, #callbacks, 2 do
  if callbacks[i + 1] ~= '' then
    pending[#pending + 1] = callbacks[i]
    pending[#pending + 1] = callbacks[i + 1]
  end
end
local since, logon, busyUntil, refused, probeUntil = fields[3] or '', fields[6] or '', '', '', ''
local function dueOf(other) return other and (redis.call('ZSCORE', key('due'), other) or tostring(now())) or '' end
if turns == '1' and logon ~= '' and (TO_BE_SENT[fields[4]] or ON_ITS_WAY[fields[4]]) then
  refused = redis.call('GET', key('refused', logon)) or ''
end
if turns == '1' and TO_BE_SENT[fields[4]] then
  busyUntil = dueOf(ahead(fields[5] or '', id))
  if refused ~= '' then
    probeUntil = dueOf(aheadWithLogon(logon, id))
    local at = cjson.decode(refused).at
    if since == '' or at < tonumber(since) then since = string.format('%d', at) end
  end
end
local notifications = since == '' and {} or redis.call('ZRANGEBYSCORE', key('notifications'), since, '+inf')
local epoch = redis.call('GET', key('epoch')) or '0'
local kept = fields[7] or ''
local input = wantsInput == '1' and redis.call('HGET', key('request', id), 'sealed')
return { fields[1], fields[2], pending, notifications, epoch, now(), busyUntil, refused, probeUntil, kept, input }
