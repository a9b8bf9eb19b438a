-- the lower and the upper bound of the ids that count → 1 if the groups are complete, now; of each group with such requests
-- its name, how many there are, and the lowest id …
--- @include "groups"

local oldest, newest = unpack(ARGV)
local isBounded = oldest ~= '-' or newest ~= '+'
local fields = redis.call('HGETALL', key('groups'))
local reply = { isIndexed(), now() }
for at = 1, #fields, 2 do
  local group = key('group', fields[at])
  local first = redis.call('ZRANGEBYLEX', group, oldest, newest, 'LIMIT', 0, 1)[1]
  if first then
    reply[#reply + 1] = fields[at]
    reply[#reply + 1] = isBounded and tostring(redis.call('ZLEXCOUNT', group, oldest, newest)) or fields[at + 1]
    reply[#reply + 1] = first
  end
end
return reply
