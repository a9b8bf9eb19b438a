-- id, request id, entry (JSON), encrypted body, size, most entries and bytes of one request, most entries and bytes in
-- all, the attempt if the body is a callback of one, how many ms ago it was answered if not now → 1 if it is new, 0 if
-- it is kept already, -1 if the request has filled its share. A body that was already answered is kept in any case: the
-- oldest entry of its request is evicted. A kept callback marks its request and increments the version. A deadline that
-- has not seen the mark fails; otherwise the service would pay again for Khipu's answer.
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
