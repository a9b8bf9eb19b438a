-- notification (JSON) → its instant. From then on parking sees it.
--- @include "keys"

local at = now()
redis.call('INCR', key('epoch'))
redis.call('ZADD', key('notifications'), at, string.format('%d|', at) .. ARGV[1])
return at
