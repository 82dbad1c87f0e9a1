#!lua
-- Store plain jobs: due now, under fresh random keys, without locks. The hot path of producers; `broker/plain.py` packs
-- it, and `enqueue.lua` stores every other job.
--
-- KEYS  per queue 2: queued incomplete; last: the set of queues
-- ARGV  1 = number of queues; then their names; then the number of stencils; then per stencil 2:
--         queue (from 1), the record as far as the opening quote of its key
--       last, MessagePack, one array with per job 3: stencil (from 1), key, payload (JSON text)
-- reply how many jobs were stored: all, or fewer if this call repeats one whose answer was lost
--
-- What costs is calling the server, so one MSETNX stores all records, and one ZADD and one RPUSH a queue all ids. Lua's
-- stack bounds that to about 3,900 jobs a call. The jobs are one argument, because the server takes longer to read three
-- arguments a job than the script to unpack them.
-- No allow-oom flag, and the server's time: as in `enqueue.lua`.
local call = redis.call
local time = call('TIME')
local tail = ',"queued":' .. string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) .. '}'
local queues = tonumber(ARGV[1])
local stencils = tonumber(ARGV[2 + queues])
local jobs = cmsgpack.unpack(ARGV[#ARGV])

local queue, prefix, head = {}, {}, {} -- by stencil
for s = 1, stencils do
  local i = 1 + queues + 2 * s
  queue[s], head[s] = tonumber(ARGV[i]), ARGV[i + 1]
  prefix[s] = 'saq:job:' .. ARGV[1 + queue[s]] .. ':'
end

local ids, scored -- by queue: for RPUSH, and with a score before each for ZADD
local function empty()
  ids, scored = {}, {}
  for q = 1, queues do ids[q], scored[q] = {}, {} end
end
local function add(q, id)
  local list, due = ids[q], scored[q]
  local n = #list
  list[n + 1], due[2 * n + 1], due[2 * n + 2] = id, '0', id
end

empty()
local records, n = {}, 0
for i = 1, #jobs, 3 do
  local s, key = jobs[i], jobs[i + 1]
  local id = prefix[s] .. key
  records[n + 1], records[n + 2] = id, head[s] .. key .. '","kwargs":' .. jobs[i + 2] .. tail
  n = n + 2
  add(queue[s], id)
end

if call('MSETNX', unpack(records)) == 0 then
  -- Keys are random, so a job that is there is this one, sent again after its answer was lost. It may have ended by now.
  empty()
  for i = 1, n, 2 do
    local id, record = records[i], records[i + 1]
    local q = queue[jobs[(3 * i - 1) / 2]]
    if not call('ZSCORE', KEYS[2 * q], id) and call('SET', id, record, 'NX') then add(q, id) end
  end
end

local stored = 0
for q = 1, queues do
  if #ids[q] > 0 then
    call('ZADD', KEYS[2 * q], unpack(scored[q]))
    call('RPUSH', KEYS[2 * q - 1], unpack(ids[q]))
    stored = stored + #ids[q]
  end
end
call('SADD', KEYS[#KEYS], unpack(ARGV, 2, 1 + queues))
return stored
