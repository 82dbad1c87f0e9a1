#!lua flags=allow-oom
-- One turn of a worker: end the runs that have finished since the last turn, then claim the next jobs over all queues
-- by weight, with leases on the server's clock. One round trip; nothing in between to lose. A full server still drains.
--
-- KEYS  per queue 14: queued active incomplete leases owners complete dead cancelled expiry retrying crashes
--                     interruptions losses paused; then per queue again 2 (poison cancels); last two: this worker's
--                     credits (its state of the round robin), the list of failures
-- ARGV  1 number of queues  2 jobs wanted by whatever queue  3 lease ms  4 token of this turn  5 text spliced into claimed records
--       6 'weighted' or 'strict'; then per queue 3: weight, jobs wanted besides of this queue alone
--         (its reserved slots), most of it (its limit); last '' or the ended runs, one flat list in MessagePack (as
--         one argument it costs the server far less than as many), 8 values a run; a body that is no text stands
--         before it as an argument of its own, and a number in the list tells how many before:
--         queue (from 0), id, token, op, body, number, lock, failure
--         op 'c' complete   body = fields to splice   number = seconds to keep (0 = for ever, < 0 = not at all)
--            'd' dead       body = the whole record   number = seconds to keep
--            'x' cancelled  body = the whole record   number = seconds to keep
--            'r' retry      body = the whole record   number = delay ms
--            'b' back       body = fields to splice   number = 1 if it had started (an interruption), else 0
--            'p' poison     body = raw bytes that are no record
--         lock = unique lock to release, or ''; failure = JSON line for the list of failures, or ''
-- reply {ready, fenced, queue of each claim, ids, records, now ms}
--         ready  = jobs left per queue (-1 = paused); fenced = positions (from 1) of ended runs that were refused
--
-- Fence: a run may end only while this delivery's token still owns the job. An exact repeat of an own end (its answer
-- was lost) is taken for the end itself. The record is never re-encoded: fields are spliced on, the last duplicate wins.
local queues, want, lease, token = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local K = 14
local call = redis.call

local ABORTED = ',"status":"aborted"'
local LONGEST = 3000000000 -- seconds; a foreign record may say anything, and the server's clock ends

local function splice(record, fields) return string.sub(record, 1, -2) .. fields .. '}' end

-- Nothing is kept of the job, neither its record nor what stands beside it.
local function forget(k, id)
  call('DEL', id)
  for n = 11, 13 do call('HDEL', KEYS[k + n], id) end
end

local function keep(k, id, index, seconds)
  if seconds < 0 then
    forget(k, id)
    return
  end
  call('ZADD', KEYS[k + index], now_text, id)
  if seconds > 0 then call('ZADD', KEYS[k + 9], string.format('%.0f', now + seconds * 1000), id) end
end

local function store(id, record, seconds)
  if seconds > 0 then call('SET', id, record, 'EX', seconds) elseif seconds == 0 then call('SET', id, record) end
end

