-- id, group, names (JSON) → 1 if the ended request was deleted, or 0 if a late callback is still unread.
--- @include "indexes"

local id, group, names = unpack(ARGV)
if redis.call('ZSCORE', key('received'), id) then return 0 end
names = cjson.decode(names)
local account = redis.call('HGET', key('request', id), 'account')
redis.call('DEL', key('request', id), key('callbacks', id), key('bodies', id), key('late', id), key('tries', id))
for _, name in ipairs({ 'requests', 'due', 'ended' }) do redis.call('ZREM', key(name), id) end
enter(id, group, '')
removeNames(id, names)
leaveOld(id, names)
if account and account ~= '' then redis.call('ZREM', key('account', account), id) end
return 1
