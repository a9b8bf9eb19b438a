-- id, version, record, after how many ms it is to be carried on or nothing, how long it is kept in ms, the ids of requests
-- that it has changed … → 1, or 0 if the operation has changed since it was read.
--- @include "operation-event"

local id, version, record, after, kept = unpack(ARGV, 1, 5)
local name, items = key('bulk', id), key('bulk', id .. ':items')
if redis.call('HGET', name, 'version') ~= version then return 0 end
redis.call('HSET', name, 'version', version + 1, 'record', record)
redis.call('PEXPIRE', name, kept)
if after == '' then redis.call('ZREM', key('operating'), id)
else redis.call('ZADD', key('operating'), now() + after, id) end
for at = 6, #ARGV do redis.call('ZADD', items, 'NX', 0, ARGV[at]) end
redis.call('PEXPIRE', items, kept)
tellOperation(id, record)
return 1
