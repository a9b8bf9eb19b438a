-- most entries, most bytes, the oldest instant to keep → the number of entries evicted for newer ones.
--- @include "quarantine"

local mostEntries, mostBytes, oldest = unpack(ARGV)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('quarantine'), '-inf', oldest, 'LIMIT', 0, 500)) do
  drop(id)
end
return trim(mostEntries, mostBytes)
