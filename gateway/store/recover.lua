-- recover: what a dead consumer had claimed of one lane goes into doubt, never out again.
-- ARGV[1] {now_ms, lane, consumer, account, limit}.
-- Answers how many were found; call again while that is the limit.
local args = cmsgpack.unpack(ARGV[1])
local now, lane, consumer, limit = args[1], args[2], args[3], args[5]
account = args[4]
local key = K_lane .. lane
if call('EXISTS', key) == 0 then return 0 end
-- One that joined after its list of the living was made is no dead one.
if call('SISMEMBER', K_nodes, string.match(consumer, '^(.*):')) == 1 then return 0 end
local pending = call('XPENDING', key, 'g', '-', '+', limit, consumer)
for _, row in ipairs(pending) do
  local entry = row[1]
  local found = call('XRANGE', key, entry, entry)
  if found[1] then
    local body = found[1][2][2]
    local m = cmsgpack.unpack(body)
    local fates = m[15]
    if fates == '' then
      local list = {}
      for i = 1, m[9] do list[i] = {DOUBT, '', ''} end
      fates = join_fates(list)
    else
      -- The record's: receipts may have moved them since.
      local stored = call('HGET', K_message .. m[1], 'g')
      local list = split_fates(stored and stored ~= '' and stored or fates)
      for _, fate in ipairs(list) do if fate[1] < DOUBT then fate[1] = DOUBT end end
      fates = join_fates(list)
    end
    into_doubt(m[1], m[5], QUEUED, body, fates, m[14] or 1, now, now, m[2], m[3], m[4])
  end
  call('XACK', key, 'g', entry)
  call('XDEL', key, entry)
end
if #pending < limit then
  call('XGROUP', 'DELCONSUMER', key, 'g', consumer)
  drop_lane_if_empty(lane)
end
flush(now)
return #pending
