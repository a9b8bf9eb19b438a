-- The probe of rejected bank credentials. <tag>:probe:<credentials> names the request that tried them last. Whether it
-- still is in flight follows from its own state, as with serialization. <tag>:probing:<credentials> has the waiting
-- requests.
--- @include "serialization"

local function probeOut(logon, but)
  local id = redis.call('GET', key('probe', logon))
  if id and id ~= but and ON_ITS_WAY[stateOf(id)] then return id end
end

local function firstForProbe(logon, but)
  local at = 0
  while true do
    local id = redis.call('ZRANGE', key('probing', logon), at, at)[1]
    if not id then return nil end
    if not TO_BE_SENT[stateOf(id)] then redis.call('ZREM', key('probing', logon), id)
    elseif id == but then at = at + 1
    else return id end
  end
end

-- The request that tries the credentials before a request: the probe in flight or, behind a probe of its own, a waiting
-- request.
local function aheadWithLogon(logon, id)
  local other = probeOut(logon, id)
  if other then return other end
  if redis.call('GET', key('probe', logon)) == id then return firstForProbe(logon, id) end
end

-- The next request in line to try is due now. If it is not promoted, the sweep finds it.
local function nextForProbe(logon)
  if logon == '' or redis.call('EXISTS', key('probing', logon)) == 0 or probeOut(logon) then return nil end
  local last = redis.call('GET', key('probe', logon))
  local first = firstForProbe(logon, last) or firstForProbe(logon)
  if first then isDueNow(first) end
  return first
end
