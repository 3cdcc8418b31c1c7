-- A notifier that stops lets another one begin at once.
-- KEYS: holder. ARGV: our token.
-- Returns how many keys were deleted.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
