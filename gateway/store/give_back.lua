-- give_back: claims that a consumer never learned of go before their lane again.
-- ARGV[1] {now_ms, lane, consumer, limit}. Answers how many; call again while that is the limit.
local args = cmsgpack.unpack(ARGV[1])
local now, lane, consumer, limit = args[1], args[2], args[3], args[4]
local key = K_lane .. lane
if call('EXISTS', key) == 0 then return 0 end
local pending = call('XPENDING', key, 'g', '-', '+', limit, consumer)
for _, row in ipairs(pending) do
  local entry = row[1]
  local found = call('XRANGE', key, entry, entry)
  call('XACK', key, 'g', entry)
  call('XDEL', key, entry)
  if found[1] then
    local body = found[1][2][2]
    local m = cmsgpack.unpack(body)
    local again, where = enqueue(lane, body, tostring(m[9]), now, true)
    call('HSET', K_message .. m[1], 'e', again, 'l', where)
  end
end
drop_lane_if_empty(lane)
return #pending
