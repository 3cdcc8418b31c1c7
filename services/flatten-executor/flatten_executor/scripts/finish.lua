-- The end of a run, whole: outcome into the journal, completed and audit out, `active` cleared, request acknowledged.
-- KEYS: 1 run journal, 2 completed stream, 3 audit stream, 4 active, 5 requested stream
-- ARGV: 1 fence, 2 holder, 3 request id, 4 group, 5 entry id, 6 outcome, 7 number of fields of the completed entry,
--       then field, value, …; the rest are the fields of the audit entry
-- Returns {1, id of the completed entry}, or {0, fence of the journal} when another executor has taken the run over.
-- Asked again by the same holder under the same fence, because the answer was lost, it returns what it did before.
local function takes_entries(kind)
  return kind.ok == 'stream' or kind.ok == 'none'
end
local run = redis.call('HMGET', KEYS[1], 'fence', 'holder', 'state', 'completed_id')
local active = redis.call('GET', KEYS[4])
if run[1] ~= ARGV[1] or run[2] ~= ARGV[2] then
  return {0, tostring(run[1] or '0')}
end
if run[3] == 'finished' then
  return {1, run[4]}
end
if not (takes_entries(redis.call('TYPE', KEYS[2])) and takes_entries(redis.call('TYPE', KEYS[3])) and takes_entries(redis.call('TYPE', KEYS[5]))) then
  return redis.error_reply('WRONGTYPE a stream key is not a stream; nothing was written')
end

local last = 7 + tonumber(ARGV[7]) * 2
-- The events first: if the server refuses one of them, the run is not yet finished, and is finished again.
redis.call('XADD', KEYS[3], '*', unpack(ARGV, last + 1, #ARGV))
local id = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 8, last))
redis.call('HSET', KEYS[1], 'state', 'finished', 'outcome', ARGV[6], 'completed_id', id)
redis.call('HDEL', KEYS[1], 'owner', 'lease_until_ms')
if active == ARGV[3] then
  redis.call('DEL', KEYS[4])
end
redis.call('XACK', KEYS[5], ARGV[4], ARGV[5])
return {1, id}
