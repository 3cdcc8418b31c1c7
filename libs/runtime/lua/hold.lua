-- Heartbeat: keep the named entries from being claimed while they are handled, but never take one back.
-- JUSTID leaves the delivery count alone.
-- KEYS: the stream. ARGV: group, consumer, entry ids.
-- Returns the ids that are no longer pending with this consumer.
local lost = {}
for i = 3, #ARGV do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if #held == 0 then
    lost[#lost + 1] = ARGV[i]
  else
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  end
end
return lost
