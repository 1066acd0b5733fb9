-- admission: what stops, lists and caps say of messages that want to go (claim, admit). Who may go is
-- noted as a contact, at once, so that of two for one debtor one goes.
-- group: {limits {n, since, ...}, channels {name, ...}, two_way, other channels since (0: they do
-- not matter), reach_ms, ages {n, ms, ...}}: allowed while fewer than n contacts that count are as
-- young as since, and fewer than n younger than ms, each.
-- contact: `ms id`, or `ms id channel two_way`; joined by a record separator, oldest first. One that
-- others made with a number, whoever its debtor is, has a name that begins with n.
-- What is said of the n-th: nothing, or how many contacts count, and it may go; a text, the contacts
-- of late, which stand against it; {own,
-- common}, what is known of the number for the creditor and for all, which the caller has to look at
-- first; {reason, 1: for good}, its debtor is stopped.
local said_of, asked_of, debtors_of = {}, {}, {}

-- looked: what is known of the number has been taken into account.
local function ask_about(n, id, number, creditor, debtor, group, looked)
  local rows = asked_of[creditor]
  if not rows then rows = {}; asked_of[creditor] = rows end
  local k = #rows
  rows[k + 1], rows[k + 2], rows[k + 3] = n, id, number
  rows[k + 4], rows[k + 5], rows[k + 6] = debtor, group or false, looked
end

-- Of a client that names the debtors of its messages: is this one's stopped?
local function ask_stops(n, client, debtor, creditor, accepted)
  local rows = debtors_of[client]
  if not rows then rows = {}; debtors_of[client] = rows end
  local k = #rows
  rows[k + 1], rows[k + 2], rows[k + 3], rows[k + 4] = n, debtor, creditor, accepted
end

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

-- Debtors of whom nothing may leave.
local function look_for_stops(client, rows, now)
  local fields = {}
  for i = 1, #rows, 4 do fields[#fields + 1] = rows[i + 1] end
  for place, key in ipairs({stop_keys(client, now)}) do
    local found = call('EXISTS', key) == 1 and call('HMGET', key, unpack(fields)) or {}
    for i, value in ipairs(found) do
      local at = 4 * (i - 1)
      if value then
        local stop = stop_of(value, rows[at + 3], rows[at + 4], place == 1)
        said_of[rows[at + 1]] = stop or said_of[rows[at + 1]]
      end
    end
  end
end

-- A group as it is asked now: every question with a since, the channels by name.
local function made_ready(group, now)
  local channels, limits = {}, group[1]
  for _, name in ipairs(group[2]) do channels[name] = true end
  for i = 1, #group[6], 2 do
    limits[#limits + 1] = group[6][i]
    limits[#limits + 1] = now - group[6][i + 1] + 1
  end
  group.channels = channels
end

-- A debtor's contacts, and those that others made with the number, whoever its debtor is.
local function with_number(text, of_number)
  for entry in string.gmatch(of_number or '', '[^\030]+') do
    local name = string.match(entry, '^%d+ (n%S*)')
    if name and not string.find(text or '', ' ' .. name .. ' ', 1, true) then
      text = text and text .. '\030' .. entry or entry
    end
  end
  return text
end

-- The contacts of late without the message's own, whether they leave room for it, how many count, and
-- whether its own has been answered.
local function weigh(text, id, group, now)
  if not group.channels then made_ready(group, now) end
  local kept, times, crossed, answered = {}, {}, false, false
  for entry in string.gmatch(text, '[^\030]+') do
    local at, who, channel, two_way = string.match(entry, '^(%d+) (%S*) ?(%S*) ?(%S*)$')
    local ms = tonumber(at)
    answered = answered or who == id and two_way == '1'
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
  return kept, room, #times, answered
end

local function admit_one(key, id, text, group, now, stamp)
  local entry, count = stamp .. ' ' .. id, nil
  if text then
    local kept, room, counted, answered = weigh(text, id, group, now)
    if not room then return table.concat(kept, '\030') end
    kept[#kept + 1] = answered and entry .. ' sms 1' or entry
    entry = table.concat(kept, '\030')
    count = counted
  end
  call('SET', key, entry, 'PX', group[5])
  return count, entry
end

local function admit_of(creditor, rows, everyone, now)
  local WIDTH, numbers, keys, by_number, capped, named = 6, {}, {}, {}, false, false
  local prefix, stamp = K_cap .. creditor .. ':', text_of(now + LEAVES_WITHIN)
  for i = 1, #rows, WIDTH do
    numbers[#numbers + 1] = rows[i + 2]
    keys[#keys + 1] = prefix .. rows[i + 3]
    by_number[#by_number + 1] = prefix .. rows[i + 2]
    capped = capped or rows[i + 4]
    named = named or rows[i + 2] ~= rows[i + 3]
  end
  local key = K_contact .. creditor
  local own = call('EXISTS', key) == 1 and call('HMGET', key, unpack(numbers)) or {}
  local common = everyone and call('HMGET', K_contact .. '*', unpack(numbers)) or {}
  local texts = capped and call('MGET', unpack(keys)) or {}
  local of_numbers = capped and named and call('MGET', unpack(by_number)) or {}
  local noted = {}
  for place = 1, #numbers do
    local at = WIDTH * place - WIDTH
    local n, group = rows[at + 1], rows[at + 5]
    if said_of[n] then
      -- its debtor is stopped
    elseif not rows[at + 6] and (own[place] or common[place]) then
      said_of[n] = {own[place] or '', common[place] or ''}
    elseif group then
      local key, entry = keys[place], nil
      local text = noted[key] or texts[place]
      if of_numbers[place] and key ~= by_number[place] then text = with_number(text, of_numbers[place]) end
      said_of[n], entry = admit_one(key, rows[at + 2], text, group, now, stamp)
      noted[key] = entry or noted[key]
    end
  end
end

-- Answers all that was asked, in `said_of`.
local function answer_all(now)
  for client, rows in pairs(debtors_of) do look_for_stops(client, rows, now) end
  local everyone = call('EXISTS', K_contact .. '*') == 1
  for creditor, rows in pairs(asked_of) do admit_of(creditor, rows, everyone, now) end
end
