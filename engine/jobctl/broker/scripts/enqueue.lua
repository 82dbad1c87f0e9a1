#!lua
-- Store jobs, in any number of queues, each unless its key or its unique lock is taken.
--
-- KEYS  per queue 7: queued incomplete complete dead cancelled replayed expiry; last two: the set of queues, the wake channel
-- ARGV  1 = number of queues; then their names; then per job 9:
--         queue (from 0), id, record, delay ms (from now), at ms (epoch; 0 = none), lock key or '', lock ms (0 = no expiry), nonce or '',
--         claim of a schedule's tick (JSON: id, key, tick_ms, how, overlap, force, count) or ''
-- reply per job: 0 = stored, or the id of the job that holds the key or the lock, or what became of its claim:
--         'claimed' before    'paused'    'skipped', the earlier run has not ended    'waiting' for it    'missed'    'done' before    'future'
--
-- No allow-oom flag: a full server refuses new jobs, loudly, and keeps its memory for draining the old ones.
-- Enqueue time is the server's, so that waits measured on many hosts agree. The record is never re-encoded: fields are
-- spliced on, and in every JSON reader the last duplicate wins.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local queues = tonumber(ARGV[1])
local answer, used = {}, {}
local KEPT_RUNS, MOST_WAITING = 500, 1000

local function is_unfinished(job)
  local queue = job and string.match(job, '^saq:job:([^:]+):')
  -- a job whose record is gone (evicted, say) does not block for ever
  return queue and redis.call('ZSCORE', 'saq:' .. queue .. ':incomplete', job) and redis.call('EXISTS', job) == 1
end

