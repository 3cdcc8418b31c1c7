-- Take the lease of a run, or say who holds it. Reads first, then writes; no rollback is needed.
-- KEYS: 1 run journal, 2 fired, 3 active
-- ARGV: 1 owner, 2 lease in ms, 3 how much of it the same owner, started again, waits, 4 arm id, 5 request id,
--       6 seconds that `active` lives, 7 holder: the owner's process
-- Returns {status, fence, now_ms, lease left in ms, fired record or '', request in `active` or ''};
-- status is new, resumed, busy or finished.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'state', 'owner', 'lease_until_ms', 'fence')
local fired = redis.call('HGET', KEYS[2], ARGV[4]) or ''
local active = redis.call('GET', KEYS[3]) or ''
local state, owner = run[1], run[2]
local lease_left = tonumber(run[3] or '0') - now_ms
local fence = tonumber(run[4] or '0')

if state == 'finished' then
  return {'finished', fence, now_ms, 0, fired, active}
end
if owner == ARGV[1] then
  lease_left = lease_left - tonumber(ARGV[2]) + tonumber(ARGV[3])
end
if owner and lease_left > 0 then
  return {'busy', fence, now_ms, lease_left, fired, active}
end

redis.call('HSET', KEYS[1], 'state', 'running', 'owner', ARGV[1], 'holder', ARGV[7], 'fence', fence + 1,
  'lease_until_ms', now_ms + tonumber(ARGV[2]))
if active == '' or active == ARGV[5] then
  redis.call('SET', KEYS[3], ARGV[5], 'EX', ARGV[6])
end
return {state and 'resumed' or 'new', fence + 1, now_ms, tonumber(ARGV[2]), fired, active}
