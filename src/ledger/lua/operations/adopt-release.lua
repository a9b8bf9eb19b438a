-- a notification whose release has no operation, because its process died or is of version 0.1, its lease there, id,
-- record, how long it is kept in ms → 1 if an operation carries it on from now on; 0 if it has ended, or a process is
-- still at work on it.
--- @include "operation-event"

local member, lease, id, record, kept = unpack(ARGV)
if redis.call('EXISTS', key('releaser', lease)) == 1 then return 0 end
if redis.call('ZREM', key('releasing'), member) == 0 then return 0 end
redis.call('HDEL', key('released'), member)
redis.call('HSET', key('bulk', id), 'version', 1, 'record', record)
redis.call('PEXPIRE', key('bulk', id), kept)
redis.call('ZADD', key('bulks'), 0, id)
redis.call('ZADD', key('operating'), now(), id)
tellOperation(id, record)
return 1
