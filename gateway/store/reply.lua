-- reply: store debtors' texts, each tied to the campaign that last wrote to that number from
-- that sender. ARGV[1] {now_ms, account, client of replies that fit nothing, batch, replies};
-- reply: {sender, to, text, bucket}. Answers {id, client, campaign, message, ...}.
local args = cmsgpack.unpack(ARGV[1])
local now, owner = args[1], args[3]
account = args[2]
if args[4] ~= '' and not call('SET', K_done .. args[4], 1, 'NX', 'EX', 600) then return {} end

local function last_message(sender, to, bucket)
  local best, best_at, best_m
  local prefix = sender .. ':'
  for _, row in ipairs(call('LRANGE', K_recipient .. bucket, 0, -1)) do
    if string.sub(row, 1, #prefix) == prefix then
      local id = string.sub(row, #prefix + 1)
      local m = call('HMGET', K_message .. id, 'f', 'y', 'k', 'c', 'r')
      if m[2] and m[1] == to and (not best or tonumber(m[2]) >= best_at) then
        best, best_at, best_m = id, tonumber(m[2]), m
      end
    end
  end
  return best, best_m
end

local answer = {}
for _, r in ipairs(args[5]) do
  local id, m = last_message(r[1], r[2], r[4])
  local client, campaign, ref = owner, '', ''
  if id then client, campaign, ref = m[3], m[4] or '', m[5] or '' end
  local stored = call('XADD', K_replies .. client, '*', 'f', r[1], 't', r[2], 'x', r[3],
                      'v', account, 'c', campaign, 'm', id or '', 'r', ref)
  call('XADD', K_events .. client, '*', 'k', 'reply', 'm', id or '', 'c', campaign, 'r', ref,
       't', r[1], 'e', '', 'x', r[3], 'f', r[2])
  count(campaign, 'replies', 1)
  answer[#answer + 1] = {stored, client, campaign, id or ''}
end
flush_counts()
return answer
