-- id, version, epoch, nonce, record, state, due, since, ended, changes (JSON: see commitArguments), encrypted input or
-- nothing → { 1, now, the records of requests that waited for this one, how the try to publish its result begins if it
-- is to begin (include/tries.lua), the encrypted body of the result or nothing }, or { 0, nothing } if the state has
-- changed since the load: the record, the notifications, the next request in line, or the probes. The client repeats a
-- commit whose reply was lost. Its nonce identifies it, so it does not count as another process's commit.
--- @include "probes"
--- @include "flow"
--- @include "indexes"
--- @include "quarantine"
--- @include "tries"

local id, version, epoch, nonce, record, state, due, since, ended, changes, sealed = unpack(ARGV)
local request = key('request', id)
local stored = redis.call('HMGET', request, 'version', 'state', 'nonce', 'account', 'logon')
if stored[3] == nonce then return { 1, now(), {}, '', false } end
if stored[1] ~= version or (redis.call('GET', key('epoch')) or '0') ~= epoch then return { 0, false } end
changes = cjson.decode(changes)
local account, logon = changes.account, changes.logon
local begins = changes.turns and state == 'sending' and stored[2] ~= 'sending'
if begins or changes.verdict == 'unproven' then
  local refused = redis.call('GET', key('refused', begins and logon or changes.judged)) or ''
  if refused ~= changes.refusedBefore then return { 0, false } end
end
-- One request per account: include/serialization.lua.
if begins and ahead(account, id) then return { 0, false } end
if begins and changes.isProbe then
  if aheadWithLogon(logon, id) then return { 0, false } end
  redis.call('SET', key('probe', logon), id, 'PX', math.max(changes.refusedMs, 1))
end
redis.call('HSET', request, 'version', version + 1, 'record', record, 'state', state, 'since', since,
  'nonce', nonce, 'account', account, 'logon', logon)
move(id, changes.from, changes.to)
addNames(id, changes.names)
if sealed ~= '' and ended == '' then redis.call('HSET', request, 'sealed', sealed) end
if stored[2] ~= state then
  redis.call('ZREM', key('due', stored[2]), id)
  -- An index of older versions: what is left in it has to be indexed anew.
  redis.call('ZREM', key('state', stored[2]), id)
  if ended ~= '' then
    redis.call('HDEL', request, 'sealed')
    redis.call('HINCRBY', key('totals'), state, 1)
    redis.call('ZADD', key('ended'), ended, id)
  end
end
local isAside = ended ~= '' and redis.call('ZSCORE', key('aside'), id)
if due == '' or isAside then redis.call('ZREM', key('due'), id) else redis.call('ZADD', key('due'), due, id) end
if ended == '' and due ~= '' then redis.call('ZADD', key('due', state), due, id) end
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
local function begin()
  if not changes.try then return '', false end
  local how, body = beginTry(id, changes.try.name, changes.try.callbackId, 'small', changes.try.most, changes.try.mostBytes)
  return how, body or false
end
-- A request that had ended waits for nobody, and nobody for it.
if ended ~= '' and stored[2] == state then return { 1, now(), {}, begin() } end
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
local records = {}
for _, other in ipairs(waiters) do records[#records + 1] = redis.call('HGET', key('request', other), 'record') end
return { 1, now(), records, begin() }
