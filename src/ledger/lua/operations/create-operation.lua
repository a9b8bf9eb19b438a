-- id, record, after how many ms it is to be carried on or nothing, how long it is kept in ms, the most operations, the
-- notifications that it releases … → 1, or 0 if the id exists.
--- @include "operation-event"

local id, record, after, kept, most = unpack(ARGV, 1, 5)
local name = key('bulk', id)
if redis.call('EXISTS', name) == 1 then return 0 end
redis.call('HSET', name, 'version', 1, 'record', record)
redis.call('PEXPIRE', name, kept)
redis.call('ZADD', key('bulks'), 0, id)
tellOperation(id, record)
for at = 6, #ARGV do redis.call('ZREM', key('releasing'), ARGV[at]) end
if after ~= '' then redis.call('ZADD', key('operating'), now() + after, id) end
if redis.call('ZCARD', key('bulks')) > tonumber(most) then
  local oldest = redis.call('ZRANGE', key('bulks'), 0, 0)[1]
  if not redis.call('ZSCORE', key('operating'), oldest) then
    redis.call('ZREM', key('bulks'), oldest)
    redis.call('DEL', key('bulk', oldest), key('bulk', oldest .. ':items'))
  end
end
return 1
