-- close: messages that no receipt ever settled become unknown. ARGV[1] {now_ms, ids}.
-- Answers how many it closed.
local args = cmsgpack.unpack(ARGV[1])
local now, closed = args[1], 0
for _, id in ipairs(args[2]) do
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i')
  local state, carrier, sent, _, error, written = read_standing(m[1] or '0')
  if state == SUBMITTED or state == DOUBT then
    local fates = split_fates(written)
    for _, fate in ipairs(fates) do if fate[1] < FIRST_FINAL then fate[1] = UNKNOWN end end
    local new = state_of(fates) or UNKNOWN
    call('HSET', key, 's', standing(new, carrier, sent, text_of(now), error, join_fates(fates)),
         'm', 'no_receipt')
    local client, campaign, ref, to = who(m[2])
    moved(campaign, state, new)
    tell(client, STATE_NAME[new], id, campaign, ref, to, 'no_receipt')
    if state == DOUBT then
      call('ZREM', K_doubt, id)
      call('SREM', K_suspects .. carrier .. ':' .. to, id)
      call('HDEL', K_body, id)
    end
    closed = closed + 1
  end
end
flush(now)
return closed
