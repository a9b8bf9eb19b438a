-- the lower and the upper bound of the ids, how many, the names of indexes by id … → the last id if there may be more, the
-- records, oldest first …
--- @include "keys"

local from, newest, limit = unpack(ARGV, 1, 3)
local ids, seen, isMore = {}, {}, false
for argument = 4, #ARGV do
  local found = redis.call('ZRANGEBYLEX', tag .. ':' .. ARGV[argument], from, newest, 'LIMIT', 0, limit)
  isMore = isMore or #found == tonumber(limit)
  for _, id in ipairs(found) do
    -- During a rollout a request may be in two groups.
    if not seen[id] then ids[#ids + 1] = id end
    seen[id] = true
  end
end
table.sort(ids)
local last = math.min(#ids, limit)
local reply = { (isMore or #ids > last) and ids[last] or '' }
for at = 1, last do
  local record = redis.call('HGET', key('request', ids[at]), 'record')
  if record then reply[#reply + 1] = record end
end
return reply
