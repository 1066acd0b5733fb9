-- put: accept messages. ARGV[1] {now_ms, items}, ARGV[1 + i] the body of item i.
-- Answers one number an item: the new state, 100 + the state it already has (same content),
-- 200 other content under the same id, 300 no such campaign, 301 campaign canceled.
local args = cmsgpack.unpack(ARGV[1])
local now, items = args[1], args[2]
local answers, lanes, campaigns, counts, indexes, hours = {}, {}, {}, {}, {}, {}
local STATE_SCHEDULED, STATE_QUEUED, STATE_BLOCKED = 1, 2, 13

local function campaign_state(id, client)
  local state = campaigns[id]
  if state == nil then
    local found = call('HMGET', K_campaign .. id, 'state', 'client')
    state = found[1] or ''
    if found[2] ~= client then state = '' end
    campaigns[id] = state
  end
  return state
end

local function count(campaign, field, by)
  if campaign == '' then return end
  local of = counts[campaign]
  if not of then of = {}; counts[campaign] = of end
  of[field] = (of[field] or 0) + by
end

local function open_lane(lane, campaign)
  local key = K_lane .. lane
  if call('EXISTS', key) == 0 then
    call('XGROUP', 'CREATE', key, 'g', '0', 'MKSTREAM')
    call('SADD', K_lanes, lane)
    call('SADD', K_held .. campaign, lane)
  end
  lanes[lane] = key
  return key
end

for i = 1, #items do
  local m = items[i]
  local id, derived, client, campaign = m[1], m[3], m[4], m[5]
  local key = K_message .. id
  local answer
  if derived then
    local known = call('HMGET', key, 'h', 's')
    local digest = known[1] or call('GET', K_tombstone .. id)
    if digest then
      if digest == m[2] then answer = 100 + (known[2] or 0) else answer = 200 end
    end
  end
  if not answer and campaign ~= '' then
    local state = campaign_state(campaign, client)
    if state == '' then answer = 300 elseif state == 'canceled' then answer = 301 end
  end
  if not answer then
    local ref, to, segments, route, wait = m[6], m[7], m[9], m[11], m[14]
    local lane, blocked = m[19], m[18]
    local record = {'HSET', key, 's', STATE_QUEUED, 'k', client, 't', to, 'f', m[8], 'n', segments,
                    'p', m[10], 'o', route, 'a', m[12]}
    local n = #record
    if campaign ~= '' then record[n+1] = 'c'; record[n+2] = campaign; n = n + 2 end
    if ref ~= '' then record[n+1] = 'r'; record[n+2] = ref; n = n + 2 end
    if derived then record[n+1] = 'h'; record[n+2] = m[2]; n = n + 2 end
    if m[13] > 0 then record[n+1] = 'x'; record[n+2] = m[13]; n = n + 2 end
    if m[15] ~= 'gsm7' then record[n+1] = 'q'; record[n+2] = m[15]; n = n + 2 end
    if m[16] ~= '' then record[n+1] = 'b'; record[n+2] = m[16]; n = n + 2 end
    if m[17] ~= '' then record[n+1] = 'd'; record[n+2] = m[17]; n = n + 2 end
    if m[21] ~= '' then record[n+1] = 'i'; record[n+2] = m[21]; n = n + 2 end
    if blocked ~= '' then
      answer = STATE_BLOCKED
      record[4] = STATE_BLOCKED
      record[n+1] = 'm'; record[n+2] = blocked
      record[n+3] = 'z'; record[n+4] = now
      call('XADD', K_events .. client, '*', 'k', 'blocked', 'm', id, 'c', campaign, 'r', ref,
           't', to, 'e', blocked)
      local hour = 'h' .. math.floor(now / 3600000) .. ':' .. STATE_BLOCKED
      count(campaign, hour, 1)
      count(campaign, 'e' .. blocked, 1)
    elseif wait > now then
      answer = STATE_SCHEDULED
      record[4] = STATE_SCHEDULED
      record[n+1] = 'w'; record[n+2] = wait
      call('HSET', K_body, id, ARGV[1 + i])
      call('ZADD', K_due, wait, id)
    else
      answer = STATE_QUEUED
      local stream = lanes[lane] or open_lane(lane, campaign ~= '' and campaign or '@' .. client)
      record[n+1] = 'e'
      record[n+2] = call('XADD', stream, '*', 'm', ARGV[1 + i], 'n', segments)
    end
    call(unpack(record))
    local index = client .. ':' .. campaign
    if not indexes[index] then
      indexes[index] = true
      call('SADD', K_indexes, index)
    end
    call('XADD', K_index .. index, '*', 'm', id)
    call('RPUSH', K_recipient .. m[20], to .. ':' .. id)
    count(campaign, 's' .. answer, 1)
    count(campaign, 'messages', 1)
    count(campaign, 'segments', segments)
  end
  answers[i] = answer
end

for lane in pairs(lanes) do
  local route, priority = string.match(lane, '^([^:]*):([^:]*):')
  call('ZADD', K_ready .. route .. ':' .. priority, 'NX', now * 1000, lane)
end
for campaign, fields in pairs(counts) do
  for field, by in pairs(fields) do call('HINCRBY', K_counts .. campaign, field, by) end
end
return answers
