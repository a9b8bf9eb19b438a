-- id, record, state, due, account, bank credentials, group, names (JSON), encrypted input, its job of the queue `send`
-- (id, data, options) or nothing → 1, or 0 if the id exists.
--- @include "flow"
--- @include "indexes"
--- @include "jobs"

local id, record, state, due, account, logon, group, names, sealed, jobId = unpack(ARGV)
if redis.call('EXISTS', key('request', id)) == 1 then return 0 end
redis.call('HSET', key('request', id), 'version', 1, 'record', record, 'state', state, 'sealed', sealed,
  'account', account, 'logon', logon)
redis.call('ZADD', key('requests'), 0, id)
move(id, '', group)
addNames(id, cjson.decode(names))
if account ~= '' then
  redis.call('ZADD', key('account', account), 0, id)
  redis.call('ZADD', key('waiting', account), 0, id)
end
redis.call('ZADD', key('due'), due, id)
redis.call('ZADD', key('due', state), due, id)
if jobId then addJob('send', unpack(ARGV, 10, 12)) end
-- With its first request the groups of a ledger are complete.
if redis.call('HINCRBY', key('totals'), 'accepted', 1) == 1 then redis.call('HSET', key('indexing'), 'done', 1) end
return 1
