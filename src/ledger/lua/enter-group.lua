-- id, version, the group that it may be in or nothing, its group → 1, or 0 if the request has changed since it was read.
--- @include "groups"

local id, version, from, to = unpack(ARGV)
if redis.call('HGET', key('request', id), 'version') ~= version then return 0 end
enter(id, from, '')
enter(id, '', to)
return 1
