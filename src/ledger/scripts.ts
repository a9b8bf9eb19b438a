/**
 * The ledger's Lua scripts. Each runs atomically on one partition: KEYS[1] is the partition's tag,
 * from which every key is built, so that all keys of a script share one slot.
 *
 * <tag>:request:<id>     hash: version, record (JSON), state, since, nonce, kept, sealed
 * <tag>:callbacks:<id>   hash: callback id → '<receivedAt>|<order>|<JSON>' while pending, '' once acted on
 * <tag>:bodies:<id>      hash: callback id → sealed bytes
 * <tag>:late:<id>        the quarantine entry that was accepted as the request's late result
 * <tag>:requests, :state:<state>, :service:<service>, :reference:<hash>   zsets, by id
 * <tag>:due, :received, :ended                                           zsets, by instant
 * <tag>:quarantine (zset, by instant), :quarantine:<id> (hash: entry, receivedAt, body)
 * <tag>:idempotency:<hash>, :releaser:<hash>   strings that expire: reserved keys, leases of releases
 * <tag>:notifications, :releasing (zsets, by instant), :epoch, :totals
 */
const PRELUDE = `
local tag = KEYS[1]
local function key(name, id) return tag .. ':' .. name .. (id and (':' .. id) or '') end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`

/** id, record, state, due, service, reference hash, sealed input → 1, or 0 where the id is taken. */
const create = `
local id, record, state, due, service, reference, sealed = unpack(ARGV)
if redis.call('EXISTS', key('request', id)) == 1 then return 0 end
redis.call('HSET', key('request', id), 'version', 1, 'record', record, 'state', state, 'sealed', sealed)
redis.call('ZADD', key('requests'), 0, id)
redis.call('ZADD', key('state', state), 0, id)
redis.call('ZADD', key('service', service), 0, id)
if reference ~= '' then redis.call('ZADD', key('reference', reference), 0, id) end
redis.call('ZADD', key('due'), due, id)
redis.call('HINCRBY', key('totals'), 'accepted', 1)
return 1
`

/** id → version, record, pending callbacks (id, value, …), notifications since the last sending, epoch, now. */
const load = `
local id = ARGV[1]
local fields = redis.call('HMGET', key('request', id), 'version', 'record', 'since')
if not fields[1] then return nil end
local callbacks = redis.call('HGETALL', key('callbacks', id))
local pending = {}
for i = 1, #callbacks, 2 do
  if callbacks[i + 1] ~= '' then
    pending[#pending + 1] = callbacks[i]
    pending[#pending + 1] = callbacks[i + 1]
  end
end
local since = fields[3] or ''
local notifications = since == '' and {} or redis.call('ZRANGEBYSCORE', key('notifications'), since, '+inf')
return { fields[1], fields[2], pending, notifications, redis.call('GET', key('epoch')) or '0', now() }
`

/**
 * id, version, epoch, nonce, record, state, due, since, ended, changes (JSON: consumed, shred, keep) → 1,
 * or 0 where the record or the notifications have changed since they were loaded. A commit whose reply
 * was lost is sent again by the client: it is known by its nonce, and not taken for somebody else's.
 */
