-- reply: store debtors' texts, each tied to the campaign that last wrote to that number from
-- that sender. ARGV[1] {now_ms, account, client of replies that fit nothing, batch, replies,
-- days to look back, seconds that a reply's parts are remembered}.
-- reply: {sender, to, text, reference or -1, parts, number of the part, looks cut}.
-- Answers what `take_reply` does for each reply that is whole with it, {} for the others.
-- Parts wait for each other under account, sender, to and reference (`parts`), over binds and
-- nodes; the hash stays a while after the last, so that a part that comes again is known. A text
-- without marking that looks cut waits for the next from that sender.
local args = cmsgpack.unpack(ARGV[1])
local now, owner, days, remember = args[1], args[3], args[6], args[7]
account = args[2]
if args[4] ~= '' and not call('SET', K_done .. args[4], 1, 'NX', 'EX', 600) then return {} end

local function marked(r)
  local name = table.concat({account, r[1], r[2], r[4], r[5]}, '\031')
  local key = K_parts .. name
  if call('HEXISTS', key, 'whole') == 1 or call('HSETNX', key, r[6], r[3]) == 0 then return {} end
  if call('HLEN', key) < r[5] then
    call('ZADD', K_partsat, 'NX', now, name)
    return {}
  end
  local text = joined_parts(key, r[5])
  call('DEL', key)
  call('HSET', key, 'whole', 1)
  call('EXPIRE', key, remember)
  call('ZREM', K_partsat, name)
  return take_reply(r[1], r[2], text, owner, now, days, now)
end

local function unmarked(r)
  local name = table.concat({account, r[1], r[2]}, '\031')
  local key = K_parts .. name
  local before = call('GET', key) or ''
  if r[7] then
    call('SET', key, before .. r[3])
    call('ZADD', K_cutat, now, name)
    return {}
  end
  if before ~= '' then
    call('DEL', key)
    call('ZREM', K_cutat, name)
  end
  return take_reply(r[1], r[2], before .. r[3], owner, now, days, now)
end

local answer = {}
for i, r in ipairs(args[5]) do
  answer[i] = r[4] >= 0 and marked(r) or unmarked(r)
end
flush(now)
return answer
