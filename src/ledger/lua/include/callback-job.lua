-- Adds a job to the queue `callback` as BullMQ's script addStandardJob does, but without its events, which nobody reads,
-- and without a number, because the job has an id. Returns what was passed as the outcome.
--- @include "keys"

local function addCallbackJob(at, outcome, id, data, options)
  local queue = key('callback')
  local job = queue .. ':' .. id
  if redis.call('EXISTS', job) == 1 then return outcome end
  redis.call('HSET', job, 'name', 'callback', 'data', data, 'opts', options, 'timestamp', string.format('%d', at),
    'delay', 0, 'priority', 0)
  redis.call('LPUSH', queue .. ':wait', id)
  redis.call('ZADD', queue .. ':marker', 0, '0')
  return outcome
end
