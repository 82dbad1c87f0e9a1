#!lua flags=allow-oom
-- Look after active jobs that no worker of ours holds: those of stock SAQ workers, whose own sweep we keep switched
-- off, and those claimed through SAQ's `dequeue`, whose callers rely on `sweep`.
--
-- KEYS  active incomplete queued leases owners strays cancels poison cancelled expiry retrying
-- ARGV  1 name of the queue  2 the caller's clock, ms  3 ms from which a clock is a test's, not a skewed host's
--       4 where to go on in the list of active jobs  5 most jobs of it to look at
--       6 ms of silence after which a worker is taken for dead  7 ms after which a job that was moved and never
--       started is taken for lost  8 ms a job asked to stop has for it  9 the message for such a job
--       10 '1' if running past the timeout counts (a living worker sees to that itself), else '0'
-- reply {where to go on, 0 = at the end; id, what was done, ...}
--       'missing' 'poison' (moved aside) 'aborting' (asked to stop) 'retried' 'aborted' 'cleared' 'lost' (its lease has
--       ended: the upkeep hands it out again)
--
-- Nothing is done on one sight: what looks wrong becomes a stray, with the time; what has not changed when its time is
-- over is acted on. Whoever dies between the two steps has lost nothing: the next sweep goes on.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local clock = tonumber(ARGV[2])
if math.abs(clock - now) < tonumber(ARGV[3]) then clock = now end
local offset, count = tonumber(ARGV[4]), tonumber(ARGV[5])
local silent, unknown, patience, message, timeouts =
  tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], ARGV[10] == '1'
local STRAYS, MARKS = 200, 100
local LONGEST = 3000000000 -- seconds; a foreign record may say anything, and the server's clock ends
local ENDED = {complete = true, failed = true, aborted = true}
local done = {}

