-- admit: may these claimed messages go, by stops, lists and caps? Who may is noted as a contact, at
-- once, so that of two for one debtor one goes. ARGV[1] {now_ms, groups, {creditor, rows, ...}, stops}.
-- group: {limits {n, since, ...}, channels {name, ...}, two_way, other channels since (0: they do
-- not matter), reach_ms}: allowed while fewer than n contacts that count are as young as since, each.
-- rows, flat: id, number, debtor, group (0: no caps), asked: whether something is known of the number
-- has been looked at already.
-- stops, by client, of the messages that name a debtor: {id, debtor, creditor, accepted_ms, ...}.
-- Answers an item a row: 0 it may; a text: the contacts that stand against it; {own, common}: what is
-- known of the number, for the creditor and for all, which the caller has to look at first;
-- {reason, 1: for good}: its debtor is stopped.
-- contact: `ms id`, or `ms id channel two_way`; joined by a record separator, oldest first.
local args = cmsgpack.unpack(ARGV[1])
local now, groups, sections = args[1], args[2], args[3]
local WIDTH, answers, stopped = 5, {}, {}

-- Why a message of this debtor and creditor, accepted then, may not leave: {reason, 1: for good}.
local function stop_of(text, creditor, accepted, legal)
  local why
  for _, stop in ipairs(split_stops(text)) do
    if stop[3] == '' or stop[3] == creditor then
      if tonumber(stop[1]) >= accepted then return {stop[2], 0} end
      if legal and (stop[4] == '' or tonumber(stop[4]) > accepted) then why = {stop[2], 1} end
    end
  end
  return why
end

-- Debtors of whom nothing may leave: what was accepted until then, or ever again.
local function look_for_stops(client, rows)
  local span = math.floor(now / 86400000 / STOP_DAYS)
  local keys = {K_legal .. client, K_stops .. client .. ':' .. (span - 1), K_stops .. client .. ':' .. span}
  local fields = {}
  for i = 1, #rows, 4 do fields[#fields + 1] = rows[i + 1] end
  for place, key in ipairs(keys) do
    local found = call('EXISTS', key) == 1 and call('HMGET', key, unpack(fields)) or {}
    for i, value in ipairs(found) do
      local at = 4 * (i - 1)
      if value then
        local stop = stop_of(value, rows[at + 3], rows[at + 4], place == 1)
        stopped[rows[at + 1]] = stop or stopped[rows[at + 1]]
      end
    end
  end
end

for _, group in ipairs(groups) do
  local channels = {}
  for _, name in ipairs(group[2]) do channels[name] = true end
  group.channels = channels
end

-- The contacts of late without the message's own, and whether they leave room for it.
local function judge(text, id, group)
  local kept, times, crossed = {}, {}, false
  for entry in string.gmatch(text, '[^\030]+') do
    local at, who, channel, two_way = string.match(entry, '^(%d+) (%S*) ?(%S*) ?(%S*)$')
    local ms = tonumber(at)
    if ms > now - group[5] and who ~= id then
      kept[#kept + 1] = entry
      if channel == '' then channel = 'sms' end
      if group.channels[channel] and (not group[3] or two_way == '1') then
        times[#times + 1] = ms
        if group[4] > 0 and channel ~= 'sms' and ms >= group[4] then crossed = true end
      end
    end
  end
  local room, limits = not crossed, group[1]
  for i = 1, #limits, 2 do
    local young = 0
    for _, ms in ipairs(times) do if ms >= limits[i + 1] then young = young + 1 end end
    if young >= limits[i] then room = false end
  end
  return kept, room
end

local anything_common = call('EXISTS', K_contact .. '*') == 1

local function admit(creditor, rows)
  local numbers, keys, capped = {}, {}, false
  for i = 1, #rows, WIDTH do
    numbers[#numbers + 1] = rows[i + 1]
    keys[#keys + 1] = K_cap .. creditor .. ':' .. rows[i + 2]
    capped = capped or rows[i + 3] > 0
  end
  local own = call('EXISTS', K_contact .. creditor) == 1 and call('HMGET', K_contact .. creditor, unpack(numbers)) or {}
  local common = anything_common and call('HMGET', K_contact .. '*', unpack(numbers)) or {}
  local texts = capped and call('MGET', unpack(keys)) or {}
  local noted = {}
  for place = 1, #numbers do
    local at = WIDTH * place - WIDTH
    local id, group = rows[at + 1], groups[rows[at + 4]]
    if stopped[id] then
      answers[#answers + 1] = stopped[id]
    elseif not rows[at + 5] and (own[place] or common[place]) then
      answers[#answers + 1] = {own[place] or '', common[place] or ''}
    elseif not group then
      answers[#answers + 1] = 0
    else
      local key = keys[place]
      local kept, room = judge(noted[key] or texts[place] or '', id, group)
      if room then
        kept[#kept + 1] = text_of(now) .. ' ' .. id
        noted[key] = table.concat(kept, '\030')
        call('SET', key, noted[key], 'PX', group[5])
        answers[#answers + 1] = 0
      else
        answers[#answers + 1] = table.concat(kept, '\030')
      end
    end
  end
end

for client, rows in pairs(args[4]) do look_for_stops(client, rows) end
for i = 1, #sections, 2 do admit(sections[i], sections[i + 1]) end
return answers
