-- Write to the journal and the audit stream under the fence, and extend the lease.
-- KEYS: 1 run journal, 2 audit stream, 3 active
-- ARGV: 1 fence, 2 lease in ms, 3 request id, 4 seconds that `active` lives, 5 number of journal fields,
--       then field, value, …; then for each audit entry: number of fields, field, value, …
-- Returns {1, now_ms}, or {0, fence of the journal} when another executor has taken the run over.
local function takes_entries(kind)
  return kind.ok == 'stream' or kind.ok == 'none'
end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = redis.call('HGET', KEYS[1], 'fence')
local active = redis.call('GET', KEYS[3])
if fence ~= ARGV[1] then
  return {0, tonumber(fence or '0')}
end
if not (takes_entries(redis.call('TYPE', KEYS[2]))) then
  return redis.error_reply('WRONGTYPE the audit key is not a stream; nothing was written')
end

redis.call('HSET', KEYS[1], 'lease_until_ms', now_ms + tonumber(ARGV[2]))
if active == ARGV[3] then
  redis.call('EXPIRE', KEYS[3], ARGV[4])
end
local at = 6
for _ = 1, tonumber(ARGV[5]) do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
while at <= #ARGV do
  local count = tonumber(ARGV[at]) * 2
  redis.call('XADD', KEYS[2], '*', unpack(ARGV, at + 1, at + count))
  at = at + count + 1
end
return {1, now_ms}
