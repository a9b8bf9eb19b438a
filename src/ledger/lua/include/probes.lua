-- The probe of refused bank credentials. <tag>:probe:<log-on> names who tried them last; whether it still is on
-- its way is for its own state to say, as with turns. <tag>:probing:<log-on> has those that wait for it.
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

-- Who tries the credentials before a request: the probe that is out, or, behind a probe of its own, who waits.
local function aheadWithLogon(logon, id)
  local other = probeOut(logon, id)
  if other then return other end
  if redis.call('GET', key('probe', logon)) == id then return firstForProbe(logon, id) end
end

-- Who may try next is due now: should nobody promote it, the sweep does.
local function nextForProbe(logon)
  if logon == '' or redis.call('EXISTS', key('probing', logon)) == 0 or probeOut(logon) then return nil end
  local last = redis.call('GET', key('probe', logon))
  local first = firstForProbe(logon, last) or firstForProbe(logon)
  if first then redis.call('ZADD', key('due'), now(), first) end
  return first
end
