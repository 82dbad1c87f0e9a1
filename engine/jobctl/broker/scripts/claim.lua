#!lua flags=allow-oom
-- Claim the next job of one queue for a caller of SAQ's `dequeue` (our worker claims in `cycle`).
--
-- KEYS  queued active incomplete leases owners poison paused
-- ARGV  1 token of this claim  2 lease ms  3 the caller's clock, ms  4 name of the queue
-- reply {id, record as it was before}, or {} if nothing is queued, or 'paused'
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- This very call, sent again after its answer was lost: what it claimed is among the last.
local last = call('LRANGE', KEYS[2], -20, -1)
if #last > 0 then
  for i, owner in ipairs(call('HMGET', KEYS[5], unpack(last))) do
    if owner == ARGV[1] then return {last[i], call('GET', last[i])} end
  end
end
if call('EXISTS', KEYS[7]) == 1 then return 'paused' end

while true do
  local id = call('LPOP', KEYS[1])
  if not id then return {} end
  local record = call('GET', id)
  local ok, job = pcall(cjson.decode, record or '')
  if ok and type(job) == 'table' and type(job['function']) == 'string' and string.sub(record, -1) == '}' then
    -- Started and touched by the caller's clock, as everything SAQ's worker writes into a record. The worker writes its
    -- name when it counts the attempt: without one, a lost delivery has not been counted.
    local fields = ',"status":"active","worker_id":null,"started":' .. ARGV[3] .. ',"touched":' .. ARGV[3]
    call('SET', id, string.sub(record, 1, -2) .. fields .. '}')
    call('RPUSH', KEYS[2], id)
    call('ZADD', KEYS[4], string.format('%.0f', now + tonumber(ARGV[2])), id)
    call('HSET', KEYS[5], id, ARGV[1])
    call('PUBLISH', id, 'active')
    return {id, record}
  end
  -- evicted, expired or overwritten: out of the way, kept for inspection
  call('ZREM', KEYS[3], id)
  call('HSET', KEYS[6], id, record or '')
  call('DEL', id)
end
