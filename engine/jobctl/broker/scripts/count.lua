#!lua flags=allow-oom
-- Add a worker's counts to hashes, many fields in one call.
--
-- KEYS  the hashes
-- ARGV  per hash: its life in seconds (0 = for ever), number of fields, then per field its name and count
local at = 1
for _, hash in ipairs(KEYS) do
  local life, fields = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, fields do
    redis.call('HINCRBY', hash, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  if life > 0 then redis.call('EXPIRE', hash, life) end
end
