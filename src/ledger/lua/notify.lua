-- notification (JSON) → its instant. From then on parking sees it, and a sweep makes an operation of it unless one was
-- created.
--- @include "keys"

local at = now()
local member = string.format('%d|', at) .. ARGV[1]
redis.call('INCR', key('epoch'))
redis.call('ZADD', key('notifications'), at, member)
redis.call('ZADD', key('releasing'), at, member)
return at
