-- cancel: give up messages that have not left. ARGV[1] {now_ms, client, ids, reason}.
-- Answers a letter an id: c canceled, n not found, l left (perhaps on the wire), f final already.
local args = cmsgpack.unpack(ARGV[1])
local now, client, ids, reason = args[1], args[2], args[3], args[4]
local answers, touched = {}, {}

local function lane_of(m)
  if m[9] then return m[9] end
  local campaign = m[4] or ''
  return m[2] .. ':' .. m[3] .. ':any:' .. (campaign ~= '' and campaign or '@' .. m[5])
end

local function cancel(id)
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'o', 'p', 'c', 'k', 'r', 't', 'e', 'l', 'g')
  local state = tonumber(m[1] or 0)
  if not m[1] or (client ~= '' and m[5] ~= client) then return 'n' end
  if state >= FIRST_FINAL then return 'f' end
  if state ~= SCHEDULED and state ~= QUEUED then return 'l' end
  if m[10] and m[10] ~= '' then return 'l' end
  if m[8] then
    local lane = lane_of(m)
    local stream = K_lane .. lane
    if call('EXISTS', stream) == 0 then return 'l' end
    if #call('XPENDING', stream, 'g', m[8], m[8], 1) > 0 then return 'l' end
    if call('XDEL', stream, m[8]) == 0 then return 'l' end
    touched[lane] = true
  else
    call('ZREM', K_due, id, '!' .. id)
    call('HDEL', K_body, id)
  end
  call('HSET', key, 's', CANCELED, 'z', now, 'm', reason)
  call('HDEL', key, 'e', 'l', 'w')
  moved(m[4], state, CANCELED, now)
  tell(m[5], 'canceled', id, m[4], m[6], m[7], reason)
  return 'c'
end

for i, id in ipairs(ids) do answers[i] = cancel(id) end
for lane in pairs(touched) do drop_lane_if_empty(lane) end
flush_counts()
return table.concat(answers)
