#!lua flags=allow-oom
-- Write a job's record anew without changing its state, for a caller of SAQ's `update`.
--
-- KEYS  id owners
-- ARGV  1 token of the caller's delivery or ''  2 the whole record  3 status to set: queued or active; '' = as it is
--       4 ms it was completed by the caller's copy
-- reply 'updated', 'gone', 'final' (it has ended since the copy was made) or 'fenced'
--
-- A job that has ended keeps its outcome and its time to live (SAQ loses both here).
local call = redis.call
local stored = call('GET', KEYS[1])
if not stored then return 'gone' end
if ARGV[1] ~= '' and call('HGET', KEYS[2], KEYS[1]) ~= ARGV[1] then return 'fenced' end
local ok, job = pcall(cjson.decode, stored)
if not ok or type(job) ~= 'table' then return 'gone' end
local status = type(job.status) == 'string' and job.status or 'new'
local ended = status == 'complete' or status == 'failed' or status == 'aborted'
if ended and (ARGV[3] ~= '' or tonumber(job.completed) ~= tonumber(ARGV[4])) then return 'final' end

local tail = ''
if status == 'aborting' then
  -- what asks the running job to stop stays
  if type(job.error) == 'string' then tail = ',"error":' .. cjson.encode(job.error) end
elseif ARGV[3] ~= '' then
  status = ARGV[3]
end
call('SET', KEYS[1], string.sub(ARGV[2], 1, -2) .. tail .. ',"status":"' .. status .. '"}', 'KEEPTTL')
call('PUBLISH', KEYS[1], status)
return 'updated'
