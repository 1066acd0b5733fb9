-- claim: take messages off the lanes for one consumer, strictly by priority, lanes by turns.
-- ARGV[1] {now_ms, consumer, segments wanted, routes, number, incarnation, {calendar that is open:
-- place of what its caps ask, 0: nothing} (false: all are), what caps ask (admission.lua), calendars
-- that are to be let alone}. Answers {lane, {entry, body, what stops, lists and caps say of it, ...},
-- ...}; nothing for a number that has been given back before it came (give_back), nor for an
-- incarnation that others have declared dead. What has expired is not asked about.
-- COUNT is in messages and the budget in segments: the first read of a lane is a cautious
-- quarter, and what it shows decides the next. A lane whose campaign may not run leaves the
-- ready-set; resuming brings it back. So does one whose calendar is not open, and its opening
-- (wake.lua) brings it back. A front lane (calendar with `!`) keeps its place.
-- What has been taken of a lane is all up to its cursor; who took which is noted as ranges of
-- entries, and what of a range is still on the lane is not settled.
local args = cmsgpack.unpack(ARGV[1])
local now, consumer, budget, routes = args[1], args[2], args[3], args[4]
local answer, taken = {}, {}
local turn = now * 1000
local MANY = 640

if (tonumber(call('HGET', K_givenback, consumer) or 0)) >= args[5] then return answer end
if args[6] ~= '' and call('SISMEMBER', K_nodes, args[6]) == 0 then return answer end

-- A lane's campaign: does it run, for which creditor and client?
local campaigns = {}
local function campaign_of(lane)
  local name = string.match(lane, '([^:]*)$')
  local known = campaigns[name]
  if not known then
    if string.sub(name, 1, 1) == '@' then
      local client = string.sub(name, 2)
      known = {runs = true, creditor = client, client = client}
    else
      local m = call('HMGET', K_campaign .. name, 'state', 'creditor', 'client')
      local client = m[3] or ''
      known = {runs = m[1] == 'running', creditor = m[2] and m[2] ~= '' and m[2] or client, client = client}
    end
    campaigns[name] = known
  end
  return known
end

local opened, groups, alone = args[7], args[8], {}
for _, calendar in ipairs(args[9]) do alone[calendar] = true end
local LOOK = #args[9] > 0 and -1 or 15

local function calendar_of(lane)
  return string.match(lane, '^[^:]*:[^:]*:([^:!]*)')
end

local function is_open(calendar)
  return not opened or opened[calendar] or calendar == 'any' or calendar == 'answer'
end

-- Is there a list or a stop of anybody, for a lane's creditor and client?
local someone = {}
local function is_someone_known(of)
  local name = of.creditor .. '\031' .. of.client
  if someone[name] == nil then
    someone[name] = call('EXISTS', K_contact .. '*', K_contact .. of.creditor,
      stop_keys(of.client, now)) > 0
  end
  return someone[name]
end

-- What its caps ask of a lane's messages, and whether anything is to be asked of them at all.
local function questions_of(lane)
  local calendar = calendar_of(lane)
  local group = opened and groups[opened[calendar] or 0]
  return group, group or calendar == 'answer' or is_someone_known(campaign_of(lane))
end

-- Of a body only the first values, to the creditor, past what says how long the array is.
local number, ASKED, FIRST = 0, M_creditor, SEGMENTS_AT - 1
local function ask_of(body, group)
  local _, _, id, client, _, _, to, accepted, expires, debtor, creditor = cmsgpack.unpack_limit(body, ASKED, FIRST)
  if creditor == '' then creditor = client end
  if expires > 0 and expires <= now then return end
  ask_about(number, id, to, creditor, debtor ~= '' and debtor or to, group, false)
  if debtor ~= '' then ask_stops(number, client, debtor, creditor, accepted) end
end

local function keep(lane, entries)
  local list = taken[lane]
  if not list then
    list = {}
    taken[lane] = list
    answer[#answer + 1] = lane
    answer[#answer + 1] = list
  end
  local segments, group, asks = 0, questions_of(lane)
  for i = 1, #entries do
    local body = entries[i][2][2]
    number = number + 1
    if asks then ask_of(body, group) end
    list[#list + 1] = entries[i][1]
    list[#list + 1] = body
    list[#list + 1] = number
    segments = segments + segments_of(body)
  end
  return segments
end

-- Ranges that still have something on the lane.
local function alive(key, ranges)
  local kept = {}
  for first, last in string.gmatch(ranges, '(%S+) (%S+)') do
    local left = call('XRANGE', key, first, last, 'COUNT', 1)
    if left[1] then kept[#kept + 1] = left[1][1] .. ' ' .. last end
  end
  return table.concat(kept, ' ')
end

-- Notes that the consumer has taken everything of a lane from first to last, past the cursor.
local function note(lane, cursor, ranges, first, last)
  if #ranges > MANY then ranges = alive(K_lane .. lane, ranges) end
  if cursor and string.match(ranges, '(%S+)$') == cursor then
    ranges = string.sub(ranges, 1, -#cursor - 1) .. last
  else
    ranges = ranges .. (ranges ~= '' and ' ' or '') .. first .. ' ' .. last
  end
  call('HSET', K_taken .. lane, '>', last, consumer, ranges)
end

-- Reads up to `quantum` segments; answers the segments taken and whether the lane may have more.
local function drink(lane, quantum)
  local got, messages, key = 0, 0, K_lane .. lane
  local known = call('HMGET', K_taken .. lane, '>', consumer)
  local from, first, last, more = known[1] and '(' .. known[1] or '-', nil, nil, true
  while more and got < quantum do
    local mean = messages > 0 and got / messages or 4
    local wanted = math.max(1, math.floor((quantum - got) / mean))
    local entries = call('XRANGE', key, from, '+', 'COUNT', wanted)
    more = #entries == wanted
    if #entries > 0 then
      first, last = first or entries[1][1], entries[#entries][1]
      from = '(' .. last
      got = got + keep(lane, entries)
      messages = messages + #entries
    end
  end
  if last then note(lane, known[1], known[2] or '', first, last) end
  return got, more
end

local function take_all()
  for priority = 0, 3 do
    for _, route in ipairs(routes) do
      local ready = K_ready .. route .. ':' .. priority
      local rounds = 0
      while budget > 0 and rounds < 64 do
        rounds = rounds + 1
        local lanes, before = call('ZRANGE', ready, 0, LOOK), budget
        if #lanes == 0 then break end
        local quantum = math.max(1, math.ceil(budget / #lanes))
        for _, lane in ipairs(lanes) do
          if budget <= 0 then break end
          local calendar = calendar_of(lane)
          if not is_open(calendar) then
            call('ZREM', ready, lane)
            call('SADD', K_asleep .. calendar, lane)
          elseif alone[calendar] then
            turn = turn + 1
          elseif campaign_of(lane).runs then
            local front = string.find(lane, '!:', 1, true)
            local got, more = drink(lane, front and budget or math.min(quantum, budget))
            budget = budget - got
            turn = turn + 1
            if not more then call('ZREM', ready, lane)
            elseif #lanes > 1 and not front then call('ZADD', ready, turn, lane) end
          else
            call('ZREM', ready, lane)
          end
        end
        if LOOK < 0 and before == budget then break end
      end
      if budget <= 0 then return end
    end
  end
end

take_all()
answer_all(now)
for i = 2, #answer, 2 do
  local list = answer[i]
  for at = 3, #list, 3 do list[at] = said_of[list[at]] or 0 end
end
return answer
