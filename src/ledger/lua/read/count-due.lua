-- the start, ms of a step, how many steps, states → for each step and, within it, each state how many requests are due. The
-- first step has what is overdue as well.
--- @include "keys"

local from, ms, steps = unpack(ARGV, 1, 3)
local counts = {}
for step = 1, steps do
  local low = step == 1 and '-inf' or string.format('%.0f', from + (step - 1) * ms)
  local high = string.format('(%.0f', from + step * ms)
  for at = 4, #ARGV do counts[#counts + 1] = redis.call('ZCOUNT', key('due', ARGV[at]), low, high) end
end
return counts
