#!lua
-- Keep the log lines of jobs, the latest of each, for as long as its record is kept.
--
-- ARGV  1 most lines of a job  2 most bytes of a job  3 ms to keep them while the record has no end yet; then per job:
--       id of its record, key of its stream, number of new lines, the lines (JSON)
--
-- Without lines only the life of the stream is set: its job has ended, and its record has got one. A record that is
-- gone takes its lines along. No allow-oom flag: a full server keeps jobs, not lines.
local call = redis.call
local most_lines, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2])

-- Drop the oldest lines until the rest fits.
local function fit(stream)
  call('XTRIM', stream, 'MAXLEN', most_lines)
  local entries, bytes, fitting = call('XREVRANGE', stream, '+', '-'), 0, 0
  for _, entry in ipairs(entries) do
    bytes = bytes + #entry[2][2]
    if bytes > most_bytes then break end
    fitting = fitting + 1
  end
  if fitting < #entries then call('XTRIM', stream, 'MAXLEN', math.max(fitting, 1)) end
end

local at = 4
while at <= #ARGV do
  local record, stream, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local life = call('PTTL', record)
  if life == -2 then
    call('DEL', stream)
  else
    for n = 1, count do call('XADD', stream, '*', 'line', ARGV[at + 2 + n]) end
    if count > 0 then fit(stream) end
    call('PEXPIRE', stream, life > 0 and life or ARGV[3])
  end
  at = at + 3 + count
end
