-- count, ms between two places, for how many ms places are given → the instant of the first place, how many there are, at
-- most `count`. They follow all earlier places in the pace of releases.
--- @include "keys"

local count, spacing, ahead = unpack(ARGV)
local first = math.max(now(), tonumber(redis.call('GET', key('pace')) or '0'))
local given = math.max(0, math.min(count, math.floor((now() + ahead - first) / spacing) + 1))
if given > 0 then
  local next = first + given * spacing
  redis.call('SET', key('pace'), string.format('%.3f', next), 'PX', math.ceil(next - now()) + 1000)
end
return { string.format('%.3f', first), given }