-- Fields may have been spliced on since: the job was cancelled by this very end, or handed out again after it.
local function is_repeat(op, stored, body, number)
  if not stored then return number < 0 and op ~= 'r' end
  if op == 'c' or op == 'b' then
    return string.sub(stored, -#body - 1, -2) == body or string.find(stored, body .. ABORTED, 1, true) ~= nil
  end
  return string.sub(stored, 1, #body - 1) == string.sub(body, 1, -2)
end

-- A job that was asked to stop does not run again, whatever made its run end.
local function cancel(k, id, record, reason)
  local ok, job = pcall(cjson.decode, record)
  local seconds = math.min(math.ceil(ok and tonumber(job.ttl) or 600), LONGEST)
  local ours = ok and type(job.meta) == 'table' and job.meta.jobctl
  local lock = type(ours) == 'table' and ours.unique
  if type(lock) == 'string' and redis.pcall('GET', lock) == id then call('DEL', lock) end
  store(id, splice(record, ABORTED .. ',"completed":' .. now_text .. ',"error":' .. cjson.encode(reason)), seconds)
  call('ZREM', KEYS[k + 3], id)
  keep(k, id, 8, seconds)
  call('PUBLISH', id, 'aborted')
end

-- To ask who listens costs less than to publish to nobody. SAQ's clients listen by pattern.
local function announce_complete(ids)
  if call('PUBSUB', 'NUMPAT') > 0 then
    for _, id in ipairs(ids) do call('PUBLISH', id, 'complete') end
    return
  end
  local listeners = call('PUBSUB', 'NUMSUB', unpack(ids))
  for n = 1, #listeners, 2 do
    if listeners[n + 1] > 0 then call('PUBLISH', listeners[n], 'complete') end
  end
end

-- Ends come in groups by queue: a command for many jobs costs the server little more than a command for one.
local fenced, groups = {}, {}
local ended = ARGV[#ARGV] == '' and {} or cmsgpack.unpack(ARGV[#ARGV])
for i = 1, #ended, 8 do
  if type(ended[i + 4]) == 'number' then ended[i + 4] = ARGV[#ARGV - ended[i + 4]] end
  local q = ended[i]
  local group = groups[q]
  if not group then
    group = {ids = {}, at = {}}
    groups[q] = group
  end
  group.ids[#group.ids + 1] = ended[i + 1]
  group.at[#group.at + 1] = i
end

for q, group in pairs(groups) do
  local k = K * q
  local owners = call('HMGET', KEYS[k + 5], unpack(group.ids))
  local own, final, complete, fields, keeps = {}, {}, {}, {}, {}
  local others = {}
  for n, id in ipairs(group.ids) do
    local i = group.at[n]
    local op = ended[i + 3]
    if owners[n] ~= ended[i + 2] then
      if not is_repeat(op, call('GET', id), ended[i + 4], ended[i + 5]) then
        fenced[#fenced + 1] = (i - 1) / 8 + 1
      end
    else
      own[#own + 1] = id
      call('LREM', KEYS[k + 2], 1, id)
      if op ~= 'r' and op ~= 'b' then final[#final + 1] = id end
      if op == 'c' then
        complete[#complete + 1] = id
        fields[#fields + 1] = ended[i + 4]
        keeps[#keeps + 1] = ended[i + 5]
      else
        others[#others + 1] = i
      end
      local lock = ended[i + 6]
      if lock ~= '' and op ~= 'r' and op ~= 'b' and call('GET', lock) == id then call('DEL', lock) end
      if ended[i + 7] ~= '' then
        call('LPUSH', KEYS[#KEYS], ended[i + 7])
        call('LTRIM', KEYS[#KEYS], 0, 199)
      end
    end
  end
  local asked = {} -- id -> reason of those that were asked to stop
  if #own > 0 then
    call('HDEL', KEYS[k + 5], unpack(own))
    call('ZREM', KEYS[k + 4], unpack(own))
    local cancels = KEYS[K * queues + 2 * q + 2]
    if call('EXISTS', cancels) == 1 then
      for n, reason in ipairs(call('HMGET', cancels, unpack(own))) do asked[own[n]] = reason end
      call('HDEL', cancels, unpack(own))
    end
  end
  if #final > 0 then call('ZREM', KEYS[k + 3], unpack(final)) end

  if #complete > 0 then
    local stored = call('MGET', unpack(complete))
    local index, expiry, due = {}, {}, {}
    for n, id in ipairs(complete) do
      local seconds = keeps[n]
      if seconds < 0 then
        forget(k, id)
      elseif stored[n] then
        index[#index + 1] = now_text
        index[#index + 1] = id
        if seconds > 0 then
          -- PXAT: any other way of saying it, the server would translate into this one for its log
          if not due[seconds] then
            due[seconds] = string.format('%.0f', now + seconds * 1000)
            expiry[#expiry + 1] = due[seconds]
            -- one entry for all that end now and are kept as long
            expiry[#expiry + 1] = '@' .. now_text .. ':' .. seconds
          end
          call('SET', id, splice(stored[n], fields[n]), 'PXAT', due[seconds])
        else
          call('SET', id, splice(stored[n], fields[n]))
        end
      end
    end
    if #index > 0 then call('ZADD', KEYS[k + 6], unpack(index)) end
    if #expiry > 0 then call('ZADD', KEYS[k + 9], unpack(expiry)) end
    announce_complete(complete)
  end

  for _, i in ipairs(others) do
    local id, op, body, number = ended[i + 1], ended[i + 3], ended[i + 4], ended[i + 5]
    local stored = op == 'b' and call('GET', id)
    if asked[id] and (op == 'r' or stored) then
      cancel(k, id, stored and splice(stored, body) or body, asked[id])
    elseif op == 'r' then
      local due = now + number
      call('SET', id, body)
      if number > 0 then
        call('ZADD', KEYS[k + 3], string.format('%.3f', due / 1000), id)
        call('ZADD', KEYS[k + 10], string.format('%.0f', due), id)
      else
        call('ZADD', KEYS[k + 3], 0, id)
        call('RPUSH', KEYS[k + 1], id)
      end
      call('PUBLISH', id, 'queued')
    elseif op == 'b' then
      if stored then
        call('SET', id, splice(stored, body))
        call('ZADD', KEYS[k + 3], 0, id)
        call('LPUSH', KEYS[k + 1], id)
        if number > 0 then
          call('HINCRBY', KEYS[k + 12], id, 1)
          local lost = call('HGET', KEYS[k + 13], id)
          local worker = string.match(token, '^[^:]*')
          local line = '{"outcome":"interrupted","at_ms":' .. now_text .. ',"worker":"' .. worker .. '"}'
          call('HSET', KEYS[k + 13], id, lost and (lost .. ',' .. line) or line)
        end
        call('PUBLISH', id, 'queued')
      else
        call('ZREM', KEYS[k + 3], id)
      end
    elseif op == 'p' then
      call('HSET', KEYS[K * queues + 2 * q + 1], id, body)
      call('DEL', id)
    else
      store(id, body, number)
      keep(k, id, op == 'd' and 7 or 8, number)
      call('PUBLISH', id, op == 'd' and 'failed' or 'aborted')
    end
  end
end

-- Smooth weighted round robin over the queues that have work: each start adds every such queue's weight to its credit,
-- the richest queue starts a job and pays the sum. In every window of sum(weights) starts the counts are exact. A queue
-- without work loses its credit: nothing is owed to it later.
-- A queue that has used its reserved slots and its limit, or finds no slot for all, stands aside until the next turn.
local weight, credit, own, most, ready, total = {}, {}, {}, {}, {}, 0
local spare = 0
for q = 1, queues do
  local a = 4 + 3 * q
  weight[q], own[q], most[q] = tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  spare = spare + own[q]
  if call('EXISTS', KEYS[K * q]) == 1 then ready[q] = -1 else ready[q] = call('LLEN', KEYS[K * (q - 1) + 1]) end
  credit[q] = 0
  if ready[q] > 0 then total = total + weight[q] end
end
if want + spare == 0 or total == 0 then return {ready, fenced, {}, {}, {}, now} end

local strict = ARGV[6] == 'strict'
if queues > 1 and not strict then
  local q = 0
  for saved in string.gmatch(call('GET', KEYS[#KEYS - 1]) or '', '%S+') do
    q = q + 1
    if ready[q] and ready[q] > 0 then credit[q] = tonumber(saved) end
  end
end
local take, from = {}, {}
for q = 1, queues do take[q] = {} end
local function may_start(q) return ready[q] > 0 and most[q] > 0 and (want > 0 or own[q] > 0) end
local limited = spare > 0
for q = 1, queues do
  if most[q] < want then limited = true end
end
while total > 0 do
  if limited then
    total = 0
    for q = 1, queues do
      if may_start(q) then total = total + weight[q] end
    end
    if total == 0 then break end
  elseif want == 0 then
    break
  end
  local best
  for q = 1, queues do
    if ready[q] > 0 and (not limited or may_start(q)) then
      if strict then
        if not best or weight[q] > weight[best] then best = q end
      else
        credit[q] = credit[q] + weight[q]
        if not best or credit[q] > credit[best] then best = q end
      end
    end
  end
  if not strict then credit[best] = credit[best] - total end
  ready[best] = ready[best] - 1
  most[best] = most[best] - 1
  if own[best] > 0 then own[best] = own[best] - 1 else want = want - 1 end
  from[#from + 1] = best
  take[best][#take[best] + 1] = #from
  if ready[best] == 0 then
    total = total - weight[best]
    credit[best] = 0
  end
end

if queues > 1 and not strict then call('SET', KEYS[#KEYS - 1], table.concat(credit, ' '), 'EX', 60) end

local ids, records = {}, {}
local fields = ARGV[5] .. now_text
local expiry = string.format('%.0f', now + lease)
for q = 1, queues do
  local n = #take[q]
  if n > 0 then
    local k = K * (q - 1)
    local got = call('LPOP', KEYS[k + 1], n)
    local raw = call('MGET', unpack(got))
    local active, leases, owners, mine = {}, {}, {}, 0
    for j = 1, n do
      local id, record = got[j], raw[j]
      if record and string.sub(record, -1) == '}' then
        mine = mine + 1
        active[mine] = id
        leases[2 * mine - 1], leases[2 * mine] = expiry, id
        owners[2 * mine - 1], owners[2 * mine] = id, token
        -- only what is new: in the server's log the record would stand once more
        call('SETRANGE', id, #record - 1, fields .. '}')
        ids[take[q][j]], records[take[q][j]] = id, record
      else
        -- evicted, expired or overwritten: out of the way, kept for inspection
        call('ZREM', KEYS[k + 3], id)
        call('HSET', KEYS[K * queues + 2 * q - 1], id, record or '')
        ids[take[q][j]], records[take[q][j]] = false, false
      end
    end
    if mine > 0 then
      call('RPUSH', KEYS[k + 2], unpack(active))
      call('ZADD', KEYS[k + 4], unpack(leases))
      call('HSET', KEYS[k + 5], unpack(owners))
    end
  end
end
return {ready, fenced, from, ids, records, now}