local function note(id, what)
  done[#done + 1] = id
  done[#done + 1] = what
end

local function read(record)
  local ok, job = pcall(cjson.decode, record)
  if ok and type(job) == 'table' and type(job.status) == 'string' then return job end
end

local function number(value) return tonumber(value) or 0 end

local function splice(record, fields) return string.sub(record, 1, -2) .. fields .. '}' end

local function by_dequeue(owner) return owner and string.sub(owner, 1, 8) == 'dequeue-' end

local function reports(job)
  if type(job.worker_id) ~= 'string' then return false end
  return call('EXISTS', 'saq:' .. ARGV[1] .. ':worker_info:' .. job.worker_id) == 1
end

local function stuck(job)
  -- SAQ leaves out what has its default value
  local timeout, heartbeat = job.timeout == nil and 10 or number(job.timeout), number(job.heartbeat)
  return (timeouts and timeout > 0 and clock - number(job.started) > timeout * 1000)
    or (heartbeat > 0 and clock - number(job.touched) > heartbeat * 1000)
end

local function take_out(id)
  call('LREM', KEYS[1], 0, id)
  call('ZREM', KEYS[4], id)
  call('HDEL', KEYS[5], id)
  call('HDEL', KEYS[7], id)
end

local function abort(id, record, job, reason)
  local keep = math.min(math.ceil(tonumber(job.ttl) or 600), LONGEST)
  take_out(id)
  call('ZREM', KEYS[2], id)
  if keep < 0 then
    call('DEL', id)
  else
    local body = splice(record, ',"status":"aborted","completed":' .. now_text .. ',"error":' .. cjson.encode(reason))
    call('ZADD', KEYS[9], now_text, id)
    if keep > 0 then
      call('SET', id, body, 'EX', keep)
      call('ZADD', KEYS[10], string.format('%.0f', now + keep * 1000), id)
    else
      call('SET', id, body)
    end
  end
  call('PUBLISH', id, 'aborted')
  note(id, 'aborted')
end

local function retry(id, record, job)
  local delay = math.min(math.max(number(job.retry_delay), 0), 604800) * 1000
  take_out(id)
  call('ZREM', KEYS[9], id)
  call('ZREM', KEYS[10], id)
  call('SET', id, splice(record, ',"status":"queued","started":0,"completed":0,"progress":0,"error":' .. cjson.encode(message)))
  if delay > 0 then
    call('ZADD', KEYS[2], string.format('%.3f', (now + delay) / 1000), id)
    call('ZADD', KEYS[11], string.format('%.0f', now + delay), id)
  else
    call('ZADD', KEYS[2], 0, id)
    call('RPUSH', KEYS[3], id)
  end
  call('PUBLISH', id, 'queued')
  note(id, 'retried')
end

-- What has been strange for long enough, the oldest first.
local strays = call('ZRANGE', KEYS[6], 0, STRAYS - 1, 'WITHSCORES')
for i = 1, #strays, 2 do
  local id, age = strays[i], now - tonumber(strays[i + 1])
  local owner, record = call('HGET', KEYS[5], id), call('GET', id)
  local job = record and read(record)
  local settled = true
  if not job or (owner and not by_dequeue(owner)) then
    -- gone (the walk below clears it away), or a worker of ours has it by now
  elseif not call('LPOS', KEYS[1], id) then
    -- It has ended or is queued again. One that ended because it was asked to here runs again, if it may.
    if job.status == 'aborted' and job.error == message and number(job.attempts) < number(job.retries or 1)
      and not call('ZSCORE', KEYS[2], id) then
      retry(id, record, job)
    end
  elseif job.status == 'active' then
    if not owner and not reports(job) then
      if age >= silent then
        call('ZADD', KEYS[4], string.format('%.0f', now - 1), id)
        note(id, 'lost')
      else
        settled = false
      end
    end
  elseif job.status == 'aborting' then
    local reason = call('HGET', KEYS[7], id)
    if not reason and job.error == message then
      if age < patience then
        settled = false
      elseif number(job.attempts) < number(job.retries or 1) then
        retry(id, record, job)
      else
        abort(id, record, job, message)
      end
    elseif owner or reports(job) or age < silent then
      settled = false
    else
      abort(id, record, job, reason or (type(job.error) == 'string' and job.error) or 'aborted')
    end
  elseif age < unknown then
    settled = false
  elseif ENDED[job.status] then
    take_out(id)
    call('ZREM', KEYS[2], id)
    note(id, 'cleared')
  else
    call('ZADD', KEYS[4], string.format('%.0f', now - 1), id)
    note(id, 'lost')
  end
  if settled then call('ZREM', KEYS[6], id) end
end

-- A stretch of the list of active jobs.
local ids = call('LRANGE', KEYS[1], offset, offset + count - 1)
local next_offset = #ids == count and offset + count or 0
local owners = #ids > 0 and call('HMGET', KEYS[5], unpack(ids)) or {}
for i, id in ipairs(ids) do
  local owner = owners[i]
  if not owner or by_dequeue(owner) then
    local record = call('GET', id)
    local job = record and read(record)
    if not job then
      take_out(id)
      call('ZREM', KEYS[2], id)
      call('ZREM', KEYS[6], id)
      if record then
        call('HSET', KEYS[8], id, record)
        call('DEL', id)
      end
      note(id, record and 'poison' or 'missing')
      if next_offset > 0 then next_offset = next_offset - 1 end
    elseif job.status ~= 'active' then
      call('ZADD', KEYS[6], 'NX', now_text, id)
    elseif stuck(job) then
      call('SET', id, splice(record, ',"status":"aborting","error":' .. cjson.encode(message)), 'KEEPTTL')
      call('ZADD', KEYS[6], now_text, id)
      call('PUBLISH', id, 'aborting')
      note(id, 'aborting')
    elseif not owner and not reports(job) then
      call('ZADD', KEYS[6], 'NX', now_text, id)
    end
  end
end

-- Requests to cancel jobs that have ended without their worker's knowing of them.
local marks = call('HSCAN', KEYS[7], 0, 'COUNT', MARKS)[2]
for i = 1, #marks, 2 do
  local id = marks[i]
  if call('HEXISTS', KEYS[5], id) == 0 and not call('ZSCORE', KEYS[2], id) then call('HDEL', KEYS[7], id) end
end
return {next_offset, done}
