-- Move one poison entry to the dead letters: XADD and XACK together, exactly once.
-- KEYS: the entry's stream, the dead-letter stream.
-- ARGV: group, entry id, consumer, then the fields of the dead letter (name, value, name, …).
-- Returns the dead letter's id; nothing when the entry is no longer pending with this consumer.
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1, ARGV[3])
if #held == 0 then
  return false
end
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'stream' and kind ~= 'none' then
  return redis.error_reply('FLATGUARD ' .. KEYS[2] .. ' is a ' .. kind .. ', not a stream: nothing was written')
end

local id = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return id
