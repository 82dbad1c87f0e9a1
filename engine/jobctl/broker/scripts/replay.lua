#!lua
-- Run ended jobs again as new jobs, each unless it has been replayed before or its unique lock is taken.
--
-- KEYS  per queue 5: queued incomplete dead replayed replays; last the set of queues
-- ARGV  per job 9: queue of the origin (from 0), queue of the new job, id of the origin, id, key, record,
--                  lock key or '', lock ms (0 = no expiry), 1 to replay it although it has been replayed
-- reply per job 2: what was done, and a text
--         'replayed' ''       'gone' ''        'unfinished' ''
--         'before' keys of the replays, joined by spaces       'locked' id of the job that holds the lock
--
-- A job has ended when it is not among the unfinished: that holds for jobs that stock SAQ workers ended as well.
-- A dead origin moves from the dead to the replayed; its record and its retention stay. No allow-oom flag, as in enqueue.
local call = redis.call
local time = call('TIME')
local now_text = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local function replay(k, to, origin, id, key, record, lock, lock_ms, force)
  local before = call('HGET', KEYS[k + 5], origin)
  if before and string.find(' ' .. before .. ' ', ' ' .. key .. ' ', 1, true) then
    return 'replayed', '' -- our own call, sent again after its answer was lost
  end
  if call('EXISTS', origin) == 0 then return 'gone', '' end
  if call('ZSCORE', KEYS[k + 2], origin) then return 'unfinished', '' end
  local died = call('ZSCORE', KEYS[k + 3], origin)
  -- what lies among the dead has not been replayed: if there are replays, they are of an older job of the same key
  if before and not died and not force then return 'before', before end
  if lock ~= '' then
    local held = call('GET', lock)
    local queue = held and string.match(held, '^saq:job:([^:]+):')
    -- a lock whose job is gone or has ended does not block for ever
    if queue and call('ZSCORE', 'saq:' .. queue .. ':incomplete', held) then return 'locked', held end
    if lock_ms > 0 then
      call('SET', lock, id, 'PX', string.format('%.0f', lock_ms))
    else
      call('SET', lock, id)
    end
  end
  call('SET', id, string.sub(record, 1, -2) .. ',"queued":' .. now_text .. '}')
  call('ZADD', KEYS[to + 2], 0, id)
  call('RPUSH', KEYS[to + 1], id)
  if to ~= k then call('SADD', KEYS[#KEYS], string.match(id, '^saq:job:([^:]+):')) end
  call('HSET', KEYS[k + 5], origin, before and (before .. ' ' .. key) or key)
  if died then
    call('ZREM', KEYS[k + 3], origin)
    call('ZADD', KEYS[k + 4], died, origin)
  end
  return 'replayed', ''
end

local answer = {}
for i = 1, #ARGV, 9 do
  local done, text = replay(
    5 * tonumber(ARGV[i]), 5 * tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6],
    tonumber(ARGV[i + 7]), ARGV[i + 8] == '1'
  )
  answer[#answer + 1] = done
  answer[#answer + 1] = text
end
return answer
