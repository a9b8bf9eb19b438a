-- the lower and the upper bound of the ids that count → 1 if the groups are complete, now; of each group its name and how
-- many there are …
--- @include "groups"

local oldest, newest = unpack(ARGV)
local fields = redis.call('HGETALL', key('groups'))
local reply = { isIndexed(), now() }
for at = 1, #fields, 2 do
  reply[#reply + 1] = fields[at]
  local isBounded = oldest ~= '-' or newest ~= '+'
  reply[#reply + 1] = isBounded and tostring(redis.call('ZLEXCOUNT', key('group', fields[at]), oldest, newest))
    or fields[at + 1]
end
return reply
