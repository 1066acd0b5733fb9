-- move: messages that wait under one calendar go under another, now that it is known where their
-- recipients are. ARGV[1] {now_ms, from, {id, calendar, ...}}. Answers how many moved.
-- The calendar is in the record's fixed field (its last part) and in the body.
local args = cmsgpack.unpack(ARGV[1])
local now, from, items = args[1], args[2], args[3]
local touched, moved_ = {}, 0

local function under(body, calendar)
  local m = cmsgpack.unpack(body)
  m[M_calendar] = calendar
  return cmsgpack.pack(m)
end

local function move(id, calendar)
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i', 'e', 'l')
  if not m[1] then return end
  local state = read_standing(m[1])
  local rest, now_under = string.match(m[2], '^(.*\031)([^\031]*)$')
  if now_under ~= from or (state ~= SCHEDULED and state ~= QUEUED) then return end
  local fixed = rest .. calendar
  if m[3] then
    local lane = m[4] or lane_of(m[2])
    local row = call('XRANGE', K_lane .. lane, m[3], m[3])[1]
    local cursor = call('HGET', K_taken .. lane, '>')
    -- Nothing from the cursor to the entry: it has been claimed.
    if not row or cursor and #call('XRANGE', K_lane .. lane, '(' .. cursor, m[3], 'COUNT', 1) == 0 then
      return
    end
    call('XDEL', K_lane .. lane, m[3])
    touched[lane] = true
    local entry = enqueue(lane_of(fixed), under(row[2][2], calendar), now)
    call('HSET', key, 'i', fixed, 'e', entry)
    call('HDEL', key, 'l')
  else
    local body = call('HGET', K_body, id)
    if not body then return end
    call('HSET', K_body, id, under(body, calendar))
    call('HSET', key, 'i', fixed)
  end
  moved_ = moved_ + 1
end

for i = 1, #items, 2 do move(items[i], items[i + 1]) end
for lane in pairs(touched) do drop_lane_if_empty(lane) end
return moved_
