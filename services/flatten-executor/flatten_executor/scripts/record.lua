-- Write to the journal and the audit stream under the fence, and extend the lease.
-- KEYS: 1 run journal, 2 active, 3 audit stream, 4 head of its chain
-- ARGV: 1 fence, 2 holder, 3 lease in ms, 4 request id, 5 seconds that `active` lives, 6 number of journal fields,
--       then field, value, …; then the audit entries (see chain.lua)
-- Returns {1, now_ms}, or {0, fence of the journal} when another executor has taken the run over.
local function takes_entries(kind)
  return kind.ok == 'stream' or kind.ok == 'none'
end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'fence', 'holder')
local active = redis.call('GET', KEYS[2])
-- The holder too: where Redis lost the journal, a new one begins with the same fence.
if run[1] ~= ARGV[1] or run[2] ~= ARGV[2] then
  return {0, tonumber(run[1] or '0')}
end
if not (takes_entries(redis.call('TYPE', KEYS[3]))) then
  return redis.error_reply('WRONGTYPE the audit key is not a stream; nothing was written')
end

redis.call('HSET', KEYS[1], 'lease_until_ms', now_ms + tonumber(ARGV[3]))
if active == ARGV[4] then
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
local at = 7
for _ = 1, tonumber(ARGV[6]) do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
audit(at)
return {1, now_ms}
