-- put: accept messages. ARGV[1] {now_ms, groups, items, special, debtors, budgets}, ARGV[1 + i] the body of
-- item i.
-- group: {client, campaign, lane}. item, flat: group, id, digest (empty: the id is new by itself),
-- fixed, recipient, segments. special, by item: {not_before_ms, blocked, data, callback_url}.
-- budgets, by client: {segments a day, hold, {date, begins_ms, date, begins_ms, ...}}, today
-- first. What a message may cost is looked at and taken in this one step; what confirms an opt-out
-- costs nothing.
-- debtors: {client and debtor, item, ...} of those that name one.
-- Answers one number an item: the new state, 100 + the state it already has (same content),
-- 200 other content under the same id, 300 no such campaign, 301 campaign canceled; and last the
-- microseconds it took. {302, used, limit}: over the client's budget, {303, ...} the campaign's;
-- {1, begins_ms}: held for a later day's budget; {1, 0}: until the campaign's has room.
local started = os.clock()
local args = cmsgpack.unpack(ARGV[1])
local now, groups, items, special = args[1], args[2], args[3], args[4]
local debtors, budgets, limits = args[5], args[6], {}
local answers, recipients, keys, seen = {}, {}, {}, {}
local WIDTH = 6

-- Nearly always nothing of a batch is there already: one look for all of it.
for at = 2, #items, WIDTH do keys[#keys + 1] = K_message .. items[at] end
local any_known = false
for first = 1, #keys, 2000 do
  if call('EXISTS', unpack(keys, first, math.min(first + 1999, #keys))) > 0 then any_known = true end
end

for _, group in ipairs(groups) do
  group.ids, group.segments, group.states = {}, 0, {}
  group.key = K_lane .. group[3]
  group.free = string.find(group[3], '^[^:]*:[^:]*:answer:')
  if group[2] ~= '' then
    local found = call('HMGET', K_campaign .. group[2], 'state', 'client', 'max_segments', 'over_budget')
    local most, holds = tonumber(found[3] or 0), found[4] == 'hold'
    if found[2] ~= group[1] then group.refusal = 300
    elseif found[1] == 'canceled' then group.refusal = 301
    elseif (most > 0 or holds) and not limits[group[2]] then
      local used = tonumber(call('HGET', K_counts .. group[2], 'budget') or 0)
      -- With `hold`, whoever comes is behind the last that waits.
      local last = holds and call('ZRANGE', K_over .. group[2], -1, -1, 'WITHSCORES')[2]
      limits[group[2]] = {used = math.max(0, used), most = most > 0 and most or math.huge, hold = holds,
                          last = last and tonumber(last)}
    end
  end
end

-- What a day of a client has used, and this batch with it.
local function used_of(client, budget, day)
  if not budget.used then budget.used, budget.taken = {}, {} end
  local used = budget.used[day]
  if not used then
    used = tonumber(call('GET', K_budget .. client .. ':' .. budget[3][2 * day - 1]) or 0)
    budget.used[day] = used
  end
  return used
end

-- The first day with room for so many segments; without `hold` today, or nil.
local function day_with_room(client, budget, segments)
  local last = budget[2] and #budget[3] / 2 or 1
  for day = budget.first or 1, last do
    local used = used_of(client, budget, day)
    if used + segments <= budget[1] then return day end
    if used >= budget[1] and day == (budget.first or 1) and day < last then budget.first = day + 1 end
  end
end

-- Takes a message's segments from its budgets: what it is refused with, or the day it counts for, and
-- whether its campaign's has no room for it yet.
local function spend(group, segments)
  local campaign, budget, day = limits[group[2]], budgets[group[1]], nil
  local over = campaign and (campaign.last or campaign.used + segments > campaign.most)
  if over and not (campaign.hold and segments <= campaign.most) then
    return {303, campaign.used, campaign.most}
  end
  if budget then
    day = day_with_room(group[1], budget, segments)
    if not day then return {302, used_of(group[1], budget, 1), budget[1]} end
    budget.used[day] = budget.used[day] + segments
    budget.taken[day] = (budget.taken[day] or 0) + segments
  end
  if over then
    campaign.last = (campaign.last or 0) + 1
    count(group[2], 'held', segments)
    return nil, day, campaign.last
  end
  if campaign then campaign.used = campaign.used + segments end
  count(group[2], 'budget', segments)
  return nil, day
end

-- Appends the ids of a batch to the fields of whom they are to or about: {name, id, name, id, ...}.
local function add_ids(key, pairs_)
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

-- What the id has already: nil, or the answer for it. A digest without a standing is what a
-- record past its time left behind.
local function known(key, digest)
  if digest == '' or not (any_known or seen[key]) then return nil end
  if call('EXISTS', key) == 0 then return nil end
  local found = call('HMGET', key, 'h', 's')
  if found[1] ~= digest then return 200 end
  return 100 + (found[2] and read_standing(found[2]) or 0)
end

local function queue(group, key, id, digest, fixed, body)
  if not group.open then
    group.open = true
    if call('EXISTS', group.key) == 0 then open_lane(group[3]) end
  end
  local entry = call('XADD', group.key, '*', 'm', body)
  if digest ~= '' then
    call('HSET', key, 's', TEXT[QUEUED], 'i', fixed, 'e', entry, 'h', digest)
  else
    call('HSET', key, 's', TEXT[QUEUED], 'i', fixed, 'e', entry)
  end
  return QUEUED
end

local function block(group, key, id, digest, fixed, reason)
  local _, campaign, ref, to = who(fixed)
  call('HSET', key, 's', standing(BLOCKED, '', '', text_of(now), '', ''), 'i', fixed, 'h', digest,
       'm', reason)
  tell(group[1], 'blocked', id, campaign, ref, to, reason)
  count(campaign, 'h' .. math.floor(now / 3600000) .. ':' .. BLOCKED, 1)
  count(campaign, 'e' .. reason, 1)
  return BLOCKED
end

-- A message waits in its turn until its campaign's budget has room, and no longer than it is worth.
local function hold(group, key, id, digest, fixed, body, wait, turn)
  local expires = tonumber(string.match(fixed, '^' .. string.rep('[^\031]*\031', 9) .. '(%d+)'))
  call('HSET', K_body, id, body)
  call('ZADD', K_over .. group[2], turn, id)
  if expires > 0 then call('ZADD', K_due, expires, id) end
  call('HSET', key, 's', TEXT[SCHEDULED], 'i', fixed, 'h', digest, 'm', 'over_budget')
  if wait > now then call('HSET', key, 'w', text_of(wait)) end
  return SCHEDULED
end

-- A message that waits for its time or, in its turn, for a budget, goes nowhere, or brings words of its
-- own.
local function accept_special(group, key, id, digest, fixed, body, more, turn)
  local wait, reason, state = more[1], more[2], nil
  if reason ~= '' then
    state = block(group, key, id, digest, fixed, reason)
  elseif turn then
    state = hold(group, key, id, digest, fixed, body, wait, turn)
  elseif wait > now then
    call('HSET', K_body, id, body)
    call('ZADD', K_due, wait, id)
    call('HSET', key, 's', TEXT[SCHEDULED], 'i', fixed, 'h', digest, 'w', text_of(wait))
    state = SCHEDULED
  else
    state = queue(group, key, id, digest, fixed, body)
  end
  if more[3] ~= '' then call('HSET', key, 'd', more[3]) end
  if more[4] ~= '' then call('HSET', key, 'cb', more[4]) end
  return state
end

for i = 1, #items / WIDTH do
  local at = WIDTH * i
  local group, id, digest = groups[items[at - 5]], items[at - 4], items[at - 3]
  local key = keys[i]
  local answer, state, day, turn = known(key, digest) or group.refusal, nil, nil, nil
  local more = special[i]
  if not answer and not group.free and not (more and more[2] ~= '') then
    answer, day, turn = spend(group, items[at])
  end
  if not answer then
    local held = day and day > 1 and budgets[group[1]][3][2 * day]
    if turn and not more then more = {0, '', '', ''} end
    if held then
      more = more and {math.max(more[1], held), '', more[3], more[4]} or {held, '', '', ''}
    end
    if more then
      state = accept_special(group, key, id, digest, items[at - 2], ARGV[1 + i], more, turn)
    else
      state = queue(group, key, id, digest, items[at - 2], ARGV[1 + i])
    end
    if day then call('HSET', key, 'b', budgets[group[1]][3][2 * day - 1]) end
    answer = (held or turn) and {state, held and more[1] or 0} or state
    seen[key] = true
    local n = #recipients
    recipients[n + 1], recipients[n + 2] = items[at - 1], id
    group.ids[#group.ids + 1] = id
    group.segments = group.segments + items[at]
    group.states[state] = (group.states[state] or 0) + 1
  end
  answers[i] = answer
end

for _, group in ipairs(groups) do
  if group.open then
    local route, priority = string.match(group[3], '^([^:]*):([^:]*):')
    call('ZADD', K_ready .. route .. ':' .. priority, 'NX', now * 1000, group[3])
  end
  if #group.ids > 0 then
    local index = group[1] .. ':' .. group[2]
    call('SADD', K_indexes, index)
    call('XADD', K_index .. index, '*', 'm', table.concat(group.ids))
    for state, times in pairs(group.states) do count(group[2], 's' .. state, times) end
    count(group[2], 'messages', #group.ids)
    count(group[2], 'segments', group.segments)
  end
end
for client, budget in pairs(budgets) do
  for day, taken in pairs(budget.taken or {}) do
    local key = K_budget .. client .. ':' .. budget[3][2 * day - 1]
    call('INCRBY', key, taken)
    call('PEXPIRE', key, text_of(math.max(0, budget[3][2 * day] - now) + 40 * 86400000))
  end
end
add_ids(K_recipient .. math.floor(now / 86400000), recipients)
if #debtors > 0 then
  local about = {}
  for i = 1, #debtors, 2 do
    local at = debtors[i + 1]
    if type(answers[at]) == 'number' and answers[at] < 100 then
      about[#about + 1] = debtors[i]
      about[#about + 1] = items[WIDTH * at - 4]
    end
  end
  add_ids(K_debtor .. math.floor(now / 86400000), about)
end
flush(now)
answers[#answers + 1] = math.floor((os.clock() - started) * 1000000)
return answers
