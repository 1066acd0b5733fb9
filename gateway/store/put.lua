-- put: accept messages. ARGV[1] {now_ms, items}, ARGV[1 + i] the body of item i.
-- item: {id, digest, derived, client, campaign, fixed, lane, recipient, segments, not_before_ms,
--        blocked, data, callback_url}; numbers that are only stored come as strings.
-- Answers one number an item: the new state, 100 + the state it already has (same content),
-- 200 other content under the same id, 300 no such campaign, 301 campaign canceled; and last the
-- microseconds it took.
local started = os.clock()
local args = cmsgpack.unpack(ARGV[1])
local now, items = args[1], args[2]
local now_text = string.format('%d', now)
local answers, lanes, campaigns, counts, indexes = {}, {}, {}, {}, {}
local recipients, events = {}, {}

local function campaign_state(id, client)
  local state = campaigns[id]
  if state == nil then
    local found = call('HMGET', K_campaign .. id, 'state', 'client')
    state = found[2] == client and found[1] or ''
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

local function open_lane(lane)
  local key = K_lane .. lane
  if call('EXISTS', key) == 0 then
    call('XGROUP', 'CREATE', key, 'g', '0', 'MKSTREAM')
    call('SADD', K_lanes, lane)
    call('SADD', K_held .. string.match(lane, '([^:]*)$'), lane)
  end
  lanes[lane] = key
  return key
end

-- Appends the ids of a batch to their recipients' fields: {number, id, number, id, ...}.
local function add_recipients(key, pairs_)
  for first = 1, #pairs_, 2000 do
    local numbers, merged = {}, {}
    for i = first, math.min(first + 1999, #pairs_), 2 do
      local number = pairs_[i]
      if merged[number] then
        merged[number] = merged[number] .. pairs_[i + 1]
      else
        merged[number] = pairs_[i + 1]
        numbers[#numbers + 1] = number
      end
    end
    local known, fields = call('HMGET', key, unpack(numbers)), {}
    for i, number in ipairs(numbers) do
      fields[2 * i - 1] = number
      fields[2 * i] = (known[i] or '') .. merged[number]
    end
    call('HSET', key, unpack(fields))
  end
end

-- What the id has already: nil, or the answer for it. A digest without a state is what a
-- record past its time left behind.
local function known(key, digest)
  local found = call('HMGET', key, 'h', 's')
  if not found[1] then return nil end
  if found[1] ~= digest then return 200 end
  return 100 + (found[2] or 0)
end

local function refused(m)
  if m[5] == '' then return nil end
  local state = campaign_state(m[5], m[4])
  if state == '' then return 300 elseif state == 'canceled' then return 301 end
  return nil
end

local function block(m, key)
  local fixed, reason = m[6], m[11]
  local client, campaign, ref, to = string.match(fixed, '^([^\031]*)\031([^\031]*)\031([^\031]*)\031([^\031]*)')
  call('HSET', key, 's', TEXT[BLOCKED], 'i', fixed, 'h', m[2], 'm', reason, 'z', now_text)
  local list = events[client]
  if not list then list = {}; events[client] = list end
  list[#list + 1] = table.concat({'blocked', m[1], campaign, ref, to, reason}, '\031')
  count(campaign, 'h' .. math.floor(now / 3600000) .. ':' .. BLOCKED, 1)
  count(campaign, 'e' .. reason, 1)
  return BLOCKED
end

local function accept(m, key, body)
  local id, wait = m[1], m[10]
  if m[11] ~= '' then return block(m, key) end
  if wait > now then
    call('HSET', K_body, id, body)
    call('ZADD', K_due, wait, id)
    call('HSET', key, 's', TEXT[SCHEDULED], 'i', m[6], 'h', m[2], 'w', string.format('%d', wait))
    return SCHEDULED
  end
  local entry = call('XADD', lanes[m[7]] or open_lane(m[7]), '*', 'm', body, 'n', m[9])
  call('HSET', key, 's', TEXT[QUEUED], 'i', m[6], 'h', m[2], 'e', entry)
  return QUEUED
end

for i = 1, #items do
  local m = items[i]
  local key, campaign = K_message .. m[1], m[5]
  local answer = (m[3] and known(key, m[2])) or refused(m)
  if not answer then
    answer = tonumber(accept(m, key, ARGV[1 + i]))
    if m[12] ~= '' then call('HSET', key, 'd', m[12]) end
    if m[13] ~= '' then call('HSET', key, 'cb', m[13]) end
    recipients[#recipients + 1] = m[8]
    recipients[#recipients + 1] = m[1]
    local index = m[4] .. ':' .. campaign
    local ids = indexes[index]
    if not ids then ids = {}; indexes[index] = ids end
    ids[#ids + 1] = m[1]
    count(campaign, 's' .. answer, 1)
    count(campaign, 'messages', 1)
    count(campaign, 'segments', m[9])
  end
  answers[i] = answer
end

for lane in pairs(lanes) do
  local route, priority = string.match(lane, '^([^:]*):([^:]*):')
  call('ZADD', K_ready .. route .. ':' .. priority, 'NX', now * 1000, lane)
end
for client, list in pairs(events) do
  call('XADD', K_events .. client, '*', 'e', table.concat(list, '\030'))
end
add_recipients(K_recipient .. math.floor(now / 86400000), recipients)
for index, ids in pairs(indexes) do
  call('SADD', K_indexes, index)
  call('XADD', K_index .. index, '*', 'm', table.concat(ids))
end
for campaign, fields in pairs(counts) do
  for field, by in pairs(fields) do call('HINCRBY', K_counts .. campaign, field, by) end
end
answers[#items + 1] = math.floor((os.clock() - started) * 1000000)
return answers
