#!lua flags=allow-oom
-- End one job for a caller of SAQ's own methods (the worker ends its runs in `cycle`).
--
-- KEYS  id queued active incomplete leases owners complete dead cancelled expiry retrying cancels strays
-- ARGV  1 token of the caller's delivery or ''  2 ms it started by its own record, 0 = unknown  3 the whole record
--       4 status: complete, failed, aborted  5 seconds to keep (0 = for ever, < 0 = not at all)  6 unique lock or ''
-- reply 'ended', 'again' (an exact repeat), 'final' (it had ended before: that stands) or 'fenced'
--
-- A caller without a token may end what nobody owns, and what its own record shows to be the present delivery (a proxy
-- that was restarted has forgotten its tokens, the worker behind it has not forgotten its job).
local call = redis.call
local id, token, record, status, keep = KEYS[1], ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[5])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = call('GET', id)
local owner = call('HGET', KEYS[6], id)
local job = {}
if stored then
  local ok, decoded = pcall(cjson.decode, stored)
  if ok and type(decoded) == 'table' then job = decoded end
end

if stored == record then return 'again' end
if token ~= '' and owner ~= token then
  if not stored and keep < 0 then return 'again' end
  return 'fenced'
end
if token == '' and owner and tonumber(ARGV[2]) ~= tonumber(job.started) then return 'fenced' end
local ended = job.status == 'complete' or job.status == 'failed' or job.status == 'aborted'
if ended and not owner and not call('ZSCORE', KEYS[4], id) then return 'final' end

call('HDEL', KEYS[6], id)
call('ZREM', KEYS[5], id)
-- what was owned or active is not queued: a search of the whole backlog is only for what was not
if call('LREM', KEYS[3], 1, id) == 0 and not owner then call('LREM', KEYS[2], 0, id) end
call('ZREM', KEYS[4], id)
call('ZREM', KEYS[11], id)
call('HDEL', KEYS[12], id)
call('ZREM', KEYS[13], id)
for n = 7, 10 do call('ZREM', KEYS[n], id) end
if keep < 0 then
  call('DEL', id)
else
  call('ZADD', KEYS[status == 'complete' and 7 or status == 'failed' and 8 or 9], string.format('%.0f', now), id)
  if keep > 0 then
    call('SET', id, record, 'EX', ARGV[5])
    call('ZADD', KEYS[10], string.format('%.0f', now + keep * 1000), id)
  else
    call('SET', id, record)
  end
end
if ARGV[6] ~= '' and call('GET', ARGV[6]) == id then call('DEL', ARGV[6]) end
call('PUBLISH', id, status)
return 'ended'
