-- 'up' or 'down', the id at which the page starts, the ends of the list at which a page down and a page up would start, how
-- many, and the names of indexes by id → how many there are in all, the last id of the page if there may be more, the
-- records of the page …
--- @include "keys"

local direction, from, newest, oldest, limit = unpack(ARGV, 1, 5)
limit = tonumber(limit)
local isUp = direction == 'up'
local chunk = math.max(4, math.ceil(2 * limit / (#ARGV - 5)))

-- The indexes that have more for the page, by their next id, the first one last.
local waiting = {}
local function nextOf(index) return index.ids[index.at] end
local function isBehind(one, other) if isUp then return one > other else return one < other end end
local function wait(index)
  local low, high = 1, #waiting + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isBehind(nextOf(index), nextOf(waiting[middle])) then high = middle else low = middle + 1 end
  end
  table.insert(waiting, low, index)
end
local function read(index, behind)
  if isUp then index.ids = redis.call('ZRANGEBYLEX', index.name, behind, newest, 'LIMIT', 0, chunk)
  else index.ids = redis.call('ZREVRANGEBYLEX', index.name, behind, oldest, 'LIMIT', 0, chunk) end
  index.at = 1
  if index.ids[1] then wait(index) end
end

local total = 0
for argument = 6, #ARGV do
  local name = tag .. ':' .. ARGV[argument]
  local isBounded = newest ~= '+' or oldest ~= '-'
  total = total + (isBounded and redis.call('ZLEXCOUNT', name, oldest, newest) or redis.call('ZCARD', name))
  read({ name = name }, from)
end
local page = {}
while #page < limit and #waiting > 0 do
  local index = table.remove(waiting)
  local id = nextOf(index)
  -- During a rollout a request may be in two groups.
  if id ~= page[#page] then page[#page + 1] = id end
  index.at = index.at + 1
  if nextOf(index) then wait(index) elseif #index.ids == chunk then read(index, '(' .. id) end
end
local reply = { total, #waiting > 0 and page[#page] or '' }
for _, id in ipairs(page) do
  local record = redis.call('HGET', key('request', id), 'record')
  if record then reply[#reply + 1] = record end
end
return reply
