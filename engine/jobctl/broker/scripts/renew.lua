#!lua flags=allow-oom
-- Renew the leases a worker still holds.
--
-- KEYS  per queue 2: leases owners
-- ARGV  1 lease ms; then per job 3: queue (from 0), id, token
-- reply ids whose lease another delivery holds or nobody: they are lost to this worker
local time = redis.call('TIME')
local expiry = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1]))
local lost = {}
for i = 2, #ARGV, 3 do
  local k = 2 * tonumber(ARGV[i])
  if redis.call('HGET', KEYS[k + 2], ARGV[i + 1]) == ARGV[i + 2] then
    redis.call('ZADD', KEYS[k + 1], expiry, ARGV[i + 1])
  else
    lost[#lost + 1] = ARGV[i + 1]
  end
end
return lost
