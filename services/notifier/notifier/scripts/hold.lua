-- One of several notifiers tells. It says so again and again; when it is silent, another one takes over.
-- KEYS: holder. ARGV: our token, for how many milliseconds.
-- Returns the token of whoever holds it now.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
    return holder
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
