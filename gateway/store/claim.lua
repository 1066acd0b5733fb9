-- claim: take messages off the lanes for one consumer, strictly by priority, lanes by turns.
-- ARGV[1] {now_ms, consumer, segments wanted, routes}. Answers {lane, {entry, body, ...}, ...}.
-- COUNT is in messages and the budget in segments: the first read of a lane is a cautious
-- quarter, and what it shows decides the next. A lane whose campaign may not run leaves the
-- ready-set; resuming brings it back. A front lane (calendar with `!`) keeps its place.
local args = cmsgpack.unpack(ARGV[1])
local now, consumer, budget, routes = args[1], args[2], args[3], args[4]
local answer, taken, running = {}, {}, {}
local turn = now * 1000

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
    local fields = entries[i][2]
    list[#list + 1] = entries[i][1]
    list[#list + 1] = fields[2]
    segments = segments + tonumber(fields[4])
  end
  return segments
end

-- Reads up to `quantum` segments; answers the segments taken and whether the lane may have more.
local function drink(lane, quantum)
  local got, messages, key = 0, 0, K_lane .. lane
  if call('EXISTS', key) == 0 then return 0, false end
  while got < quantum do
    local left, mean = quantum - got, 4
    if messages > 0 then mean = got / messages end
    local wanted = math.max(1, math.floor(left / mean))
    local read = call('XREADGROUP', 'GROUP', 'g', consumer, 'COUNT', wanted, 'STREAMS', key, '>')
    if not read then return got, false end
    local entries = read[1][2]
    got = got + keep(lane, entries)
    messages = messages + #entries
    if #entries < wanted then return got, false end
  end
  return got, true
end

for priority = 0, 3 do
  for _, route in ipairs(routes) do
    local ready = K_ready .. route .. ':' .. priority
    local rounds = 0
    while budget > 0 and rounds < 64 do
      rounds = rounds + 1
      local lanes = call('ZRANGE', ready, 0, 15)
      if #lanes == 0 then break end
      local quantum = math.max(1, math.ceil(budget / #lanes))
      for _, lane in ipairs(lanes) do
        if budget <= 0 then break end
        if may_run(lane) then
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
    end
    if budget <= 0 then return answer end
  end
end
return answer
