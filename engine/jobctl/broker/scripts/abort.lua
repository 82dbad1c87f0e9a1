#!lua flags=allow-oom
-- Cancel a job: at once if it waits; if it runs, ask its worker to stop it.
--
-- KEYS  id queued active incomplete owners cancelled expiry retrying cancels; the wake channel
-- ARGV  1 reason  2 name of the queue  3 key of SAQ's own mark, or ''  4 seconds the mark lives
-- reply {what became of it, ms}: 'cancelled', 'cancelling', 'final' (it had ended: that stands) or 'gone'
--
-- A running job stays where it is until its run has really ended: its key is free no sooner, and if its worker dies
-- it is cancelled, not run again.
local call = redis.call
local id, reason = KEYS[1], ARGV[1]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local stored = call('GET', id)
local due = call('ZSCORE', KEYS[4], id)
if not stored then
  call('ZREM', KEYS[4], id)
  return {'gone', now}
end
local ok, job = pcall(cjson.decode, stored)
if not ok or type(job) ~= 'table' then return {'gone', now} end
local status = job.status
if not due and status ~= 'aborting' then return {'final', tonumber(job.completed) or 0} end

-- SAQ's own abort takes a running job out of its indexes, so these alone do not say that it runs
local runs = call('HEXISTS', KEYS[5], id) == 1 or call('LPOS', KEYS[3], id)
if not runs then
  local keep = math.ceil(tonumber(job.ttl) or 600)
  if due and tonumber(due) == 0 then call('LREM', KEYS[2], 0, id) end
  call('ZREM', KEYS[4], id)
  call('ZREM', KEYS[8], id)
  call('HDEL', KEYS[9], id)
  if keep < 0 then
    call('DEL', id)
    for _, name in ipairs({'crashes', 'interruptions', 'losses'}) do
      call('HDEL', 'jobctl:' .. ARGV[2] .. ':' .. name, id)
    end
  else
    local record = string.sub(stored, 1, -2) .. ',"status":"aborted","completed":' .. now_text .. ',"touched":' .. now_text
      .. ',"error":' .. cjson.encode(reason) .. '}'
    call('ZADD', KEYS[6], now_text, id)
    if keep > 0 then
      call('SET', id, record, 'EX', keep)
      call('ZADD', KEYS[7], string.format('%.0f', now + keep * 1000), id)
    else
      call('SET', id, record)
    end
  end
  local ours = type(job.meta) == 'table' and job.meta.jobctl
  local lock = type(ours) == 'table' and ours.unique
  if type(lock) == 'string' and call('GET', lock) == id then call('DEL', lock) end
  call('PUBLISH', id, 'aborted')
  return {'cancelled', now}
end

call('HSETNX', KEYS[9], id, reason)
if status ~= 'aborting' then
  call('SET', id, string.sub(stored, 1, -2) .. ',"status":"aborting","error":' .. cjson.encode(reason) .. '}', 'KEEPTTL')
end
if ARGV[3] ~= '' then call('SET', ARGV[3], reason, 'EX', ARGV[4]) end
call('PUBLISH', id, 'aborting')
call('PUBLISH', KEYS[10], ARGV[2])
return {'cancelling', now}
