-- The start of every script: keys are built from the hash tag, instants come from Redis's clock.

local tag = KEYS[1]
local function key(name, id) return tag .. ':' .. name .. (id and (':' .. id) or '') end
local instant
local function now()
  if not instant then
    local time = redis.call('TIME')
    instant = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return instant
end
