#!lua flags=allow-oom
-- Note what an operator did. A full server takes it too: what frees memory is worth noting most.
--
-- KEYS  1 jobctl:audit
-- ARGV  1 entries kept at least; 2 nonce; then field and value by turns
-- Returns the entry's id; a repeated call (reply lost) finds the entry of the first.
local call = redis.call
for _, entry in ipairs(call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 16)) do
  if entry[2][2] == ARGV[2] then return entry[1] end
end
return call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'nonce', ARGV[2], unpack(ARGV, 3))
