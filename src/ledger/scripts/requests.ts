/**
 * how many partitions a process is set to → how many the ledger has: the number that came first, and is
 * kept for ever. A ledger from before there could be more has one.
 */
export const agree = `
local stored = redis.call('GET', key('partitions'))
if stored then return tonumber(stored) end
local partitions = redis.call('EXISTS', key('totals')) == 1 and 1 or tonumber(ARGV[1])
redis.call('SET', key('partitions'), partitions)
return partitions
`

/** id, record, state, due, service, reference hash, account, log-on, sealed input → 1, or 0 where the id is taken. */
export const create = `
local id, record, state, due, service, reference, account, logon, sealed = unpack(ARGV)
if redis.call('EXISTS', key('request', id)) == 1 then return 0 end
redis.call('HSET', key('request', id), 'version', 1, 'record', record, 'state', state, 'sealed', sealed,
  'account', account, 'logon', logon)
redis.call('ZADD', key('requests'), 0, id)
redis.call('ZADD', key('state', state), 0, id)
redis.call('ZADD', key('service', service), 0, id)
if reference ~= '' then redis.call('ZADD', key('reference', reference), 0, id) end
if account ~= '' then
  redis.call('ZADD', key('account', account), 0, id)
  redis.call('ZADD', key('waiting', account), 0, id)
end
redis.call('ZADD', key('due'), due, id)
redis.call('HINCRBY', key('totals'), 'accepted', 1)
return 1
`

/**
 * id, whether accounts take turns → version, record, pending callbacks (id, value, …), notifications since
 * the last sending and since the log-on was refused, epoch, now, until when the account is busy, the
 * refused log-on (JSON), until when another request tries that, the latest attempt of which a callback was refused
 * and kept.
 */
export const load = `
local id, turns = unpack(ARGV)
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
return { fields[1], fields[2], pending, notifications, epoch, now(), busyUntil, refused, probeUntil, kept }
`

/**
 * id, version, epoch, nonce, record, state, due, since, ended, changes (JSON: see commitArguments), sealed
 * input or nothing → { 1, the records of requests that waited for this one … }, or { 0 } where the record, the
 * notifications, the turns or the probes have changed since they were loaded. A commit whose reply was lost is sent
 * again by the client: it is known by its nonce, and not taken for somebody else's.
 */
export const commit = `
local id, version, epoch, nonce, record, state, due, since, ended, changes, sealed = unpack(ARGV)
local request = key('request', id)
local stored = redis.call('HMGET', request, 'version', 'state', 'nonce', 'account', 'logon')
if stored[3] == nonce then return { 1 } end
if stored[1] ~= version or (redis.call('GET', key('epoch')) or '0') ~= epoch then return { 0 } end
changes = cjson.decode(changes)
local account, logon = changes.account, changes.logon
local begins = changes.turns and state == 'sending' and stored[2] ~= 'sending'
if begins or changes.verdict == 'unproven' then
  local refused = redis.call('GET', key('refused', begins and logon or changes.judged)) or ''
  if refused ~= changes.refusedBefore then return { 0 } end
end
if begins and ahead(account, id) then return { 0 } end
if begins and changes.isProbe then
  if aheadWithLogon(logon, id) then return { 0 } end
  redis.call('SET', key('probe', logon), id, 'PX', math.max(changes.refusedMs, 1))
end
redis.call('HSET', request, 'version', version + 1, 'record', record, 'state', state, 'since', since,
  'nonce', nonce, 'account', account, 'logon', logon)
if sealed ~= '' and ended == '' then redis.call('HSET', request, 'sealed', sealed) end
if stored[2] ~= state then
  redis.call('ZREM', key('state', stored[2]), id)
  redis.call('ZADD', key('state', state), 0, id)
  if ended ~= '' then
    redis.call('HDEL', request, 'sealed')
    redis.call('HINCRBY', key('totals'), state, 1)
    redis.call('ZADD', key('ended'), ended, id)
  end
end
local isAside = ended ~= '' and redis.call('ZSCORE', key('aside'), id)
if due == '' or isAside then redis.call('ZREM', key('due'), id) else redis.call('ZADD', key('due'), due, id) end
if due == '' and ended ~= '' then redis.call('DEL', key('tries', id)) end
for _, kept in ipairs(changes.keep) do
  local body = redis.call('HGET', key('bodies', id), kept.callbackId)
  put(kept.quarantineId, kept.entry, kept.receivedAt, body or '')
end
if #changes.keep > 0 then trimHolding(id, changes.share.entries, changes.share.bytes) end
for _, callbackId in ipairs(changes.consumed) do redis.call('HSET', key('callbacks', id), callbackId, '') end
for _, callbackId in ipairs(changes.shred) do redis.call('HDEL', key('bodies', id), callbackId) end
if #changes.consumed > 0 then
  local pending = false
  for _, value in ipairs(redis.call('HVALS', key('callbacks', id))) do pending = pending or value ~= '' end
  if not pending then redis.call('ZREM', key('received'), id) end
end
if changes.verdict == 'unproven' then
  redis.call('SET', key('refused', changes.judged), changes.refused, 'KEEPTTL')
elseif changes.verdict == 'refused' and changes.refusedMs > 0 then
  redis.call('SET', key('refused', changes.judged), changes.refused, 'PX', changes.refusedMs)
elseif changes.judged ~= '' then
  redis.call('DEL', key('refused', changes.judged), key('probe', changes.judged))
end
local before = stored[4] or ''
if before ~= account then
  if before ~= '' then
    redis.call('ZREM', key('account', before), id)
    takeTurns(before, id, '', false)
  end
  if account ~= '' then redis.call('ZADD', key('account', account), 0, id) end
end
local waiters = { takeTurns(account, id, state, changes.waits) }
local logonBefore = stored[5] or ''
if logonBefore ~= '' then redis.call('ZREM', key('probing', logonBefore), id) end
if changes.waitsForProbe then redis.call('ZADD', key('probing', logon), 0, id) end
local logons = { [logonBefore] = true, [logon] = true, [changes.triedWith] = true }
for name in pairs(logons) do waiters[#waiters + 1] = nextForProbe(name) end
local reply = { 1 }
for _, other in ipairs(waiters) do reply[#reply + 1] = redis.call('HGET', key('request', other), 'record') end
return reply
`

/**
 * id, state, service, reference hash: forgets a request that has ended → 1, or 0 where a callback that came late
 * is still to be looked at.
 */
export const forget = `
local id, state, service, reference = unpack(ARGV)
if redis.call('ZSCORE', key('received'), id) then return 0 end
local account = redis.call('HGET', key('request', id), 'account')
redis.call('DEL', key('request', id), key('callbacks', id), key('bodies', id), key('late', id), key('tries', id))
for _, name in ipairs({ 'requests', 'due', 'ended' }) do redis.call('ZREM', key(name), id) end
redis.call('ZREM', key('state', state), id)
redis.call('ZREM', key('service', service), id)
if reference ~= '' then redis.call('ZREM', key('reference', reference), id) end
if account and account ~= '' then redis.call('ZREM', key('account', account), id) end
return 1
`

/**
 * states → the totals (field, value, …), how many requests are in each of the states, and how many results are set
 * aside, all of one instant.
 */
export const totals = `
local counts = {}
for index, state in ipairs(ARGV) do counts[index] = redis.call('ZCARD', key('state', state)) end
return { redis.call('HGETALL', key('totals')), counts, redis.call('ZCARD', key('aside')) }
`
