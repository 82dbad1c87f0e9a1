#!lua flags=allow-oom
-- Queue what has become due in one queue, for a caller of SAQ's `schedule`.
--
-- KEYS  incomplete queued retrying
-- ARGV  1 the caller's clock, ms  2 most jobs of one call  3 ms from which a clock is a test's, not a skewed host's
-- reply their ids
local call = redis.call
local time = call('TIME')
local now, caller = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1])
if math.abs(caller - now) >= tonumber(ARGV[3]) then now = caller end
local due = call('ZRANGEBYSCORE', KEYS[1], '(0', string.format('%.3f', now / 1000), 'LIMIT', 0, ARGV[2])
if #due > 0 then
  local zeros = {}
  for i, id in ipairs(due) do
    zeros[2 * i - 1], zeros[2 * i] = 0, id
  end
  call('ZADD', KEYS[1], unpack(zeros))
  call('RPUSH', KEYS[2], unpack(due))
  call('ZREM', KEYS[3], unpack(due))
end
return due
