-- id → 1 if its result was set aside. The result is then due now, and has all its tries again.
--- @include "keys"

local id = ARGV[1]
if redis.call('ZREM', key('aside'), id) == 0 then return 0 end
redis.call('ZADD', key('due'), now(), id)
return 1
