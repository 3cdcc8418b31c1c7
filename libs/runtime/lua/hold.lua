-- Heartbeat: keep the named entries from being claimed while they are handled, but never take one back.
-- JUSTID leaves the delivery count alone.
-- KEYS: the stream. ARGV: group, consumer, entry ids; the first is in a handler's hands.
-- Returns the ids that another consumer has taken over. The first may be acknowledged already: by us, as far as we know.
local lost, ours = {}, {}
for i = 3, #ARGV do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if #held == 0 then
    if i > 3 then
      lost[#lost + 1] = ARGV[i]
    end
  elseif held[1][2] ~= ARGV[2] then
    lost[#lost + 1] = ARGV[i]
  else
    ours[#ours + 1] = ARGV[i]
  end
end

if #ours > 0 then
  ours[#ours + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ours))
end
return lost
