-- id, version or nothing, the group that it may be in or nothing, its group or nothing → 1, or 0 if the request has
-- changed since it was read. One that was deleted has neither a version nor a group.
--- @include "groups"

local id, version, from, to = unpack(ARGV)
if (redis.call('HGET', key('request', id), 'version') or '') ~= version then return 0 end
enter(id, from, '')
enter(id, '', to)
return 1
