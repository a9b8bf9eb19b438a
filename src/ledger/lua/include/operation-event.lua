--- @include "events"

local function tellOperation(id, record)
  if keepsEvents then tell('operation', id, 'state', cjson.decode(record).state) end
end
