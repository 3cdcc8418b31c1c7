-- Heartbeat: keep the named entries from being claimed while they are handled, but never take one back.
-- JUSTID leaves the delivery count alone.
-- KEYS: the stream. ARGV: group, consumer, entry ids; the first is in a handler's hands.
-- Returns the ids that another consumer has taken over. The first may be acknowledged already: by us, as far as we know.
local lost = {}
for i = 3, #ARGV do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if #held == 0 then
    if i > 3 then
      lost[#lost + 1] = ARGV[i]
    end
  elseif held[1][2] ~= ARGV[2] then
    lost[#lost + 1] = ARGV[i]
  else
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  end
end
return lost
