-- The turns of an account. <tag>:turn:<account> names who went; whether they still are on their way is for
-- their own states to say, so no crash can leave an account locked. It is one request, but for a time in
-- which accounts took no turns, or were hashed otherwise.
--- @include "keys"

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
