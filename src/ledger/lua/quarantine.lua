-- id, request id, entry (JSON), sealed body, size, most entries and bytes of one request, most entries and
-- bytes in all, the attempt where it is a callback of one, how many ms ago it was taken where that was not now → 1
-- where it is new, 0 where the same is kept already, -1 where the request has its share. What was answered for already
-- is kept all the same: then the oldest of its request is evicted. A callback that is kept leaves a mark on its
-- request, which counts as a version: a deadline that has not seen it loses, or what Khipu has answered would be paid
-- for again.
--- @include "quarantine"

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
