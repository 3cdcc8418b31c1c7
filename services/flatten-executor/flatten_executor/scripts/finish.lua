-- The end of a run, whole: outcome into the journal, completed and audit out, `active` cleared, request acknowledged.
-- KEYS: 1 run journal, 2 completed stream, 3 active, 4 requested stream, 5 audit stream, 6 head of its chain
-- ARGV: 1 fence, 2 holder, 3 request id, 4 group, 5 entry id, 6 the outcome up to where the head stands in it, 7 the rest
--       of it, 8 number of texts of the completed entry without its data, then name, value, …; the rest is the audit
--       entry (see chain.lua)
-- Returns {1, head after the run's last entry}, or {0, fence of the journal} when another executor has taken the run over.
-- Asked again by the same holder under the same fence, because the answer was lost, it returns what it did before.
local function takes_entries(kind)
  return kind.ok == 'stream' or kind.ok == 'none'
end
local run = redis.call('HMGET', KEYS[1], 'fence', 'holder', 'state', 'audit_head')
local active = redis.call('GET', KEYS[3])
if run[1] ~= ARGV[1] or run[2] ~= ARGV[2] then
  return {0, tostring(run[1] or '0')}
end
if run[3] == 'finished' then
  return {1, run[4] or ''}
end
if not (takes_entries(redis.call('TYPE', KEYS[2])) and takes_entries(redis.call('TYPE', KEYS[5])) and takes_entries(redis.call('TYPE', KEYS[4]))) then
  return redis.error_reply('WRONGTYPE a stream key is not a stream; nothing was written')
end

local last = 8 + tonumber(ARGV[8])
local completed = {}
for at = 9, last do
  completed[#completed + 1] = ARGV[at]
end
-- The events first: if the server refuses one of them, the run is not yet finished, and is finished again.
local _, head = audit(last + 1)
local outcome = ARGV[6] .. head .. ARGV[7]
completed[#completed + 1] = 'data'
completed[#completed + 1] = outcome
local id = redis.call('XADD', KEYS[2], '*', unpack(completed))
redis.call('HSET', KEYS[1], 'state', 'finished', 'outcome', outcome, 'completed_id', id, 'audit_head', head)
redis.call('HDEL', KEYS[1], 'owner', 'lease_until_ms')
if active == ARGV[3] then
  redis.call('DEL', KEYS[3])
end
redis.call('XACK', KEYS[4], ARGV[4], ARGV[5])
return {1, head}
