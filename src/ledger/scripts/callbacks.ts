/**
 * id, callback id, callback (JSON), sealed body, result or error, most callbacks of that type, most bytes of unread
 * bodies beside which an error is taken, how many ms ago it was taken where that was not now → accepted, late,
 * duplicate, full or unknown. Results and errors are counted apart: no number of errors keeps a result out.
 * It counts as a version: a commit that has not seen it loses, or what was accepted would come too late.
 */
export const receive = `
local id, callbackId, callback, body, type, most, mostBytes, ago = unpack(ARGV)

-- The clock of whoever took it may have been set meanwhile: no callback came before its attempt was sent.
local function takenAt()
  local at = now()
  if not ago then return at end
  local request = cjson.decode(redis.call('HGET', key('request', id), 'record'))
  local attempt = request.attempts[tonumber(string.match(callbackId, '^%d+'))]
  local earliest = attempt and attempt.sendingAt or request.requestedAt
  return math.min(at, math.max(earliest, at - ago))
end

local function isFull(order)
  local results = tonumber(redis.call('HGET', key('request', id), 'results') or '0')
  if type == 'result' then return results >= tonumber(most) end
  if order - results >= tonumber(most) then return true end
  local bytes = 0
  for _, unread in ipairs(redis.call('HVALS', key('callbacks', id))) do
    bytes = bytes + tonumber(string.match(unread, '"size":(%d+)') or '0')
  end
  return bytes > 0 and bytes + #body > tonumber(mostBytes)
end

local state = redis.call('HGET', key('request', id), 'state')
if not state then return 'unknown' end
if redis.call('HEXISTS', key('callbacks', id), callbackId) == 1 then return 'duplicate' end
local order = redis.call('HLEN', key('callbacks', id))
if not ago and isFull(order) then return 'full' end
local at = takenAt()
redis.call('HSET', key('callbacks', id), callbackId, string.format('%d|%d|', at, order) .. callback)
redis.call('HSET', key('bodies', id), callbackId, body)
redis.call('ZADD', key('received'), at, id)
redis.call('HINCRBY', key('request', id), 'version', 1)
if type == 'result' then redis.call('HINCRBY', key('request', id), 'results', 1) end
if state == 'delivered' or state == 'failed' or state == 'cancelled' then return 'late' end
return 'accepted'
`

/**
 * id, request id, entry (JSON), sealed body, size, most entries and bytes of one request, most entries and
 * bytes in all, the attempt where it is a callback of one, how many ms ago it was taken where that was not now → 1
 * where it is new, 0 where the same is kept already, -1 where the request has its share. What was answered for already
 * is kept all the same: then the oldest of its request is evicted. A callback that is kept leaves a mark on its
 * request, which counts as a version: a deadline that has not seen it loses, or what Khipu has answered would be paid
 * for again.
 */
export const quarantine = `
local id, requestId, entry, body, size, ownEntries, ownBytes, mostEntries, mostBytes, attempt, ago = unpack(ARGV)

local function mark()
  local request = key('request', requestId)
  local marked = tonumber(redis.call('HGET', request, 'kept') or '0')
  if attempt == '' or tonumber(attempt) <= marked or redis.call('EXISTS', request) == 0 then return end
  redis.call('HSET', request, 'kept', attempt)
  redis.call('HINCRBY', request, 'version', 1)
end

if redis.call('EXISTS', key('quarantine', id)) == 1 then
  mark()
  return 0
end
local count, bytes = holdingOf(requestId)
local hasShare = count >= tonumber(ownEntries) or (count > 0 and bytes + size > tonumber(ownBytes))
if hasShare and not ago then return -1 end
mark()
put(id, entry, now() - (ago or 0), body)
if hasShare then trimHolding(requestId, tonumber(ownEntries), tonumber(ownBytes)) end
trim(mostEntries, mostBytes)
return 1
`

/**
 * id of an entry, its request → 'claimed' where it is the one whose late result the request gets, 'published'
 * where that is on the queue, 'taken' where another is the one. A claim whose entry has gone before its result was
 * published is open again. A mere id is a claim as version 0.1.0 wrote it: nothing tells what became of it.
 */
export const claimLate = `
local id, requestId = unpack(ARGV)
local late = redis.call('GET', key('late', requestId)) or ''
if late == 'published:' .. id then return 'published' end
local claimant = string.match(late, '^claimed:(.+)$')
local lapsed = claimant and redis.call('EXISTS', key('quarantine', claimant)) == 0
if late ~= '' and late ~= id and claimant ~= id and not lapsed then return 'taken' end
redis.call('SET', key('late', requestId), 'claimed:' .. id)
return 'claimed'
`

/** id → 1 where there was such an entry. */
export const discard = `
return drop(ARGV[1])
`

/** most entries, most bytes, the oldest instant that stays → how many gave way to newer ones. */
export const tidy = `
local mostEntries, mostBytes, oldest = unpack(ARGV)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('quarantine'), '-inf', oldest, 'LIMIT', 0, 500)) do
  drop(id)
end
return trim(mostEntries, mostBytes)
`

/** how many, ms between two → the instant of the first of so many places in the pace of releases, behind all given before. */
export const pace = `
local count, spacing = unpack(ARGV)
local first = math.max(now(), tonumber(redis.call('GET', key('pace')) or '0'))
local next = first + count * spacing
redis.call('SET', key('pace'), string.format('%.3f', next), 'PX', math.ceil(next - now()) + 1000)
return string.format('%.3f', first)
`

/** notification (JSON) → its instant; from here on parking sees it, and the sweep carries its releases on. */
export const notify = `
local at = now()
local member = string.format('%d|', at) .. ARGV[1]
redis.call('INCR', key('epoch'))
redis.call('ZADD', key('notifications'), at, member)
redis.call('ZADD', key('releasing'), at, member)
return at
`
