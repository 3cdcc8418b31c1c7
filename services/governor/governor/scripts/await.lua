-- An arm needs signatures of more people: say so, and leave everything as it is. The same arm comes again with them.
-- KEYS: fired, arm stream, audit stream, head of its chain
-- ARGV: arm_id, entry_id, group, record as it was when the arm was judged ('' for none), the audit entry (see chain.lua)
-- Returns {'waiting', id of the audit entry}, {'changed', what no longer holds} or {'handled', ''} when another
-- governor has done it.

local arm_id, entry_id, group = ARGV[1], ARGV[2], ARGV[3]

local pending = redis.call('XPENDING', KEYS[2], group, entry_id, entry_id, 1)
if #pending == 0 then return {'handled', ''} end
local known = redis.call('HGET', KEYS[1], arm_id) or ''
if known ~= ARGV[4] then return {'changed', 'the arm was decided meanwhile'} end
local kind = redis.call('TYPE', KEYS[3]).ok
if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('FLATGUARD ' .. KEYS[3] .. ' is a ' .. kind .. ', not a stream: nothing was written')
end

local audit_entry = audit(5)
redis.call('XACK', KEYS[2], group, entry_id)
return {'waiting', audit_entry}
