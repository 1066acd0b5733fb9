-- claim: take messages off the lanes for one consumer, strictly by priority, lanes by turns.
-- ARGV[1] {now_ms, consumer, segments wanted, routes, number, incarnation, calendars that are open,
-- calendars that are to be let alone}. Answers {lane, {entry, body, ...}, ...}; nothing for a number that has been given back before it came (give_back), nor for
-- an incarnation that others have declared dead.
-- COUNT is in messages and the budget in segments: the first read of a lane is a cautious
-- quarter, and what it shows decides the next. A lane whose campaign may not run leaves the
-- ready-set; resuming brings it back. So does one whose calendar is not open, and its opening
-- (wake.lua) brings it back. A front lane (calendar with `!`) keeps its place.
-- What has been taken of a lane is all up to its cursor; who took which is noted as ranges of
-- entries, and what of a range is still on the lane is not settled.
local args = cmsgpack.unpack(ARGV[1])
local now, consumer, budget, routes = args[1], args[2], args[3], args[4]
local answer, taken, running = {}, {}, {}
local turn = now * 1000
local MANY = 640

if (tonumber(call('HGET', K_givenback, consumer) or 0)) >= args[5] then return answer end
if args[6] ~= '' and call('SISMEMBER', K_nodes, args[6]) == 0 then return answer end

local function may_run(lane)
  local campaign = string.match(lane, '([^:]*)$')
  local state = running[campaign]
  if state == nil then
    state = string.sub(campaign, 1, 1) == '@'
      or call('HGET', K_campaign .. campaign, 'state') == 'running'
    running[campaign] = state
  end
  return state
end

local open, alone = {any = true, answer = true}, {}
for _, calendar in ipairs(args[7]) do open[calendar] = true end
for _, calendar in ipairs(args[8]) do alone[calendar] = true end
local LOOK = #args[8] > 0 and -1 or 15

local function calendar_of(lane)
  return string.match(lane, '^[^:]*:[^:]*:([^:!]*)')
end

local function keep(lane, entries)
  local list = taken[lane]
  if not list then
    list = {}
    taken[lane] = list
    answer[#answer + 1] = lane
    answer[#answer + 1] = list
  end
  local segments = 0
  for i = 1, #entries do
    local body = entries[i][2][2]
    list[#list + 1] = entries[i][1]
    list[#list + 1] = body
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
        if not open[calendar] then
          call('ZREM', ready, lane)
          call('SADD', K_asleep .. calendar, lane)
        elseif alone[calendar] then
          turn = turn + 1
        elseif may_run(lane) then
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
    if budget <= 0 then return answer end
  end
end
return answer
