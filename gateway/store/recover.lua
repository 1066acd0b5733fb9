-- recover: what a dead consumer had claimed of one lane goes into doubt, never out again.
-- ARGV[1] {now_ms, lane, consumer, account, limit, whole}; whole: a message is one submit, however
-- many segments it has.
-- Answers how many were found; call again while that is the limit.
local args = cmsgpack.unpack(ARGV[1])
local now, lane, consumer, limit, whole = args[1], args[2], args[3], args[5], args[6]
account = args[4]
-- One that joined after its list of the living was made is no dead one.
if call('SISMEMBER', K_nodes, string.match(consumer, '^(.*):')) == 1 then return 0 end

local function fates_of(m)
  if m[M_fates] == '' then
    local list = {}
    for i = 1, whole and 1 or m[M_segments] do list[i] = {DOUBT, '', ''} end
    return join_fates(list)
  end
  -- The record's: receipts may have moved them since.
  local stored = call('HGET', K_message .. m[M_id], 's')
  local _, _, _, _, _, fates = read_standing(stored or '0')
  local list = split_fates(fates ~= '' and fates or m[M_fates])
  for _, fate in ipairs(list) do if fate[1] < DOUBT then fate[1] = DOUBT end end
  return join_fates(list)
end

local held = held_entries(lane, consumer, limit)
for _, row in ipairs(held) do
  local body = row[2][2]
  local m = cmsgpack.unpack(body)
  into_doubt(m[M_id], m[M_to], QUEUED, body, fates_of(m), m[M_attempt], text_of(now), now,
    m[M_client], m[M_campaign], m[M_ref])
  call('XDEL', K_lane .. lane, row[1])
end
if #held < limit then
  call('HDEL', K_taken .. lane, consumer)
  call('HDEL', K_givenback, consumer)
  drop_lane_if_empty(lane)
end
flush(now)
return #held
