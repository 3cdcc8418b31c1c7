-- The allocation targets as they stand, all in one answer: 44 answers of their own cost redis-py ten times as much.
-- Reads only.
-- KEYS: the target hashes    ARGV: nothing
-- Returns for each key its fields and values in turn, or nil where the key holds something else.
local found = {}
for index = 1, #KEYS do
  local reply = redis.pcall('HGETALL', KEYS[index])
  if not reply.err then
    found[index] = reply
  elseif string.sub(reply.err, 1, 9) == 'WRONGTYPE' then
    found[index] = false
  else
    return redis.error_reply(reply.err)
  end
end
return found
