-- Most callbacks of one type, most bytes of unread bodies beside which an error is stored; then for each callback: id,
-- callback id, callback (JSON), encrypted body, result or error, how many ms ago it was answered or nothing if now, and
-- its job (id, data, options) or nothing → for each: accepted, late, duplicate, full or unknown, or why it failed.
-- Results and errors are counted apart, so errors never prevent a result from being stored. It increments the
-- version. A commit that has not seen the callback fails; otherwise the callback would arrive too late.
--- @include "jobs"

local most, mostBytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local at = now()

-- The clock of the receiving process may have changed meanwhile. No callback is older than the start of its attempt.
local function takenAt(id, callbackId, ago)
  if ago == '' then return at end
  local request = cjson.decode(redis.call('HGET', key('request', id), 'record'))
  local attempt = request.attempts[tonumber(string.match(callbackId, '^%d+'))]
  local earliest = attempt and attempt.sendingAt or request.requestedAt
  return math.min(at, math.max(earliest, at - ago))
end

local function isFull(id, body, type, results)
  if type == 'result' then return results >= most end
  if redis.call('HLEN', key('callbacks', id)) - results >= most then return true end
  local bytes = 0
  for _, unread in ipairs(redis.call('HVALS', key('callbacks', id))) do
    bytes = bytes + tonumber(string.match(unread, '"size":(%d+)') or '0')
  end
  return bytes > 0 and bytes + #body > mostBytes
end

local function receive(id, callbackId, callback, body, type, ago)
  local request = key('request', id)
  local version, state, results = unpack(redis.call('HMGET', request, 'version', 'state', 'results'))
  if not state then return 'unknown' end
  if redis.call('HEXISTS', key('callbacks', id), callbackId) == 1 then return 'duplicate' end
  results = tonumber(results or '0')
  if ago == '' and isFull(id, body, type, results) then return 'full' end
  local taken = takenAt(id, callbackId, ago)
  redis.call('HSET', key('callbacks', id), callbackId, string.format('%d|%d|', taken, version) .. callback)
  redis.call('HSET', key('bodies', id), callbackId, body)
  redis.call('ZADD', key('received'), taken, id)
  redis.call('HSET', request, 'version', version + 1, 'results', results + (type == 'result' and 1 or 0))
  if state == 'delivered' or state == 'failed' or state == 'cancelled' then return 'late' end
  return 'accepted'
end

local outcomes = {}
for first = 3, #ARGV, 9 do
  -- The fault of one callback must not refuse the others.
  local done, outcome = pcall(receive, unpack(ARGV, first, first + 5))
  if done and ARGV[first + 6] ~= '' and outcome ~= 'unknown' and outcome ~= 'full' then
    local added, fault = pcall(addJob, 'callback', unpack(ARGV, first + 6, first + 8))
    if not added then done, outcome = false, fault end
  end
  outcomes[#outcomes + 1] = done and outcome or redis.error_reply(type(outcome) == 'table' and outcome.err or outcome)
end
return outcomes
