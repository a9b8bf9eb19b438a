-- lower and upper bound of `<reference>\0<id>`, the id behind which the page starts or nothing, how many members to read at
-- most, how many ids → 1 if there may be more members, the ids of the page, newest first …
--- @include "keys"

local lowest, highest, behind, most, limit = unpack(ARGV)
local members = redis.call('ZRANGEBYLEX', key('references'), lowest, highest, 'LIMIT', 0, most)
local ids = {}
for _, member in ipairs(members) do
  local id = string.match(member, '%z([^%z]*)$')
  if behind == '' or id < behind then ids[#ids + 1] = id end
end
table.sort(ids, function(one, other) return one > other end)
return { #members == tonumber(most) and 1 or 0, unpack(ids, 1, math.min(#ids, tonumber(limit))) }