const commit = `
local id, version, epoch, nonce, record, state, due, since, ended, changes = unpack(ARGV)
local request = key('request', id)
local stored = redis.call('HMGET', request, 'version', 'state', 'nonce')
if stored[3] == nonce then return 1 end
if stored[1] ~= version or (redis.call('GET', key('epoch')) or '0') ~= epoch then return 0 end
redis.call('HSET', request, 'version', version + 1, 'record', record, 'state', state, 'since', since,
  'nonce', nonce)
if stored[2] ~= state then
  redis.call('ZREM', key('state', stored[2]), id)
  redis.call('ZADD', key('state', state), 0, id)
  if ended ~= '' then
    redis.call('HDEL', request, 'sealed')
    redis.call('HINCRBY', key('totals'), state, 1)
    redis.call('ZADD', key('ended'), ended, id)
  end
end
if due == '' then redis.call('ZREM', key('due'), id) else redis.call('ZADD', key('due'), due, id) end
changes = cjson.decode(changes)
for _, kept in ipairs(changes.keep) do
  local body = redis.call('HGET', key('bodies', id), kept.callbackId)
  redis.call('HSET', key('quarantine', kept.quarantineId),
    'entry', kept.entry, 'receivedAt', kept.receivedAt, 'body', body or '')
  redis.call('ZADD', key('quarantine'), kept.receivedAt, kept.quarantineId)
end
for _, callbackId in ipairs(changes.consumed) do redis.call('HSET', key('callbacks', id), callbackId, '') end
for _, callbackId in ipairs(changes.shred) do redis.call('HDEL', key('bodies', id), callbackId) end
if #changes.consumed > 0 then
  for _, value in ipairs(redis.call('HVALS', key('callbacks', id))) do
    if value ~= '' then return 1 end
  end
  redis.call('ZREM', key('received'), id)
end
return 1
`

/** id, callback id, callback (JSON), sealed body, most callbacks → accepted, late, duplicate, full or unknown. */
const receive = `
local id, callbackId, callback, body, most = unpack(ARGV)
local state = redis.call('HGET', key('request', id), 'state')
if not state then return 'unknown' end
if redis.call('HEXISTS', key('callbacks', id), callbackId) == 1 then return 'duplicate' end
if redis.call('HLEN', key('callbacks', id)) >= tonumber(most) then return 'full' end
local at = now()
local order = redis.call('HLEN', key('callbacks', id))
redis.call('HSET', key('callbacks', id), callbackId, string.format('%d|%d|', at, order) .. callback)
redis.call('HSET', key('bodies', id), callbackId, body)
redis.call('ZADD', key('received'), at, id)
if state == 'delivered' or state == 'failed' or state == 'cancelled' then return 'late' end
return 'accepted'
`

/**
 * id, request id, entry (JSON), sealed body, most entries, most of one request → 1 where it is new, 0 where
 * the same is kept already, -1 where the quarantine is full or the request has too many in it.
 */
const quarantine = `
local id, requestId, entry, body, most, mostOfOne = unpack(ARGV)
if redis.call('EXISTS', key('quarantine', id)) == 1 then return 0 end
if redis.call('ZCARD', key('quarantine')) >= tonumber(most) then return -1 end
local request = key('request', requestId)
if tonumber(redis.call('HGET', request, 'kept') or '0') >= tonumber(mostOfOne) then return -1 end
if redis.call('EXISTS', request) == 1 then redis.call('HINCRBY', request, 'kept', 1) end
local at = now()
redis.call('HSET', key('quarantine', id), 'entry', entry, 'receivedAt', string.format('%d', at), 'body', body)
redis.call('ZADD', key('quarantine'), at, id)
return 1
`

/** notification (JSON) → its instant; from here on parking sees it, and the sweep carries its releases on. */
const notify = `
local at = now()
local member = string.format('%d|', at) .. ARGV[1]
redis.call('INCR', key('epoch'))
redis.call('ZADD', key('notifications'), at, member)
redis.call('ZADD', key('releasing'), at, member)
return at
`

/** id, state, service, reference hash: forgets a request that has ended. */
const forget = `
local id, state, service, reference = unpack(ARGV)
redis.call('DEL', key('request', id), key('callbacks', id), key('bodies', id), key('late', id))
for _, name in ipairs({ 'requests', 'due', 'received', 'ended' }) do redis.call('ZREM', key(name), id) end
redis.call('ZREM', key('state', state), id)
redis.call('ZREM', key('service', service), id)
if reference ~= '' then redis.call('ZREM', key('reference', reference), id) end
return 1
`

/** Every script by its name, ready to be defined on a connection. */
export const SCRIPTS = Object.fromEntries(
  Object.entries({ create, load, commit, receive, quarantine, notify, forget }).map(
    ([name, body]) => [name, PRELUDE + body]
  )
)
