-- name, text before, text after → 1, or 0 where it holds something else by now. It expires when it would have.
--- @include "keys"

local name, before, after = unpack(ARGV)
if redis.call('GET', key(name)) ~= before then return 0 end
redis.call('SET', key(name), after, 'KEEPTTL')
return 1
