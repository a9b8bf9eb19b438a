-- id, state, service, reference hash, group → 1 if the ended request was deleted, or 0 if a late callback is still unread.
--- @include "groups"

local id, state, service, reference, group = unpack(ARGV)
if redis.call('ZSCORE', key('received'), id) then return 0 end
local account = redis.call('HGET', key('request', id), 'account')
redis.call('DEL', key('request', id), key('callbacks', id), key('bodies', id), key('late', id), key('tries', id))
for _, name in ipairs({ 'requests', 'due', 'ended' }) do redis.call('ZREM', key(name), id) end
redis.call('ZREM', key('state', state), id)
enter(id, group, '')
redis.call('ZREM', key('service', service), id)
if reference ~= '' then redis.call('ZREM', key('reference', reference), id) end
if account and account ~= '' then redis.call('ZREM', key('account', account), id) end
return 1
