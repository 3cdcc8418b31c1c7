-- An arm that was decided before was published again: say so once for each entry, and do nothing else (I16).
-- KEYS: arm stream, audit stream, head of its chain
-- ARGV: entry_id, group, the audit entry (see chain.lua)
-- Returns {'repeated', id of the audit entry} or {'handled', ''} when another governor has done it.

local pending = redis.call('XPENDING', KEYS[1], ARGV[2], ARGV[1], ARGV[1], 1)
if #pending == 0 then return {'handled', ''} end
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('FLATGUARD ' .. KEYS[2] .. ' is a ' .. kind .. ', not a stream: nothing was written')
end

local audit_entry = audit(3)
redis.call('XACK', KEYS[1], ARGV[2], ARGV[1])
return {'repeated', audit_entry}
