-- promote: put on their lanes the messages whose time has come. ARGV[1] {now_ms, limit}.
-- Answers how many were due, and in how many milliseconds the next one is (-1: none).
local args = cmsgpack.unpack(ARGV[1])
local now, limit = args[1], args[2]
local due = call('ZRANGEBYSCORE', K_due, '-inf', now, 'LIMIT', 0, limit)
for _, member in ipairs(due) do
  local front = string.sub(member, 1, 1) == '!'
  local id = front and string.sub(member, 2) or member
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i', 'g', 'v')
  local body = call('HGET', K_body, id)
  if m[1] and body then
    local client, campaign, ref, to = who(m[2])
    local state = campaign == '' and 'running' or call('HGET', K_campaign .. campaign, 'state')
    if state == 'canceled' then
      call('HSET', key, 's', CANCELED, 'z', string.format('%d', now))
      moved(campaign, tonumber(m[1]), CANCELED)
      tell(client, 'canceled', id, campaign, ref, to, '')
    else
      local lane, segments = lane_of(m[2])
      if m[3] and m[3] ~= '' then
        account = m[4]
        lane = own_lane(lane)
      end
      local entry, where = enqueue(lane, body, segments, now, front)
      call('HSET', key, 's', QUEUED, 'e', entry)
      if front then call('HSET', key, 'l', where) end
      call('HDEL', key, 'w')
      moved(campaign, tonumber(m[1]), QUEUED)
    end
  end
  call('HDEL', K_body, id)
  call('ZREM', K_due, member)
end
flush(now)
local first = call('ZRANGE', K_due, 0, 0, 'WITHSCORES')
return {#due, first[2] and math.max(0, math.ceil(tonumber(first[2]) - now)) or -1}
