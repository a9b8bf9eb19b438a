-- count, ms between two places → the instant of the first of `count` places in the pace of releases. They follow all
-- earlier places.
--- @include "keys"

local count, spacing = unpack(ARGV)
local first = math.max(now(), tonumber(redis.call('GET', key('pace')) or '0'))
local next = first + count * spacing
redis.call('SET', key('pace'), string.format('%.3f', next), 'PX', math.ceil(next - now()) + 1000)
return string.format('%.3f', first)
