-- the instant and the id behind which the page starts, the latest instant, how many, states → for each request of the page,
-- by the instant of its next step: id, instant, record or nothing …
--- @include "keys"

local from, behind, latest, limit = unpack(ARGV, 1, 4)
limit = tonumber(limit)
local found = {}
for argument = 5, #ARGV do
  local name = key('due', ARGV[argument])
  local at = 0
  while true do
    -- Of one instant there may be many: those up to `behind` were on the page before.
    local members = redis.call('ZRANGEBYSCORE', name, from, latest, 'WITHSCORES', 'LIMIT', at, limit)
    local last
    for index = 1, #members, 2 do
      local id, instant = members[index], tonumber(members[index + 1])
      if instant > tonumber(from) or id > behind then found[#found + 1] = { id = id, instant = instant } end
      last = instant
    end
    at = at + limit
    if #members < 2 * limit or last > tonumber(from) then break end
  end
end
table.sort(found, function(one, other)
  if one.instant ~= other.instant then return one.instant < other.instant end
  return one.id < other.id
end)
local reply = {}
for index = 1, math.min(#found, limit) do
  local id = found[index].id
  reply[#reply + 1] = id
  reply[#reply + 1] = string.format('%.17g', found[index].instant)
  reply[#reply + 1] = redis.call('HGET', key('request', id), 'record') or ''
end
return reply
