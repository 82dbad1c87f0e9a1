#!lua flags=allow-oom
-- Queue one job again for a caller of SAQ's own methods: its worker after a failure, or a person after the end.
--
-- KEYS  id queued active incomplete leases owners complete dead cancelled expiry retrying cancels replayed
-- ARGV  1 token of the caller's delivery or ''  2 the whole record  3 delay ms  4 name of the queue
-- reply 'queued', 'again' (an exact repeat), 'cancelled' (it had been asked to stop), 'running' (refused: somebody runs
--       it) or 'fenced' (refused: another delivery owns it by now)
local call = redis.call
local LONGEST = 3000000000 -- seconds; a foreign record may say anything, and the server's clock ends
local id, token, record, delay = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owner = call('HGET', KEYS[6], id)
if token ~= '' and owner ~= token then
  if call('GET', id) == record then return 'again' end
  return 'fenced'
end
if token == '' and (owner or call('LPOS', KEYS[3], id)) then return 'running' end

call('HDEL', KEYS[6], id)
call('ZREM', KEYS[5], id)
local reason = call('HGET', KEYS[12], id)
if token ~= '' then call('LREM', KEYS[3], 1, id) else call('LREM', KEYS[2], 0, id) end

if reason then
  local ok, job = pcall(cjson.decode, record)
  local keep = math.min(math.ceil(ok and tonumber(job.ttl) or 600), LONGEST)
  call('HDEL', KEYS[12], id)
  call('ZREM', KEYS[4], id)
  if keep < 0 then
    call('DEL', id)
  else
    record = string.sub(record, 1, -2) .. ',"status":"aborted","completed":' .. string.format('%.0f', now)
      .. ',"error":' .. cjson.encode(reason) .. '}'
    call('ZADD', KEYS[9], string.format('%.0f', now), id)
    if keep > 0 then
      call('SET', id, record, 'EX', keep)
      call('ZADD', KEYS[10], string.format('%.0f', now + keep * 1000), id)
    else
      call('SET', id, record)
    end
  end
  call('PUBLISH', id, 'aborted')
  return 'cancelled'
end

if not call('ZSCORE', KEYS[4], id) then
  -- It had ended: a new life, with all its attempts, and nothing of the old one sticks to it.
  record = string.sub(record, 1, -2) .. ',"attempts":0}'
  for n = 7, 10 do call('ZREM', KEYS[n], id) end
  call('ZREM', KEYS[13], id)
  for _, name in ipairs({'crashes', 'interruptions', 'losses'}) do
    call('HDEL', 'jobctl:' .. ARGV[4] .. ':' .. name, id)
  end
end
call('SET', id, record)
if delay > 0 then
  local due = now + delay
  call('ZADD', KEYS[4], string.format('%.3f', due / 1000), id)
  call('ZADD', KEYS[11], string.format('%.0f', due), id)
else
  call('ZREM', KEYS[11], id)
  call('ZADD', KEYS[4], 0, id)
  call('RPUSH', KEYS[2], id)
end
call('PUBLISH', id, 'queued')
return 'queued'
