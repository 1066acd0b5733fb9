-- reply: store debtors' texts, each tied to the campaign that last wrote to that number from
-- that sender. ARGV[1] {now_ms, account, client of replies that fit nothing, batch, replies,
-- days to look back}; reply: {sender, to, text}. Answers {id, client, campaign, message, ...}.
local args = cmsgpack.unpack(ARGV[1])
local now, owner, days = args[1], args[3], args[6]
local today = math.floor(now / 86400000)
account = args[2]
if args[4] ~= '' and not call('SET', K_done .. args[4], 1, 'NX', 'EX', 600) then return {} end

-- The message that last went to `sender` from `to`: the newest day that knows one has it.
local function last_message(sender, to)
  for day = today, today - days, -1 do
    local ids = call('HGET', K_recipient .. day, sender)
    local best, best_at, fixed
    for id in string.gmatch(ids or '', string.rep('%x', 24)) do
      local m = call('HMGET', K_message .. id, 'i', 's')
      local _, _, sent = read_standing(m[2] or '0')
      local sent_ms = tonumber(sent) or 0
      local from = m[1] and string.match(m[1],
        '^[^\031]*\031[^\031]*\031[^\031]*\031[^\031]*\031([^\031]*)')
      if sent_ms > 0 and from == to and (not best or sent_ms >= best_at) then
        best, best_at, fixed = id, sent_ms, m[1]
      end
    end
    if best then return best, fixed end
  end
end

local answer = {}
for _, r in ipairs(args[5]) do
  local id, fixed = last_message(r[1], r[2])
  local client, campaign, ref = owner, '', ''
  if id then client, campaign, ref = who(fixed) end
  local stored = call('XADD', K_replies .. client, '*', 'f', r[1], 't', r[2], 'x', r[3],
                      'v', account, 'c', campaign, 'm', id or '', 'r', ref)
  tell(client, 'reply', id or '', campaign, ref, r[1], '\031' .. r[2] .. '\031' .. r[3])
  count(campaign, 'replies', 1)
  answer[#answer + 1] = {stored, client, campaign, id or ''}
end
flush(now)
return answer
