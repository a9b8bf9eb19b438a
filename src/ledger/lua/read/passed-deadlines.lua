-- how many due requests to look at, how many to pass over → how many to pass over next time (0 after the last one), the
-- records of those whose deadline has passed …
--- @include "serialization"

local most, passed = tonumber(ARGV[1]), tonumber(ARGV[2])
local ids = redis.call('ZRANGEBYSCORE', key('due'), '-inf', now(), 'LIMIT', passed, most)
local reply = { #ids == most and passed + most or 0 }
for _, id in ipairs(ids) do
  local state, record = unpack(redis.call('HMGET', key('request', id), 'state', 'record'))
  if state == 'parked' or ON_ITS_WAY[state] then reply[#reply + 1] = record end
end
return reply
