-- → 1 if the groups are complete, the groups (name, how many, …).
--- @include "groups"

return { isIndexed(), redis.call('HGETALL', key('groups')) }
