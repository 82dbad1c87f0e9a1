#!lua flags=allow-oom
-- What any worker does for everyone, once a second, without a lock: hand out again what dead workers held, queue what
-- has become due, forget what is past its retention. Every part is bounded, decides and acts in one step, and may run
-- on many workers at once.
--
-- KEYS  per queue 14: queued active incomplete leases crashes complete dead cancelled expiry retrying losses replayed
--                     sweep owners; then per queue again 5 (cancels interruptions replays paused watched); then the
--                     list of failures; last, if the caller takes orders, the key of the order it was given
-- ARGV  1 number of queues  2 default max crashes  3 default seconds to keep the dead  4 most dead kept in a queue
--       5 JSON: type -> [max crashes, seconds to keep the dead] where they differ
--       6 '1' to queue what is due, '0' if the caller does  7 respite ms after an outage, 0 = none; then the queues' names
-- reply {now ms, next due ms or 0, {id, type, 'lost' or 'dead', worker, ...} per recovered job, paused (0/1) per queue,
--        the order or ''}
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local queues = tonumber(ARGV[1])
local limits = cjson.decode(ARGV[5])
local promotes, respite = ARGV[6] == '1', tonumber(ARGV[7])
local recovered, paused, next_due = {}, {}, 0
local K = 14
local failures, order = KEYS[(K + 5) * queues + 1], KEYS[(K + 5) * queues + 2]
local RECOVER, PROMOTE, FORGET = 100, 500, 500
-- Every worker does its upkeep once a second: when nobody has for so long, the broker was away or everyone was asleep.
local OUTAGE = 5000
-- A respite comes once in so long: workers whose handlers keep blocking them must not put recovery off for ever.
local RARELY = 60000
local LONGEST = 3000000000 -- seconds; a foreign record may say anything, and the server's clock ends

local function read(record)
  local ok, job = pcall(cjson.decode, record)
  if ok and type(job) == 'table' then return job end
  return {}
end

local function text(value)
  if type(value) == 'string' then return value end
  return ''
end

-- SAQ writes Python's JSON: a number may be infinite or none at all, which cannot be written again.
local function count(value, default)
  value = tonumber(value)
  return value and math.abs(value) <= 2^53 and value or default
end

-- Whether a lost delivery has counted as an attempt already, which it shall not: SAQ's worker counts when it starts a
-- job, ours when it ends.
local function counts_at_start(token, job)
  if token and string.sub(token, 1, 8) ~= 'dequeue-' then return false end
  return job.status == 'active' and type(job.worker_id) == 'string' and count(job.attempts, 0) > 0
end

-- Release the unique lock a job holds.
local function release(job, id)
  local ours = type(job.meta) == 'table' and job.meta.jobctl
  local lock = type(ours) == 'table' and ours.unique
  if type(lock) == 'string' and redis.pcall('GET', lock) == id then call('DEL', lock) end
end

