-- name, field, bytes before, bytes after → 1, or 0 if the field has another value by now.
--- @include "keys"

local name, field, before, after = unpack(ARGV)
if redis.call('HGET', key(name), field) ~= before then return 0 end
redis.call('HSET', key(name), field, after)
return 1
