-- index, 'up' or 'down', the id behind which the page starts or nothing, how many → the last id if there may be more, the
-- records of the page …
--- @include "keys"

local index, direction, behind, limit = unpack(ARGV)
local from = behind == '' and (direction == 'up' and '-' or '+') or '(' .. behind
local ids
if direction == 'up' then ids = redis.call('ZRANGEBYLEX', tag .. ':' .. index, from, '+', 'LIMIT', 0, limit)
else ids = redis.call('ZREVRANGEBYLEX', tag .. ':' .. index, from, '-', 'LIMIT', 0, limit) end
local reply = { #ids == tonumber(limit) and ids[#ids] or '' }
for _, id in ipairs(ids) do
  local record = redis.call('HGET', key('request', id), 'record')
  if record then reply[#reply + 1] = record end
end
return reply
