-- id → 1 where its result was set aside, and is due again now, with all its tries.
--- @include "keys"

local id = ARGV[1]
if redis.call('ZREM', key('aside'), id) == 0 then return 0 end
redis.call('ZADD', key('due'), now(), id)
return 1
