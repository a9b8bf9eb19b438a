-- The first job of a request, and those of its callbacks, are added by the scripts that make them necessary.
--- @include "keys"

-- Adds a job to a queue as BullMQ's script addStandardJob does, but without its events, which nobody reads, and without a
-- number, because the job has an id.
local function addJob(name, id, data, options)
  local queue = key(name)
  local job = queue .. ':' .. id
  if redis.call('EXISTS', job) == 1 then return end
  redis.call('HSET', job, 'name', name, 'data', data, 'opts', options, 'timestamp', string.format('%d', now()),
    'delay', 0, 'priority', 0)
  redis.call('LPUSH', queue .. ':wait', id)
  redis.call('ZADD', queue .. ':marker', 0, '0')
end