local function forget(k, q, id)
  call('ZREM', KEYS[k + 9], id)
  for n = 6, 8 do call('ZREM', KEYS[k + n], id) end
  call('ZREM', KEYS[k + 12], id)
  -- A stock SAQ producer may have used the key again (its cron does): then the record is a new, unfinished job's.
  if call('ZSCORE', KEYS[k + 3], id) then return end
  call('DEL', id)
  call('DEL', 'jobctl:' .. ARGV[8 + q] .. ':log:' .. string.sub(id, #('saq:job:' .. ARGV[8 + q] .. ':') + 1))
  call('HDEL', KEYS[k + 5], id)
  call('HDEL', KEYS[k + 11], id)
  local extra = K * queues + 5 * q
  for n = 1, 3 do call('HDEL', KEYS[extra + n], id) end
end

-- An entry stands for one job, or for all that completed in one millisecond and are kept as long; among those that
-- completed then, the others' records last longer.
local function forget_expired(k, q)
  local forgotten = 0
  for _, entry in ipairs(call('ZRANGEBYSCORE', KEYS[k + 9], '-inf', now_text, 'LIMIT', 0, FORGET)) do
    if forgotten >= FORGET then return end
    local completed = string.match(entry, '^@(%d+):')
    if completed then
      for _, id in ipairs(call('ZRANGEBYSCORE', KEYS[k + 6], completed, completed)) do
        local expires = call('PEXPIRETIME', id)
        if expires == -2 or (expires >= 0 and expires <= now) or call('ZSCORE', KEYS[k + 3], id) then
          forget(k, q, id)
          forgotten = forgotten + 1
        end
      end
      call('ZREM', KEYS[k + 9], entry)
    else
      forget(k, q, entry)
      forgotten = forgotten + 1
    end
  end
end

-- Whether a job that nobody runs any more had been asked to stop: then it ends here, and does not run again.
local function cancelled(k, q, id, record)
  local job = read(record)
  local reason = call('HGET', KEYS[K * queues + 5 * q + 1], id)
  -- SAQ's own abort leaves no reason with us, but takes the job out of the unfinished
  if not reason and (job.status ~= 'aborting' or call('ZSCORE', KEYS[k + 3], id)) then return false end
  local keep = math.min(math.ceil(tonumber(job.ttl) or 600), LONGEST)
  call('ZREM', KEYS[k + 3], id)
  call('HDEL', KEYS[K * queues + 5 * q + 1], id)
  if keep < 0 then
    call('DEL', id)
    call('HDEL', KEYS[k + 5], id)
    call('HDEL', KEYS[k + 11], id)
    call('HDEL', KEYS[K * queues + 5 * q + 2], id)
  else
    local body = string.sub(record, 1, -2) .. ',"status":"aborted","completed":' .. now_text .. ',"error":'
      .. cjson.encode(reason or text(job.error)) .. '}'
    call('ZADD', KEYS[k + 8], now_text, id)
    if keep > 0 then
      call('SET', id, body, 'EX', keep)
      call('ZADD', KEYS[k + 9], string.format('%.0f', now + keep * 1000), id)
    else
      call('SET', id, body)
    end
  end
  release(job, id)
  call('PUBLISH', id, 'aborted')
  return true
end

-- After an outage an ended lease says nothing yet about its worker: the living get time to renew theirs.
local function grant_respite(k, watched)
  local seen, granted = string.match(call('GET', watched) or '', '^(%d+) (%d+)$')
  granted = granted or '0'
  if seen and now - tonumber(seen) > OUTAGE and now - tonumber(granted) > RARELY then
    granted = now_text
    local till = string.format('%.0f', now + respite)
    while true do
      local ended = call('ZRANGEBYSCORE', KEYS[k + 4], '-inf', '(' .. till, 'LIMIT', 0, 500)
      for _, id in ipairs(ended) do call('ZADD', KEYS[k + 4], till, id) end
      if #ended < 500 then break end
    end
  end
  call('SET', watched, now_text .. ' ' .. granted)
end

for q = 0, queues - 1 do
  local k = K * q
  local name = ARGV[8 + q]
  if respite > 0 then grant_respite(k, KEYS[K * queues + 5 * q + 5]) end

  -- SAQ's own sweep loses and doubles jobs; it stands still while this key exists, and we recover for everyone.
  call('SET', KEYS[k + 13], 1, 'EX', 120)

  local lost = call('ZRANGEBYSCORE', KEYS[k + 4], '-inf', now_text, 'LIMIT', 0, RECOVER)
  if #lost == RECOVER then next_due = now end -- a worker with many jobs was lost: go on at once, not in a second
  for _, id in ipairs(lost) do
    local record = call('GET', id)
    local token = call('HGET', KEYS[k + 14], id)
    call('ZREM', KEYS[k + 4], id)
    call('HDEL', KEYS[k + 14], id)
    local was_active = call('LREM', KEYS[k + 2], 1, id) > 0
    if not record then
      call('ZREM', KEYS[k + 3], id)
    elseif not token and not was_active then
      -- a stray of a stock SAQ worker, which has ended it after all
    elseif cancelled(k, q, id, record) then
      -- it was asked to stop, and its worker is no more
    else
      local job = read(record)
      local kind = text(job['function'])
      local limit = limits[kind] or {tonumber(ARGV[2]), tonumber(ARGV[3])}
      local worker = token and string.match(token, '^[^:]*') or text(job.worker_id)
      local crashes = call('HINCRBY', KEYS[k + 5], id, 1)
      local line = cjson.encode({outcome = 'lost', at_ms = now, worker = worker})
      local before = call('HGET', KEYS[k + 11], id)
      call('HSET', KEYS[k + 11], id, before and (before .. ',' .. line) or line)
      local outcome, reason = 'lost', 'worker ' .. worker .. ' was lost'
      if crashes < limit[1] then
        local fields = ',"status":"queued","started":0,"error":' .. cjson.encode(reason)
        if counts_at_start(token, job) then fields = fields .. ',"attempts":' .. string.format('%.0f', job.attempts - 1) end
        call('SET', id, string.sub(record, 1, -2) .. fields .. '}')
        call('ZADD', KEYS[k + 3], 0, id)
        call('LPUSH', KEYS[k + 1], id)
        call('PUBLISH', id, 'queued')
      else
        outcome = 'dead'
        reason = 'its worker was lost ' .. crashes .. ' times; the job may be what kills it'
        local keep = limit[2]
        local body = string.sub(record, 1, -2) .. ',"status":"failed","completed":' .. now_text .. ',"error":' .. cjson.encode(reason) .. '}'
        call('ZREM', KEYS[k + 3], id)
        if keep > 0 then
          call('SET', id, body, 'EX', keep)
          call('ZADD', KEYS[k + 9], string.format('%.0f', now + keep * 1000), id)
        else
          call('SET', id, body)
        end
        call('ZADD', KEYS[k + 7], now_text, id)
        call('PUBLISH', id, 'failed')
        release(job, id)
      end
      call('LPUSH', failures, cjson.encode({
        key = string.sub(id, #('saq:job:' .. name .. ':') + 1), queue = name, type = kind, at_ms = now,
        attempt = count(job.attempts, 0), max_attempts = count(job.retries, 1),
        outcome = outcome, error = reason, worker = worker,
      }))
      call('LTRIM', failures, 0, 199)
      recovered[#recovered + 1] = id
      recovered[#recovered + 1] = kind
      recovered[#recovered + 1] = outcome
      recovered[#recovered + 1] = worker
    end
  end

  local due = promotes and call('ZRANGEBYSCORE', KEYS[k + 3], '(0', string.format('%.3f', now / 1000), 'LIMIT', 0, PROMOTE) or {}
  if #due > 0 then
    local zeros = {}
    for i, id in ipairs(due) do
      zeros[2 * i - 1], zeros[2 * i] = 0, id
    end
    call('ZADD', KEYS[k + 3], unpack(zeros))
    call('RPUSH', KEYS[k + 1], unpack(due))
    call('ZREM', KEYS[k + 10], unpack(due))
  end
  if #due == PROMOTE then
    next_due = now
  else
    -- a stock SAQ worker may have queued a retry of ours: its mark as retrying is over all the same
    call('ZREMRANGEBYSCORE', KEYS[k + 10], '-inf', string.format('%.0f', now - 5000))
    local after = promotes and '(0' or string.format('(%.3f', now / 1000)
    local first = call('ZRANGEBYSCORE', KEYS[k + 3], after, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if first[2] then
      local at = math.ceil(tonumber(first[2]) * 1000)
      if next_due == 0 or at < next_due then next_due = at end
    end
  end

  forget_expired(k, q)
  local surplus = call('ZCARD', KEYS[k + 7]) - tonumber(ARGV[4])
  if surplus > 0 then
    for _, id in ipairs(call('ZRANGE', KEYS[k + 7], 0, math.min(surplus, FORGET) - 1)) do
      forget(k, q, id)
    end
  end
  paused[#paused + 1] = call('EXISTS', KEYS[K * queues + 5 * q + 4])
end
return {now, next_due, recovered, paused, order and call('GET', order) or ''}
