-- The test harness only: moves the stepped clock, and whatever the server would have forgotten by then is forgotten.
--
-- KEYS  1 the stepped clock  2 channel that wakes workers
-- ARGV  1 the new time, microseconds since the epoch
-- reply how many microseconds it has moved on by
local was = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local passed = (tonumber(ARGV[1]) - was) / 1000
if passed > 0 then
  for _, name in ipairs(redis.call('KEYS', '*')) do
    local left = redis.call('PTTL', name)
    if left > passed then
      redis.call('PEXPIRE', name, math.floor(left - passed))
    elseif left > 0 then
      redis.call('DEL', name)
    end
  end
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', KEYS[2], '')
return math.floor(passed * 1000)
