-- The indexes by what a request names: references and ids of Khipu's operations. `old` names the indexes of older versions.
--- @include "groups"

local function addNames(id, names)
  if names.reference then redis.call('ZADD', key('references'), 0, names.reference .. '\0' .. id) end
  for _, operation in ipairs(names.operations) do redis.call('HSET', key('operations', operation[1]), operation[2], id) end
end

local function removeNames(id, names)
  if names.reference then redis.call('ZREM', key('references'), names.reference .. '\0' .. id) end
  for _, operation in ipairs(names.operations) do redis.call('HDEL', key('operations', operation[1]), operation[2]) end
end

local function leaveOld(id, names)
  for _, name in ipairs(names.old) do redis.call('ZREM', key(name), id) end
end
