-- An arm is taken back: it can never fire (I2). One that was decided before stays as it was decided.
-- KEYS: arm, fired, arm stream, audit stream, head of its chain
-- ARGV: arm_id, entry_id, group, record as it was when this was decided ('' for none), new record,
--       the audit entry (see chain.lua)
-- Returns {'disarmed', id of the audit entry}, {'changed', what no longer holds} or {'handled', ''}.

local arm_id, entry_id, group = ARGV[1], ARGV[2], ARGV[3]

local pending = redis.call('XPENDING', KEYS[3], group, entry_id, entry_id, 1)
if #pending == 0 then return {'handled', ''} end
local armed = redis.pcall('GET', KEYS[1])
local known = redis.call('HGET', KEYS[2], arm_id) or ''
if known ~= ARGV[4] then return {'changed', 'the arm was decided meanwhile'} end
local kind = redis.call('TYPE', KEYS[4]).ok
if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('FLATGUARD ' .. KEYS[4] .. ' is a ' .. kind .. ', not a stream: nothing was written')
end

if known == '' then redis.call('HSET', KEYS[2], arm_id, ARGV[5]) end
if armed == arm_id then redis.call('DEL', KEYS[1]) end
local audit_entry = audit(6)
redis.call('XACK', KEYS[3], group, entry_id)
return {'disarmed', audit_entry}
