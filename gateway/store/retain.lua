-- retain: drop records of final messages past their time, from the oldest end of one index.
-- ARGV[1] {now_ms, index, keep_ms, ref_ms, limit}. A message with a ref leaves its digest behind
-- until ref_ms after it was accepted. One that is not final, or not long enough, moves to the
-- index's other end. Answers how many entries it looked at; fewer than limit: this index is done.
local args = cmsgpack.unpack(ARGV[1])
local now, index, keep, ref_keep, limit = args[1], args[2], args[3], args[4], args[5]
local key = K_index .. index
local entries = call('XRANGE', key, '-', now - keep, 'COUNT', limit)
local gone, buckets = {}, {}
for i, e in ipairs(entries) do
  local id = e[2][2]
  local record = K_message .. id
  local m = call('HMGET', record, 's', 'z', 'h', 'a', 't')
  gone[i] = e[1]
  if m[1] then
    local state, final = tonumber(m[1]), tonumber(m[2] or 0)
    if state >= FIRST_FINAL and final <= now - keep then
      call('UNLINK', record)
      if m[3] then
        local left = tonumber(m[4]) + ref_keep - now
        if left > 0 then call('SET', K_tombstone .. id, m[3], 'PX', math.floor(left)) end
      end
      buckets[#buckets + 1] = m[5] .. ':' .. id
    else
      call('XADD', key, '*', 'm', id)
    end
  end
end
if #gone > 0 then call('XDEL', key, unpack(gone)) end
if call('XLEN', key) == 0 then
  call('UNLINK', key)
  call('SREM', K_indexes, index)
end
return {#entries, buckets}
