-- → 1 if the groups are complete, the groups (name, how many, …).
--- @include "keys"

return { redis.call('HGET', key('indexing'), 'done') and 1 or 0, redis.call('HGETALL', key('groups')) }