-- Which of these jobs have not ended: ids, one a line.
local function unfinished(jobs)
  local left = {}
  for job in string.gmatch(jobs or '', '[^\n]+') do
    if is_unfinished(job) then left[#left + 1] = job end
  end
  return left
end

-- A tick whose job was made, by a scheduler or by hand, under this id of the schedule or a former one. One that was
-- skipped, missed or refused made none.
local WITHOUT_JOB = {skipped = true, missed = true, locked = true}
local function has_run(claim, id)
  local names, queue_prefix = {claim.key}, string.sub(id, 1, -1 - #claim.key)
  if claim.how == 'backfill' then
    local second = string.match(claim.key, ':(%d+)$')
    local renamed = redis.call('HGETALL', 'jobctl:schedules:renamed')
    for i = 1, #renamed, 2 do
      if renamed[i + 1] == claim.name then names[#names + 1] = 'cron:' .. renamed[i] .. ':' .. second end
    end
  end
  for _, key in ipairs(names) do
    local run = redis.call('HGET', claim.stored .. ':runs', key)
    if run and not WITHOUT_JOB[cjson.decode(run).how] then return true end
    if redis.call('EXISTS', queue_prefix .. key) == 1 then return true end
  end
  return false
end

local function note_run(claim, how)
  local history, runs = claim.stored .. ':history', claim.stored .. ':runs'
  redis.call('HSET', runs, claim.key, cjson.encode({tick_ms = claim.tick_ms, at_ms = now, how = how, queue = claim.queue, count = claim.count}))
  redis.call('ZADD', history, string.format('%.0f', now), claim.key)
  local surplus = redis.call('ZCARD', history) - KEPT_RUNS
  if surplus > 0 then
    local old = redis.call('ZRANGE', history, 0, surplus - 1)
    redis.call('ZREM', history, unpack(old))
    redis.call('HDEL', runs, unpack(old))
  end
end

-- Each tick of each schedule is claimed once, by compare-and-set in the script that stores its job.
local function claim_tick(claim, id)
  local name = redis.call('HGET', 'jobctl:schedules:renamed', claim.id) or claim.id
  claim.name, claim.stored = name, 'jobctl:schedule:' .. name
  local state = redis.call('HMGET', claim.stored, 'last_ms', 'paused_ms', 'job')
  local how, tick = claim.how, string.format('%.0f', claim.tick_ms)
  claim.unfinished = claim.overlap ~= 'allow' and unfinished(state[3]) or {}
  local is_busy = #claim.unfinished > 0 and not claim.force and claim.unfinished[#claim.unfinished] ~= id
  if how == 'backfill' then
    if claim.tick_ms > now then return 'future' end
    if claim.force then return 0 end
    if redis.call('ZSCORE', claim.stored .. ':waiting', tick) then return 'waiting' end
    return has_run(claim, id) and 'done' or 0
  elseif how == 'hand' then
    return is_busy and 'skipped' or 0
  elseif how == 'waited' then
    if not redis.call('ZSCORE', claim.stored .. ':waiting', tick) then return 'claimed' end
    if state[2] then return 'paused' end
    if is_busy then return 'waiting' end
    redis.call('ZREM', claim.stored .. ':waiting', tick)
    return 0
  end
  if state[1] and tonumber(state[1]) >= claim.tick_ms then return 'claimed' end
  redis.call('HSET', claim.stored, 'last_ms', tick)
  if state[2] then return 'paused' end
  if has_run(claim, id) then return 'claimed' end -- by hand, while no scheduler ran
  if how == 'missed' then
    note_run(claim, 'missed')
    return 'missed'
  end
  local waiting = claim.overlap == 'queue' and redis.call('ZCARD', claim.stored .. ':waiting') or 0
  if not is_busy and waiting == 0 then return 0 end
  if claim.overlap == 'queue' and waiting < MOST_WAITING then
    redis.call('ZADD', claim.stored .. ':waiting', tick, tick)
    return 'waiting'
  end
  note_run(claim, 'skipped')
  return 'skipped'
end

-- Our own call, sent again after its answer was lost. Its job may have ended meanwhile.
local function is_resent(id, nonce)
  local stored = nonce ~= '' and redis.call('GET', id)
  return stored and string.find(stored, nonce, 1, true)
end

for i = 2 + queues, #ARGV, 9 do
  local q, id, record = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  local delay, at, lock, lock_ms, nonce = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), ARGV[i + 5], tonumber(ARGV[i + 6]), ARGV[i + 7]
  local k = 7 * q
  local holder, claim = 0, nil
  if ARGV[i + 8] ~= '' then
    claim = cjson.decode(ARGV[i + 8])
    claim.queue = ARGV[2 + q]
    holder = claim_tick(claim, id)
  end
  if holder ~= 0 then
    -- nothing to store
  elseif redis.call('ZSCORE', KEYS[k + 2], id) then
    holder = is_resent(id, nonce) and 1 or id
  elseif lock ~= '' then
    local held = redis.call('GET', lock)
    -- a lock whose job is gone or finished (its record fell to an eviction, say) does not block for ever
    if held and redis.call('ZSCORE', 'saq:' .. string.match(held, '^saq:job:([^:]+):') .. ':incomplete', held) then
      holder = is_resent(id, nonce) and 1 or held
    end
  end
  local due, body, is_new = 0, nil, false
  if holder == 0 then
    if at > now then due = at elseif delay > 0 then due = now + delay end
    local tail = ',"queued":' .. string.format('%.0f', now)
    if due > 0 then tail = tail .. ',"scheduled":' .. string.format('%.0f', math.ceil(due / 1000)) end
    body = string.sub(record, 1, -2) .. tail .. '}'
    is_new = redis.call('SET', id, body, 'NX')
    if not is_new and is_resent(id, nonce) then holder = 1 end
  end
  if holder == 0 then
    if not is_new or redis.call('ZSCORE', KEYS[k + 7], id) then
      -- An ended job of the same key makes room, its record expired or not: a job is in exactly one index, and what is
      -- kept of the old one (its crashes, the time to forget it) must not stick to the new one.
      for n = 3, 7 do redis.call('ZREM', KEYS[k + n], id) end
      for _, name in ipairs({'crashes', 'interruptions', 'losses', 'replays', 'cancels'}) do
        redis.call('HDEL', 'jobctl:' .. ARGV[2 + q] .. ':' .. name, id)
      end
      redis.call('SET', id, body)
    end
    if due > 0 then
      -- workers sleep until the first job is due; only a new first one is worth waking them
      local first = redis.call('ZRANGEBYSCORE', KEYS[k + 2], '(0', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
      if not first or due / 1000 < tonumber(first) then used[q] = 'wake' end
      redis.call('ZADD', KEYS[k + 2], string.format('%.3f', due / 1000), id)
    else
      redis.call('ZADD', KEYS[k + 2], 0, id)
      redis.call('RPUSH', KEYS[k + 1], id)
    end
    if lock ~= '' then
      if lock_ms > 0 then
        -- a delayed job's lock must outlast its wait
        redis.call('SET', lock, id, 'PX', string.format('%.0f', lock_ms + math.max(due - now, 0)))
      else
        redis.call('SET', lock, id)
      end
    end
    used[q] = used[q] or 'used'
  elseif holder == 1 then
    holder = 0
  end
  if claim and holder == 0 then
    if claim.how ~= 'backfill' then
      if claim.unfinished[#claim.unfinished] ~= id then claim.unfinished[#claim.unfinished + 1] = id end
      redis.call('HSET', claim.stored, 'job', table.concat(claim.unfinished, '\n'))
    end
    note_run(claim, claim.how)
    redis.call('ZADD', 'jobctl:schedules:open', string.format('%.0f', now), claim.name .. '|' .. id)
  elseif claim and string.sub(holder, 1, 4) == 'saq:' then
    note_run(claim, 'locked')
  end
  answer[#answer + 1] = holder
end
for q, how in pairs(used) do
  redis.call('SADD', KEYS[#KEYS - 1], ARGV[2 + q])
  if how == 'wake' then redis.call('PUBLISH', KEYS[#KEYS], ARGV[2 + q]) end
end
return answer
