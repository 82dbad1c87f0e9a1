#!lua flags=allow-oom
-- Report a worker to SAQ's web page and `saq --check`, in every queue it serves.
--
-- KEYS  per queue 2: saq:{queue}:worker_info:{worker}, saq:{queue}:stats
-- ARGV  1 seconds the report lives, 0 = take it away; then per queue the report, JSON
local call = redis.call
local time = call('TIME')
local now, life = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1])
for i = 1, #KEYS, 2 do
  local info, stats = KEYS[i], KEYS[i + 1]
  if life == 0 then
    call('DEL', info)
    call('ZREM', stats, info)
  else
    call('SET', info, ARGV[(i + 1) / 2 + 1], 'EX', life)
    call('ZREMRANGEBYSCORE', stats, 0, string.format('%.0f', now))
    call('ZADD', stats, string.format('%.0f', now + life * 1000), info)
    if call('TTL', stats) < life then call('EXPIRE', stats, life) end
  end
end
