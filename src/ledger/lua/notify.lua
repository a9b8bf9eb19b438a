-- notification (JSON) → its instant; from here on parking sees it, and the sweep carries its releases on.
--- @include "keys"

local at = now()
local member = string.format('%d|', at) .. ARGV[1]
redis.call('INCR', key('epoch'))
redis.call('ZADD', key('notifications'), at, member)
redis.call('ZADD', key('releasing'), at, member)
return at
