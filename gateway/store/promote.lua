-- promote: put on their lanes the messages whose time has come, and those over their campaign's budget
-- as far as it has room by now, in the order of acceptance. ARGV[1] {now_ms, limit}.
-- Answers how many there were, in how many milliseconds the next one is due (-1: none; 0 where more
-- may go at once), how many have expired over their budget, and what is to go on record of those that
-- ended.
local args = cmsgpack.unpack(ARGV[1])
local now, limit = args[1], args[2]
local gone, expired = 0, 0

-- One that waited for its campaign's budget until it was worthless.
local function expire(id, key, fixed)
  local client, campaign, ref, to = who(fixed)
  call('HSET', key, 's', standing(EXPIRED, '', '', text_of(now), 'ttl', ''))
  call('HDEL', key, 'w')
  local decision = note_end(id, fixed, 'expired', now)
  moved(campaign, SCHEDULED, EXPIRED, 'ttl')
  tell(client, STATE_NAME[EXPIRED], id, campaign, ref, to, 'ttl' .. decision)
  expired = expired + 1
end

local function promote(member)
  local front = string.sub(member, 1, 1) == '!'
  local id = front and string.sub(member, 2) or member
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i')
  local body = call('HGET', K_body, id)
  if m[1] and body then
    local client, campaign, ref, to = who(m[2])
    local was, carrier, sent, _, _, fates = read_standing(m[1])
    if is_canceled(campaign) then
      give_up(id, client, campaign, ref, to, was, carrier, sent, fates, now)
    elseif was == SCHEDULED and leave_over(id, campaign, select(3, cost_of(m[2]))) then
      expire(id, key, m[2])
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

-- A message for which its campaign's budget has room: to its lane, or to wait for its own time.
local function let_go(id, key, campaign, fixed, body, wait)
  call('HDEL', key, 'm')
  if wait > now then return call('ZADD', K_due, wait, id) end
  local entry = enqueue(lane_of(fixed), body, now)
  call('HSET', key, 's', standing(QUEUED, '', '', '', '', ''), 'e', entry)
  call('HDEL', key, 'w')
  call('HDEL', K_body, id)
  call('ZREM', K_due, id)
  moved(campaign, SCHEDULED, QUEUED)
end

-- The first of a campaign's messages over its budget go as far as it has room. Answers whether all
-- have gone that may.
local function use_room(campaign)
  local most = tonumber(call('HGET', K_campaign .. campaign, 'max_segments') or 0)
  local used = math.max(0, tonumber(call('HGET', K_counts .. campaign, 'budget') or 0))
  local ids = call('ZRANGE', K_over .. campaign, 0, limit - gone - 1)
  for _, id in ipairs(ids) do
    local key = K_message .. id
    local m, body = call('HMGET', key, 'i', 'w'), call('HGET', K_body, id)
    if m[1] and body then
      local _, _, segments = cost_of(m[1])
      if most > 0 and used + segments > most then return true end
      used = used + segments
      count(campaign, 'budget', segments)
      count(campaign, 'held', -segments)
      let_go(id, key, campaign, m[1], body, tonumber(m[2] or 0))
    end
    call('ZREM', K_over .. campaign, id)
    gone = gone + 1
  end
  return call('EXISTS', K_over .. campaign) == 0
end

local due = call('ZRANGEBYSCORE', K_due, '-inf', now, 'LIMIT', 0, limit)
for _, member in ipairs(due) do promote(member) end
if #due < limit then
  for _, campaign in ipairs(call('SRANDMEMBER', K_room, limit)) do
    if gone < limit and use_room(campaign) then call('SREM', K_room, campaign) end
  end
end
flush(now)
local first = call('ZRANGE', K_due, 0, 0, 'WITHSCORES')
local wait = first[2] and math.max(0, math.ceil(tonumber(first[2]) - now)) or -1
return {#due + gone, call('EXISTS', K_room) == 1 and 0 or wait, expired, ended}
