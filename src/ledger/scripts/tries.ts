/**
 * id, the name of a try, how many there may be → 1 where it may go on, or 0 where the result of the request is set
 * aside: now, for it has had as many tries that never came to an end, or before. The same name is the same try.
 */
export const beginTry = `
local id, name, most = unpack(ARGV)
if redis.call('ZSCORE', key('aside'), id) then return 0 end
redis.call('SADD', key('tries', id), name)
if #redis.call('SMEMBERS', key('tries', id)) <= tonumber(most) then return 1 end
redis.call('DEL', key('tries', id))
redis.call('ZADD', key('aside'), now(), id)
redis.call('ZREM', key('due'), id)
return 0
`

/** id → 1 where its result was set aside, and is due again now, with all its tries. */
export const takeUp = `
local id = ARGV[1]
if redis.call('ZREM', key('aside'), id) == 0 then return 0 end
redis.call('ZADD', key('due'), now(), id)
return 1
`
