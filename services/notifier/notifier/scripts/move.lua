-- What was told is told: the places of one address move on, if we are still the one that tells.
-- KEYS: holder, places. ARGV: our token, then fields and values of the places.
-- Returns 1, or 0 when another notifier has taken over: nothing was written.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[2], unpack(ARGV, 2))
return 1
