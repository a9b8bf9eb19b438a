-- the lower bound of the ids that count → 1 if the groups are complete; of each group with such requests its name, how many
-- there are, and the lowest id …
--- @include "groups"

local oldest = ARGV[1]
local fields = redis.call('HGETALL', key('groups'))
local reply = { isIndexed() }
for at = 1, #fields, 2 do
  local group = key('group', fields[at])
  local count = oldest == '-' and fields[at + 1] or redis.call('ZLEXCOUNT', group, oldest, '+')
  local first = redis.call('ZRANGEBYLEX', group, oldest, '+', 'LIMIT', 0, 1)[1]
  if first then
    reply[#reply + 1] = fields[at]
    reply[#reply + 1] = tostring(count)
    reply[#reply + 1] = first
  end
end
return reply
