-- id, version or nothing, state or nothing, its group or nothing, its names (JSON) → 1 if its indexes were wrong, 0 if they
-- were right, -1 if the request has changed since it was read. A deleted one has no version, state and group.
--- @include "indexes"

local id, version, state, group, names = unpack(ARGV)
if (redis.call('HGET', key('request', id), 'version') or '') ~= version then return -1 end
names = cjson.decode(names)
local before = group ~= '' and redis.call('ZSCORE', key('group', group), id)
local known = redis.call('HGETALL', key('groups'))
for at = 1, #known, 2 do if known[at] ~= group then enter(id, known[at], '') end end
enter(id, '', group)
local due = redis.call('ZSCORE', key('due'), id)
for _, live in ipairs({ 'queued', 'sending', 'awaiting-callback', 'retry-scheduled', 'parked' }) do
  if live == state and due then redis.call('ZADD', key('due', live), due, id)
  else redis.call('ZREM', key('due', live), id) end
end
addNames(id, names)
leaveOld(id, names)
return before and 0 or 1
