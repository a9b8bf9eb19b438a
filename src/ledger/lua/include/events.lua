-- Events of `GET /v1/events`. `keepsEvents` stands before every script.
--- @include "keys"

local function tell(...)
  if keepsEvents then redis.call('XADD', key('events'), 'MAXLEN', '~', 10000, '*', ...) end
end
