-- id, callback id, callback (JSON), encrypted body, result or error, most callbacks of that type, most bytes of unread
-- bodies beside which an error is stored, how many ms ago it was answered if not now → accepted, late, duplicate, full
-- or unknown. Results and errors are counted apart, so errors never prevent a result from being stored. It increments
-- the version. A commit that has not seen the callback fails; otherwise the callback would arrive too late.
--- @include "keys"

local id, callbackId, callback, body, type, most, mostBytes, ago = unpack(ARGV)

-- The clock of the receiving process may have changed meanwhile. No callback is older than the start of its attempt.
local function takenAt()
  local at = now()
  if not ago then return at end
  local request = cjson.decode(redis.call('HGET', key('request', id), 'record'))
  local attempt = request.attempts[tonumber(string.match(callbackId, '^%d+'))]
  local earliest = attempt and attempt.sendingAt or request.requestedAt
  return math.min(at, math.max(earliest, at - ago))
end

local request = key('request', id)
local version, state, results = unpack(redis.call('HMGET', request, 'version', 'state', 'results'))
if not state then return 'unknown' end
results = tonumber(results or '0')
local order = redis.call('HLEN', key('callbacks', id))

local function isFull()
  if type == 'result' then return results >= tonumber(most) end
  if order - results >= tonumber(most) then return true end
  local bytes = 0
  for _, unread in ipairs(redis.call('HVALS', key('callbacks', id))) do
    bytes = bytes + tonumber(string.match(unread, '"size":(%d+)') or '0')
  end
  return bytes > 0 and bytes + #body > tonumber(mostBytes)
end

if redis.call('HEXISTS', key('callbacks', id), callbackId) == 1 then return 'duplicate' end
if not ago and isFull() then return 'full' end
local at = takenAt()
redis.call('HSET', key('callbacks', id), callbackId, string.format('%d|%d|', at, order) .. callback)
redis.call('HSET', key('bodies', id), callbackId, body)
redis.call('ZADD', key('received'), at, id)
redis.call('HSET', request, 'version', version + 1, 'results', results + (type == 'result' and 1 or 0))
if state == 'delivered' or state == 'failed' or state == 'cancelled' then return 'late' end
return 'accepted'
