-- Per-account serialization. The set <tag>:turn:<account> names the requests in flight. Whether one still is in flight
-- follows from its own state, so no crash can leave an account locked. The set has one request. It may have more if
-- accounts were not serialized for a time, or were hashed with another key.
--- @include "keys"

local ON_ITS_WAY = { sending = true, ['awaiting-callback'] = true }
local TO_BE_SENT = { queued = true, ['retry-scheduled'] = true }
local function stateOf(id) return redis.call('HGET', key('request', id), 'state') or '' end

local function isDueNow(id)
  redis.call('ZADD', key('due'), now(), id)
  redis.call('ZADD', key('due', stateOf(id)), now(), id)
end

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

-- The request that goes before a request. Ids are UUIDv7, so the smaller one was accepted earlier.
local function ahead(account, id)
  if account == '' then return nil end
  local other = onItsWay(account, id)
  if other then return other end
  local first = firstWaiting(account)
  if first and first < id then return first end
end

-- Records which request is in flight and which ones wait. The next in line is due now. If it is not promoted, the sweep
-- finds it.
local function takeTurns(account, id, state, waits)
  if account == '' then return nil end
  local turn = key('turn', account)
  if ON_ITS_WAY[state] then redis.call('SADD', turn, id) else redis.call('SREM', turn, id) end
  if waits then redis.call('ZADD', key('waiting', account), 0, id)
  else redis.call('ZREM', key('waiting', account), id) end
  if onItsWay(account) then return nil end
  local first = firstWaiting(account)
  if first then isDueNow(first) end
  return first
end
