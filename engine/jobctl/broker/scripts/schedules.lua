#!lua
-- Store the schedules of a plan: added, changed, renamed, removed. A scheduler calls it when it starts, and again every
-- half minute to say that it still has them.
--
-- KEYS  1 the schedules seen  2 the renamed ones
-- ARGV  1 'apply' when a scheduler starts, else 'seen'  2 JSON: the job types of the plan as keys
--       3 ms after which a schedule that no scheduler has is taken for removed  4 ms after which it is forgotten
--       then per schedule 5: id, definition (JSON), timing, signature, type
-- reply {now ms, {status, last tick ms, number of waiting ticks, former id or ''} per schedule, ids of the removed}
--
-- A schedule is renamed when one that the plan no longer has was the same in all but its id: it takes its last tick and
-- its history along, and the old id leads to it, so that schedulers of the old plan do not fire its ticks once more.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local types = cjson.decode(ARGV[2])
local PREFIX = 'jobctl:schedule:'
local SET_BACK_MS = 86400000
local planned = {}
for i = 5, #ARGV, 5 do planned[ARGV[i]] = true end

local function forget(id)
  call('DEL', PREFIX .. id, PREFIX .. id .. ':history', PREFIX .. id .. ':runs', PREFIX .. id .. ':waiting')
  call('ZREM', KEYS[1], id)
  local renamed = call('HGETALL', KEYS[2])
  for i = 1, #renamed, 2 do
    if renamed[i + 1] == id then call('HDEL', KEYS[2], renamed[i]) end
  end
end

local function former_id(signature)
  for _, id in ipairs(call('ZRANGE', KEYS[1], 0, -1)) do
    if not planned[id] and call('HGET', PREFIX .. id, 'signature') == signature then return id end
  end
end

local function take_over(old, id)
  for _, part in ipairs({'', ':history', ':runs', ':waiting'}) do
    if call('EXISTS', PREFIX .. old .. part) == 1 then call('RENAME', PREFIX .. old .. part, PREFIX .. id .. part) end
  end
  local renamed = call('HGETALL', KEYS[2])
  for i = 1, #renamed, 2 do
    if renamed[i + 1] == old then call('HSET', KEYS[2], renamed[i], id) end
  end
  call('HDEL', KEYS[2], id)
  call('HSET', KEYS[2], old, id)
  call('ZREM', KEYS[1], old)
end

local function start_anew(stored)
  local last = tonumber(call('HGET', stored, 'last_ms') or '0')
  if last < now then call('HSET', stored, 'last_ms', now_text) end
end

local answer = {}
for i = 5, #ARGV, 5 do
  local id, definition, timing, signature, kind = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local status, former = 'same', ''
  local target = call('HGET', KEYS[2], id)
  if target and call('HGET', PREFIX .. target, 'signature') ~= signature then
    call('HDEL', KEYS[2], id)
    target = false
  end
  local stored = PREFIX .. (target or id)
  if not target then
    if call('EXISTS', stored) == 0 then
      former = former_id(signature) or ''
      if former ~= '' then
        take_over(former, id)
        status = 'renamed'
      else
        call('HSET', stored, 'last_ms', now_text, 'added_ms', now_text, 'timing', timing)
        status = 'added'
      end
    end
    local before = call('HMGET', stored, 'timing', 'definition', 'removed_ms', 'last_ms')
    if not before[1] then
      -- the broker was emptied, and ticks were claimed before this call
      call('HSET', stored, 'added_ms', now_text)
      before[1], status = timing, 'added'
    end
    if tonumber(before[4] or 0) > now + SET_BACK_MS then
      -- its ticks were claimed by a clock that was far ahead and has been set back
      call('HSET', stored, 'last_ms', now_text)
      status = 'changed'
    end
    if before[3] then
      -- it was taken out of the spec and put back: what was not due in between is not made up for
      call('HDEL', stored, 'removed_ms')
      start_anew(stored)
      status = 'added'
    end
    if ARGV[1] == 'apply' or status ~= 'same' then
      if before[1] ~= timing then
        -- times of the new expression that lie before the change were never due
        start_anew(stored)
        call('HSET', stored, 'changed_ms', now_text)
        status = 'changed'
      end
      if before[2] ~= definition and status == 'same' then status = 'changed' end
      call('HSET', stored, 'definition', definition, 'timing', timing, 'signature', signature, 'type', kind)
    end
    call('ZADD', KEYS[1], now_text, id)
  else
    call('ZADD', KEYS[1], now_text, target)
    status = 'renamed'
    former = target
  end
  answer[#answer + 1] = status
  answer[#answer + 1] = tonumber(call('HGET', stored, 'last_ms'))
  answer[#answer + 1] = call('ZCARD', stored .. ':waiting')
  answer[#answer + 1] = former
end

-- Removed is what no scheduler has had for a while, although this plan knows its job. What other plans on this broker
-- own is left alone; it is forgotten like the removed, after months.
local removed = {}
for _, id in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[3])))) do
  if not planned[id] then
    local state = call('HMGET', PREFIX .. id, 'type', 'removed_ms')
    if state[1] and types[state[1]] and not state[2] then
      call('HSET', PREFIX .. id, 'removed_ms', now_text)
      removed[#removed + 1] = id
    end
  end
end
for _, id in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[4])))) do
  if not planned[id] then forget(id) end
end
return {now, answer, removed}
