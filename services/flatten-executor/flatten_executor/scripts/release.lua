-- Give the lease back without a verdict, so that the next attempt need not wait for it to run out.
-- KEYS: 1 run journal    ARGV: 1 fence, 2 holder
-- Returns 1, or 0 when another executor has taken the run over.
local run = redis.call('HMGET', KEYS[1], 'fence', 'holder')
if run[1] ~= ARGV[1] or run[2] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'lease_until_ms', 0)
return 1
