-- promote: put on their lanes the messages whose time has come. ARGV[1] {now_ms, limit}.
-- Answers how many were due, and in how many milliseconds the next one is (-1: none).
local args = cmsgpack.unpack(ARGV[1])
local now, limit = args[1], args[2]
local due = call('ZRANGEBYSCORE', K_due, '-inf', now, 'LIMIT', 0, limit)
for _, member in ipairs(due) do
  local front = string.sub(member, 1, 1) == '!'
  local id = front and string.sub(member, 2) or member
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i')
  local body = call('HGET', K_body, id)
  if m[1] and body then
    local client, campaign, ref, to = who(m[2])
    local was, carrier, sent, _, _, fates = read_standing(m[1])
    if is_canceled(campaign) then
      if fates == '' then give_back_budget(key, m[2]) end
      give_up(id, client, campaign, ref, to, was, carrier, sent, fates, now)
    else
      local lane = front and lane_of_body(body) or lane_of(m[2])
      if fates ~= '' then
        account = carrier
        lane = own_lane(lane)
      end
      local entry, where = enqueue(lane, body, now, front)
      call('HSET', key, 's', standing(QUEUED, carrier, sent, '', '', fates), 'e', entry)
      if front then call('HSET', key, 'l', where) end
      call('HDEL', key, 'w')
      moved(campaign, was, QUEUED)
    end
  end
  call('HDEL', K_body, id)
  call('ZREM', K_due, member)
end
flush(now)
local first = call('ZRANGE', K_due, 0, 0, 'WITHSCORES')
return {#due, first[2] and math.max(0, math.ceil(tonumber(first[2]) - now)) or -1}
