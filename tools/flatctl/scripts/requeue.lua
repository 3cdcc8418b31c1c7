-- Put a dead letter back on its own stream, at most once, and put that on record.
-- KEYS: dead-letter stream, the stream that it came from, stream of the record
-- ARGV: letter id, how many texts the entry has, the entry's fields, the record's fields (name, value, name, …)
-- Returns the id of the new entry; nothing when the letter is not there any more.

for i = 2, 3 do
    local kind = redis.call('TYPE', KEYS[i]).ok
    if kind ~= 'stream' and kind ~= 'none' then
        return redis.error_reply('FLATGUARD ' .. KEYS[i] .. ' is a ' .. kind .. ', not a stream: nothing was written')
    end
end
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return false end

-- No entry has this id. Whoever may not take letters out, or not write to their stream, fails here or in the next line,
-- before anything is written.
redis.call('XDEL', KEYS[1], '0-0')
local last = 2 + tonumber(ARGV[2])
local entry = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3, last))
redis.call('XADD', KEYS[3], '*', unpack(ARGV, last + 1))
redis.call('XDEL', KEYS[1], ARGV[1])
return entry
