-- An arm that passed every gate becomes exactly one request (I1), if what Redis can see still holds.
-- KEYS: arm, fired, last_ts, active, arm stream, request stream, audit stream, head of its chain
-- ARGV: arm_id, entry_id, group, issued_at_ms, expires_at_ms, ahead_max_ms, cooldown_ms, active_ttl_s,
--       request_id, record, number of the request's fields, the request's fields, the audit entry (see chain.lua)
-- Returns {'fired', id of the request's entry} or {'changed', what no longer holds}.
-- Reads everything first, then writes: a script has no rollback.

local arm_id, entry_id, group = ARGV[1], ARGV[2], ARGV[3]

local time = redis.call('TIME')
local now_s = tonumber(time[1])
local now_us = tonumber(time[2])
local now_ms = now_s * 1000 + math.floor(now_us / 1000)

local armed = redis.pcall('GET', KEYS[1])
local known = redis.pcall('HGET', KEYS[2], arm_id)
local last_ts = redis.pcall('GET', KEYS[3])
local active = redis.pcall('GET', KEYS[4])

if known then return {'changed', 'the arm is on record already'} end
if armed ~= arm_id then return {'changed', 'the arm key does not hold this arm'} end
if not (tonumber(ARGV[5]) > now_ms) then return {'changed', 'the arm has expired'} end
if not (tonumber(ARGV[4]) <= now_ms + tonumber(ARGV[6])) then return {'changed', 'the arm is from the future'} end
if active then return {'changed', 'a request is in flight'} end
if last_ts then
    if type(last_ts) ~= 'string' or not string.match(last_ts, '^%d+%.?%d*$') then
        return {'changed', 'the time of the last flatten cannot be read'}
    end
    local elapsed_ms = math.max(0, now_ms - math.ceil(tonumber(last_ts) * 1000))
    if not (elapsed_ms >= tonumber(ARGV[7])) then return {'changed', 'the cooldown has begun again'} end
end
for index = 5, 7 do
    local kind = redis.call('TYPE', KEYS[index]).ok
    if kind ~= 'stream' and kind ~= 'none' then
        return redis.error_reply('FLATGUARD ' .. KEYS[index] .. ' is a ' .. kind .. ', not a stream: nothing was written')
    end
end

local request = {}
local boundary = 11 + tonumber(ARGV[11])
for index = 12, boundary do request[#request + 1] = ARGV[index] end

-- Up to a whole second: arithmetic on integer seconds never makes the cooldown shorter (I4).
if now_us > 0 then now_s = now_s + 1 end

redis.call('HSET', KEYS[2], arm_id, ARGV[10])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], string.format('%d', now_s))
redis.call('SET', KEYS[4], ARGV[9], 'EX', ARGV[8])
local request_entry = redis.call('XADD', KEYS[6], '*', unpack(request))
audit(boundary + 1)
redis.call('XACK', KEYS[5], group, entry_id)
return {'fired', request_entry}
