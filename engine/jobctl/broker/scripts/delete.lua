#!lua flags=allow-oom
-- Forget jobs of one queue that have ended, with all that is kept of them.
--
-- KEYS  incomplete active owners; then every index and hash that may hold something of an ended job; the last 5 are hashes
-- ARGV  ids
-- reply per job: 'deleted', 'unfinished' or 'gone'
--
-- A job has ended when it is not among the unfinished and nobody runs it: so has one that a stock SAQ worker ended.
-- The entry by which its retention is kept may stand for many; upkeep passes over those that are gone.
local call = redis.call
local HASHES = 5
local answer = {}
for n, id in ipairs(ARGV) do
  if call('ZSCORE', KEYS[1], id) or call('HEXISTS', KEYS[3], id) == 1 or call('LPOS', KEYS[2], id) then
    answer[n] = 'unfinished'
  else
    local found = call('DEL', id)
    for k = 4, #KEYS - HASHES do found = found + call('ZREM', KEYS[k], id) end
    for k = #KEYS - HASHES + 1, #KEYS do found = found + call('HDEL', KEYS[k], id) end
    local queue, key = string.match(id, '^saq:job:([^:]+):(.+)$')
    if queue then call('DEL', 'jobctl:' .. queue .. ':log:' .. key) end -- the lines it wrote
    answer[n] = found > 0 and 'deleted' or 'gone'
  end
end
return answer
