-- id, the name of a try, how many there may be → 1 where it may go on, or 0 where the result of the request is set
-- aside: now, for it has had as many tries that never came to an end, or before. The same name is the same try.
--- @include "keys"

local id, name, most = unpack(ARGV)
if redis.call('ZSCORE', key('aside'), id) then return 0 end
redis.call('SADD', key('tries', id), name)
if #redis.call('SMEMBERS', key('tries', id)) <= tonumber(most) then return 1 end
redis.call('DEL', key('tries', id))
redis.call('ZADD', key('aside'), now(), id)
redis.call('ZREM', key('due'), id)
return 0
