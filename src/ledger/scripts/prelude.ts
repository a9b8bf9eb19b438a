/** What every script begins with: keys are built from the partition's tag, instants are Redis's own. */
export const PRELUDE = `
local tag = KEYS[1]
local function key(name, id) return tag .. ':' .. name .. (id and (':' .. id) or '') end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`

/**
 * The turns of an account. <tag>:turn:<account> names who went; whether they still are on their way is for
 * their own states to say, so no crash can leave an account locked. It is one request, but for a time in
 * which accounts took no turns, or were hashed otherwise.
 */
export const TURNS = `
local ON_ITS_WAY = { sending = true, ['awaiting-callback'] = true }
local TO_BE_SENT = { queued = true, ['retry-scheduled'] = true }
local function stateOf(id) return redis.call('HGET', key('request', id), 'state') or '' end

local function onItsWay(account, but)
  for _, id in ipairs(redis.call('SMEMBERS', key('turn', account))) do
    if not ON_ITS_WAY[stateOf(id)] then redis.call('SREM', key('turn', account), id)
    elseif id ~= but then return id end
  end
end

local function firstWaiting(account)
  while true do
    local id = redis.call('ZRANGE', key('waiting', account), 0, 0)[1]
    if not id or TO_BE_SENT[stateOf(id)] then return id end
    redis.call('ZREM', key('waiting', account), id)
  end
end

-- Who goes before a request: ids are UUIDv7, so the smaller one was accepted earlier.
local function ahead(account, id)
  if account == '' then return nil end
  local other = onItsWay(account, id)
  if other then return other end
  local first = firstWaiting(account)
  if first and first < id then return first end
end

-- Writes down who is on its way and who waits. Who may go next is due now: should nobody wake it, the sweep does.
local function takeTurns(account, id, state, waits)
  if account == '' then return nil end
  local turn = key('turn', account)
  if ON_ITS_WAY[state] then redis.call('SADD', turn, id) else redis.call('SREM', turn, id) end
  if waits then redis.call('ZADD', key('waiting', account), 0, id)
  else redis.call('ZREM', key('waiting', account), id) end
  if onItsWay(account) then return nil end
  local first = firstWaiting(account)
  if first then redis.call('ZADD', key('due'), now(), first) end
  return first
end
`

/**
 * The probe of refused bank credentials. <tag>:probe:<log-on> names who tried them last; whether it still is on
 * its way is for its own state to say, as with turns. <tag>:probing:<log-on> has those that wait for it.
 */
export const PROBES = `
local function probeOut(logon, but)
  local id = redis.call('GET', key('probe', logon))
  if id and id ~= but and ON_ITS_WAY[stateOf(id)] then return id end
end

local function firstForProbe(logon, but)
  local at = 0
  while true do
    local id = redis.call('ZRANGE', key('probing', logon), at, at)[1]
    if not id then return nil end
    if not TO_BE_SENT[stateOf(id)] then redis.call('ZREM', key('probing', logon), id)
    elseif id == but then at = at + 1
    else return id end
  end
end

-- Who tries the credentials before a request: the probe that is out, or, behind a probe of its own, who waits.
local function aheadWithLogon(logon, id)
  local other = probeOut(logon, id)
  if other then return other end
  if redis.call('GET', key('probe', logon)) == id then return firstForProbe(logon, id) end
end

-- Who may try next is due now: should nobody promote it, the sweep does.
local function nextForProbe(logon)
  if logon == '' or redis.call('EXISTS', key('probing', logon)) == 0 or probeOut(logon) then return nil end
  local last = redis.call('GET', key('probe', logon))
  local first = firstForProbe(logon, last) or firstForProbe(logon)
  if first then redis.call('ZADD', key('due'), now(), first) end
  return first
end
`

/** Bodies in quarantine: every way in and out keeps the sum of their sizes and the share of their request. */
export const SHELF = `
local function put(id, entry, at, body)
  local name = key('quarantine', id)
  local known = redis.call('EXISTS', name) == 1
  redis.call('HSET', name, 'entry', entry, 'receivedAt', string.format('%d', at), 'body', body)
  redis.call('ZADD', key('quarantine'), at, id)
  if known then return end
  local fields = cjson.decode(entry)
  redis.call('HINCRBY', key('totals'), 'quarantineBytes', fields.size)
  redis.call('SADD', key('kept', fields.requestId), id)
end

local function drop(id)
  local entry = redis.call('HGET', key('quarantine', id), 'entry')
  redis.call('ZREM', key('quarantine'), id)
  if not entry then return 0 end
  local fields = cjson.decode(entry)
  redis.call('HINCRBY', key('totals'), 'quarantineBytes', -fields.size)
  redis.call('SREM', key('kept', fields.requestId), id)
  return redis.call('DEL', key('quarantine', id))
end

-- Of one request: how many entries it has, how large they are in all, and the oldest of them.
local function holdingOf(requestId)
  local ids = redis.call('SMEMBERS', key('kept', requestId))
  local bytes, oldest, oldestAt = 0, nil, math.huge
  for _, id in ipairs(ids) do
    local at = tonumber(redis.call('ZSCORE', key('quarantine'), id) or '0')
    if at < oldestAt then oldest, oldestAt = id, at end
    bytes = bytes + cjson.decode(redis.call('HGET', key('quarantine', id), 'entry') or '{"size":0}').size
  end
  return #ids, bytes, oldest
end

-- No request pushes out what belongs to others: beyond its share its own oldest gives way.
local function trimHolding(requestId, mostEntries, mostBytes)
  local count, bytes, oldest = holdingOf(requestId)
  while count > 1 and (count > mostEntries or bytes > mostBytes) do
    redis.call('HINCRBY', key('totals'), 'quarantineEvicted', drop(oldest))
    -- Whatever becomes of the entry, this comes to an end.
    redis.call('SREM', key('kept', requestId), oldest)
    count, bytes, oldest = holdingOf(requestId)
  end
end

local function isOver(mostEntries, mostBytes)
  local count = redis.call('ZCARD', key('quarantine'))
  local bytes = tonumber(redis.call('HGET', key('totals'), 'quarantineBytes') or '0')
  return count > 1 and (count > tonumber(mostEntries) or bytes > tonumber(mostBytes))
end

-- The oldest gives way, and is counted.
local function trim(mostEntries, mostBytes)
  local evicted = 0
  while isOver(mostEntries, mostBytes) do
    evicted = evicted + drop(redis.call('ZRANGE', key('quarantine'), 0, 0)[1])
  end
  if evicted > 0 then redis.call('HINCRBY', key('totals'), 'quarantineEvicted', evicted) end
  return evicted
end
`
