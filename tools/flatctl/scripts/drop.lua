-- Take a dead letter out for good, and put that on record, with the letter in it.
-- KEYS: dead-letter stream, stream of the record
-- ARGV: letter id, the record's fields (name, value, name, …)
-- Returns the id of the record; nothing when the letter is not there any more.

local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('FLATGUARD ' .. KEYS[2] .. ' is a ' .. kind .. ', not a stream: nothing was written')
end
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return false end

-- No entry has this id. Whoever may not take letters out fails here, before anything is written.
redis.call('XDEL', KEYS[1], '0-0')
local record = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 2))
redis.call('XDEL', KEYS[1], ARGV[1])
return record
