-- Give the lease back without a verdict, so that the next attempt need not wait for it to run out.
-- KEYS: 1 run journal    ARGV: 1 fence
-- Returns 1, or 0 when another executor has taken the run over.
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'lease_until_ms', 0)
return 1
