/** name, field, bytes before, bytes after → 1, or 0 where the field holds something else by now. */
export const resealField = `
local name, field, before, after = unpack(ARGV)
if redis.call('HGET', key(name), field) ~= before then return 0 end
redis.call('HSET', key(name), field, after)
return 1
`

/** name, text before, text after → 1, or 0 where it holds something else by now. It expires when it would have. */
export const resealText = `
local name, before, after = unpack(ARGV)
if redis.call('GET', key(name)) ~= before then return 0 end
redis.call('SET', key(name), after, 'KEEPTTL')
return 1
`
