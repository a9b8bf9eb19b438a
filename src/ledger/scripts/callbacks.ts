/**
 * id, callback id, callback (JSON), sealed body, most callbacks → accepted, late, duplicate, full or unknown.
 * It counts as a version: a commit that has not seen it loses, or what was accepted would come too late.
 */
export const receive = `
local id, callbackId, callback, body, most = unpack(ARGV)
local state = redis.call('HGET', key('request', id), 'state')
if not state then return 'unknown' end
if redis.call('HEXISTS', key('callbacks', id), callbackId) == 1 then return 'duplicate' end
local order = redis.call('HLEN', key('callbacks', id))
if order >= tonumber(most) then return 'full' end
local at = now()
redis.call('HSET', key('callbacks', id), callbackId, string.format('%d|%d|', at, order) .. callback)
redis.call('HSET', key('bodies', id), callbackId, body)
redis.call('ZADD', key('received'), at, id)
redis.call('HINCRBY', key('request', id), 'version', 1)
if state == 'delivered' or state == 'failed' or state == 'cancelled' then return 'late' end
return 'accepted'
`

/**
 * id, request id, entry (JSON), sealed body, size, most entries and bytes of one request, most entries and
 * bytes in all → 1 where it is new, 0 where the same is kept already, -1 where the request has its share.
 */
export const quarantine = `
local id, requestId, entry, body, size, ownEntries, ownBytes, mostEntries, mostBytes = unpack(ARGV)
if redis.call('EXISTS', key('quarantine', id)) == 1 then return 0 end
local count, bytes = holdingOf(requestId)
if count >= tonumber(ownEntries) or (count > 0 and bytes + size > tonumber(ownBytes)) then return -1 end
put(id, entry, now(), body)
trim(mostEntries, mostBytes)
return 1
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
