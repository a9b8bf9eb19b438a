-- Bodies in quarantine. Each insertion and deletion updates the sum of sizes and the share of the request.
--- @include "keys"
--- @include "events"

local function put(id, entry, at, body)
  local name = key('quarantine', id)
  local known = redis.call('EXISTS', name) == 1
  redis.call('HSET', name, 'entry', entry, 'receivedAt', string.format('%d', at), 'body', body)
  redis.call('ZADD', key('quarantine'), at, id)
  if known then return end
  local fields = cjson.decode(entry)
  redis.call('HINCRBY', key('totals'), 'quarantineBytes', fields.size)
  redis.call('SADD', key('kept', fields.requestId), id)
  tell('quarantine', id, 'request', fields.requestId, 'kind', fields.kind, 'change', 'kept')
end

local function drop(id)
  local entry = redis.call('HGET', key('quarantine', id), 'entry')
  redis.call('ZREM', key('quarantine'), id)
  if not entry then return 0 end
  local fields = cjson.decode(entry)
  redis.call('HINCRBY', key('totals'), 'quarantineBytes', -fields.size)
  redis.call('SREM', key('kept', fields.requestId), id)
  tell('quarantine', id, 'request', fields.requestId, 'kind', fields.kind, 'change', 'removed')
  return redis.call('DEL', key('quarantine', id))
end

-- The number of entries of one request, their total size, and the oldest of them.
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

-- No request evicts the entries of others: above its share its own oldest entry is evicted.
local function trimHolding(requestId, mostEntries, mostBytes)
  local count, bytes, oldest = holdingOf(requestId)
  while count > 1 and (count > mostEntries or bytes > mostBytes) do
    redis.call('HINCRBY', key('totals'), 'quarantineEvicted', drop(oldest))
    -- The loop ends even if the entry does not exist.
    redis.call('SREM', key('kept', requestId), oldest)
    count, bytes, oldest = holdingOf(requestId)
  end
end

local function isOver(mostEntries, mostBytes)
  local count = redis.call('ZCARD', key('quarantine'))
  local bytes = tonumber(redis.call('HGET', key('totals'), 'quarantineBytes') or '0')
  return count > 1 and (count > tonumber(mostEntries) or bytes > tonumber(mostBytes))
end

-- The oldest entry is evicted and counted.
local function trim(mostEntries, mostBytes)
  local evicted = 0
  while isOver(mostEntries, mostBytes) do
    evicted = evicted + drop(redis.call('ZRANGE', key('quarantine'), 0, 0)[1])
  end
  if evicted > 0 then redis.call('HINCRBY', key('totals'), 'quarantineEvicted', evicted) end
  return evicted
end
