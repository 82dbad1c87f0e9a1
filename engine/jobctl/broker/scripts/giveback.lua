#!lua flags=allow-oom
-- Hand back all jobs of one claim whose answer was lost: to the head of their queues, as if never claimed.
--
-- KEYS  per queue 4: queued active leases owners
-- ARGV  1 token of the claim
-- reply how many were handed back
local count = 0
for k = 0, #KEYS - 4, 4 do
  local owners = redis.call('HGETALL', KEYS[k + 4])
  for i = 1, #owners, 2 do
    if owners[i + 1] == ARGV[1] then
      local id = owners[i]
      redis.call('HDEL', KEYS[k + 4], id)
      redis.call('ZREM', KEYS[k + 3], id)
      redis.call('LREM', KEYS[k + 2], 1, id)
      local record = redis.call('GET', id)
      if record then
        redis.call('SET', id, string.sub(record, 1, -2) .. ',"status":"queued","started":0}')
        redis.call('LPUSH', KEYS[k + 1], id)
        count = count + 1
      end
    end
  end
end
return count
