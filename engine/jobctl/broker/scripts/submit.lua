#!lua
-- Store one job for a caller of SAQ's `enqueue`, unless its key is taken. (`enqueue` stores ours: many, with locks.)
--
-- KEYS  id queued incomplete complete dead cancelled replayed expiry; the set of queues, the wake channel
-- ARGV  1 record, with something in it that no other call has  2 due, seconds since the epoch as the caller wrote them; '0' = now  3 name of the queue
-- reply ms since the epoch when it was stored (also by this very call, sent again after its answer was lost), or 0: the
--       key is taken
--
-- What is scheduled stays so until somebody's clock says that it is due, even if it lies in the past: SAQ's rule.
local call = redis.call
local id, record = KEYS[1], string.sub(ARGV[1], 1, -2)
if call('ZSCORE', KEYS[3], id) then
  local stored = call('GET', id)
  return stored and string.sub(stored, 1, #record) == record and cjson.decode(stored).queued or 0
end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for n = 4, 8 do call('ZREM', KEYS[n], id) end
for _, name in ipairs({'crashes', 'interruptions', 'losses', 'replays', 'cancels'}) do
  call('HDEL', 'jobctl:' .. ARGV[3] .. ':' .. name, id)
end
call('SET', id, record .. ',"queued":' .. string.format('%.0f', now) .. '}')
if ARGV[2] == '0' then
  call('ZADD', KEYS[3], 0, id)
  call('RPUSH', KEYS[2], id)
else
  local first = call('ZRANGEBYSCORE', KEYS[3], '(0', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  call('ZADD', KEYS[3], ARGV[2], id)
  -- workers sleep until the first job is due; only a new first one is worth waking them
  if not first or tonumber(ARGV[2]) < tonumber(first) then call('PUBLISH', KEYS[10], ARGV[3]) end
end
call('SADD', KEYS[9], ARGV[3])
return now
