-- An arm that failed a gate is used up, with every reason on record.
-- KEYS: arm, fired, arm stream, audit stream, head of its chain
-- ARGV: arm_id, entry_id, group, record as it was when the arm was judged ('' for none), new record,
--       the audit entry (see chain.lua)
-- Returns {'refused', id of the audit entry} or {'changed', what no longer holds}.

local arm_id, entry_id, group = ARGV[1], ARGV[2], ARGV[3]

local armed = redis.pcall('GET', KEYS[1])
local known = redis.call('HGET', KEYS[2], arm_id) or ''
if known ~= ARGV[4] then return {'changed', 'the arm was decided meanwhile'} end
for index = 3, 4 do
    local kind = redis.call('TYPE', KEYS[index]).ok
    if kind ~= 'stream' and kind ~= 'none' then
        return redis.error_reply('FLATGUARD ' .. KEYS[index] .. ' is a ' .. kind .. ', not a stream: nothing was written')
    end
end

redis.call('HSET', KEYS[2], arm_id, ARGV[5])
if armed == arm_id then redis.call('DEL', KEYS[1]) end
local audit_entry = audit(6)
redis.call('XACK', KEYS[3], group, entry_id)
return {'refused', audit_entry}
