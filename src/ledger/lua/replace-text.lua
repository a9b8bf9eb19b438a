-- name, text before, text after → 1, or 0 if the key has another value by now. The expiry of the key is unchanged.
--- @include "keys"

local name, before, after = unpack(ARGV)
if redis.call('GET', key(name)) ~= before then return 0 end
redis.call('SET', key(name), after, 'KEEPTTL')
return 1
