-- What Redis knows about an arm, at one instant. Reads only.
-- KEYS: arm, fired, last_ts, active    ARGV: arm_id
-- Returns now_ms and, for each key, {0} (not there), {1, value} or {2, why it cannot be read}.

local function seen(reply)
    if type(reply) == 'table' and reply.err then return {2, reply.err} end
    if not reply then return {0} end
    return {1, reply}
end

local time = redis.call('TIME')
return {
    tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000),
    seen(redis.pcall('GET', KEYS[1])),
    seen(redis.pcall('HGET', KEYS[2], ARGV[1])),
    seen(redis.pcall('GET', KEYS[3])),
    seen(redis.pcall('GET', KEYS[4])),
}
