-- ms of a lease, an id or nothing → nothing, or id, version, record, now: an operation that is to be carried on. For the
-- time of the lease no other process gets it.
--- @include "keys"

local lease, wanted = unpack(ARGV)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('operating'), '-inf', now())) do
  if wanted == '' or wanted == id then
    local version, record = unpack(redis.call('HMGET', key('bulk', id), 'version', 'record'))
    if version then
      redis.call('ZADD', key('operating'), now() + lease, id)
      return { id, version, record, now() }
    end
    redis.call('ZREM', key('operating'), id)
  end
end
