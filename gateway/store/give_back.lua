-- give_back: claims that a consumer never learned of go before their lane again.
-- ARGV[1] {now_ms, lane, consumer, limit, number}: of claims up to that number, should one come
-- still, nothing is taken. One that comes after another with a higher number gives back nothing
-- either: what is claimed by then is known to the consumer. Answers how many went (call again while
-- that is the limit), and what is to go on record of those that ended.
local args = cmsgpack.unpack(ARGV[1])
local now, lane, consumer, limit, number = args[1], args[2], args[3], args[4], args[5]
if (tonumber(call('HGET', K_givenback, consumer) or 0)) > number then return {0, ended} end
call('HSET', K_givenback, consumer, number)
local held = held_entries(lane, consumer, limit)
for _, row in ipairs(held) do
  local body = row[2][2]
  call('XDEL', K_lane .. lane, row[1])
  local m = cmsgpack.unpack(body)
  if is_canceled(m[M_campaign]) then
    local was, carrier, sent, _, _, fates = read_standing(call('HGET', K_message .. m[M_id], 's') or '0')
    give_up(m[M_id], m[M_client], m[M_campaign], m[M_ref], m[M_to], was, carrier, sent, fates, now)
  else
    local again, where = enqueue(lane, body, now, true)
    call('HSET', K_message .. m[M_id], 'e', again, 'l', where)
  end
end
if #held < limit then
  call('HDEL', K_taken .. lane, consumer)
  drop_lane_if_empty(lane)
end
flush(now)
return {#held, ended}
