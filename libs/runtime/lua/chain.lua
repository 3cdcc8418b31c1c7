-- Stands before every script that writes to the audit stream, whose entries are a chain: see `contracts.chain`.
-- KEYS: whatever the script has; the last two are the audit stream and the head of its chain.
-- ARGV: whatever the script has; at the end each entry for the audit stream: digest, how many texts, name, value, …
-- Gives the script `audit(at)`: it appends the entries that begin at ARGV[at], and returns the id of the last one and
-- the new head. A head that cannot be read stops nothing: a chain begins anew, and whoever verifies it says so.
local head = redis.pcall('GET', KEYS[#KEYS])
if type(head) == 'table' and not string.match(head.err, '^WRONGTYPE') then
  return redis.error_reply(head.err)
end
local number = type(head) == 'string' and string.match(head, '^(%d+):' .. string.rep('%x', 40) .. '$')
if not number then
  number, head = 0, '0:' .. redis.sha1hex(KEYS[#KEYS - 1])
end

local function audit(at)
  local id
  while at <= #ARGV do
    local last = at + 1 + ARGV[at + 1]
    id = redis.call('XADD', KEYS[#KEYS - 1], '*', 'chain', head, unpack(ARGV, at + 2, last))
    number = number + 1
    head = string.format('%d:%s', number, redis.sha1hex(head .. ' ' .. id .. ' ' .. ARGV[at]))
    at = last + 1
  end
  if id then
    redis.call('SET', KEYS[#KEYS], head)
  end
  return id, head
end
