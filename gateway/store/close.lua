-- close: messages that no receipt ever settled become unknown. ARGV[1] {now_ms, ids}.
-- Answers how many it closed.
local args = cmsgpack.unpack(ARGV[1])
local now, closed = args[1], 0
for _, id in ipairs(args[2]) do
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'c', 'k', 'r', 't', 'v', 'g')
  local state = tonumber(m[1] or 0)
  if state == SUBMITTED or state == DOUBT then
    local fates = split_fates(m[7] or '')
    for _, fate in ipairs(fates) do if fate[1] < FIRST_FINAL then fate[1] = UNKNOWN end end
    local new = state_of(fates) or UNKNOWN
    call('HSET', key, 's', new, 'z', now, 'g', join_fates(fates), 'm', 'no_receipt')
    moved(m[2], state, new, now)
    tell(m[3], STATE_NAME[new], id, m[2], m[4], m[5], 'no_receipt')
    if state == DOUBT then
      call('ZREM', K_doubt, id)
      call('SREM', K_suspects .. (m[6] or '') .. ':' .. m[5], id)
      call('HDEL', K_body, id)
    end
    closed = closed + 1
  end
end
flush_counts()
return closed
