#!lua flags=allow-oom
-- Cancel jobs of one queue: at once those that wait; those that run, by asking their workers to stop them.
--
-- KEYS  queued active incomplete owners cancelled expiry retrying cancels; the wake channel
-- ARGV  1 reason  2 name of the queue  3 seconds the marks live  4 '1' to leave alone what runs; then per job 2: id, key of
--       SAQ's own mark or ''
-- reply per job 2: what became of it, and ms: 'cancelled', 'cancelling', 'running' (and was left alone), 'final' (it had
--       ended: that stands) or 'gone'
--
-- A running job stays where it is until its run has really ended: its key is free no sooner, and if its worker dies
-- it is cancelled, not run again.
local call = redis.call
local reason, queue = ARGV[1], ARGV[2]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local CHUNK = 1000
local LONGEST = 3000000000 -- seconds; a foreign record may say anything, and the server's clock ends

-- Out of the list of queued jobs, in one pass however many there are: each is overwritten where it lies, then all that
-- was overwritten is removed. One LREM a job would read the list from its head each time.
local function unlist(ids, count)
  if count == 1 then return call('LREM', KEYS[1], 0, (next(ids))) end
  local found, at, length = 0, 0, call('LLEN', KEYS[1])
  while found < count and at < length do
    for n, id in ipairs(call('LRANGE', KEYS[1], at, at + CHUNK - 1)) do
      if ids[id] then
        call('LSET', KEYS[1], at + n - 1, '')
        found = found + 1
      end
    end
    at = at + CHUNK
  end
  call('LREM', KEYS[1], found, '')
end

local function cancel(id, job, stored)
  local keep = math.min(math.ceil(tonumber(job.ttl) or 600), LONGEST)
  call('ZREM', KEYS[3], id)
  call('ZREM', KEYS[7], id)
  call('HDEL', KEYS[8], id)
  if keep < 0 then
    call('DEL', id)
    for _, name in ipairs({'crashes', 'interruptions', 'losses'}) do
      call('HDEL', 'jobctl:' .. queue .. ':' .. name, id)
    end
  else
    local record = string.sub(stored, 1, -2) .. ',"status":"aborted","completed":' .. now_text .. ',"touched":' .. now_text
      .. ',"error":' .. cjson.encode(reason) .. '}'
    call('ZADD', KEYS[5], now_text, id)
    if keep > 0 then
      call('SET', id, record, 'EX', keep)
      call('ZADD', KEYS[6], string.format('%.0f', now + keep * 1000), id)
    else
      call('SET', id, record)
    end
  end
  local ours = type(job.meta) == 'table' and job.meta.jobctl
  local lock = type(ours) == 'table' and ours.unique
  if type(lock) == 'string' and redis.pcall('GET', lock) == id then call('DEL', lock) end
  call('PUBLISH', id, 'aborted')
end

local queued, count, running, answer = {}, 0, false, {}

local function abort(id, mark)
  local stored = call('GET', id)
  local due = call('ZSCORE', KEYS[3], id)
  if not stored then
    call('ZREM', KEYS[3], id)
    return 'gone', now
  end
  local ok, job = pcall(cjson.decode, stored)
  if not ok or type(job) ~= 'table' then return 'gone', now end
  local status = job.status
  if not due and status ~= 'aborting' then return 'final', tonumber(job.completed) or 0 end

  -- SAQ's own abort takes a running job out of its indexes, so these alone do not say that it runs
  if not (call('HEXISTS', KEYS[4], id) == 1 or call('LPOS', KEYS[2], id)) then
    if due and tonumber(due) == 0 then
      queued[id] = true
      count = count + 1
    end
    cancel(id, job, stored)
    return 'cancelled', now
  end

  if ARGV[4] == '1' then return 'running', now end
  running = true
  call('HSETNX', KEYS[8], id, reason)
  if status ~= 'aborting' then
    call('SET', id, string.sub(stored, 1, -2) .. ',"status":"aborting","error":' .. cjson.encode(reason) .. '}', 'KEEPTTL')
  end
  if mark ~= '' then call('SET', mark, reason, 'EX', ARGV[3]) end
  call('PUBLISH', id, 'aborting')
  return 'cancelling', now
end

for i = 5, #ARGV, 2 do
  local what, at = abort(ARGV[i], ARGV[i + 1])
  answer[#answer + 1] = what
  answer[#answer + 1] = at
end
if count > 0 then unlist(queued, count) end
if running then call('PUBLISH', KEYS[9], queue) end
return answer
