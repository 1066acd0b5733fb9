-- resend: a message in doubt goes out again as a new attempt, by its campaign's rule.
-- ARGV[1] {now_ms, account, {{id, attempt, lane, fates}, ...}}, bodies from ARGV[2] on.
-- Only one that is still in doubt goes, of a campaign that has not been canceled, and only once: the
-- body leaves with it. It goes to the same account again: another carrier would not know the message
-- that the first may have delivered.
local args = cmsgpack.unpack(ARGV[1])
local now, items = args[1], args[3]
account = args[2]
local sent = 0
for i, item in ipairs(items) do
  local id = item[1]
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i')
  local state, carrier, sent_ms = read_standing(m[1] or '0')
  local _, campaign, _, to = who(m[2] or '')
  if state == DOUBT and not is_canceled(campaign or '') and call('HDEL', K_body, id) == 1 then
    local entry, where = enqueue(own_lane(item[3]), ARGV[1 + i], now, true)
    call('HSET', key, 's', standing(QUEUED, carrier, sent_ms, '', '', item[4]), 'e', entry, 'l', where,
         'u', item[2], 'm', 'resend')
    call('ZREM', K_doubt, id)
    call('SREM', K_suspects .. account .. ':' .. to, id)
    moved(campaign, DOUBT, QUEUED)
    sent = sent + 1
  end
end
flush(now)
return sent
