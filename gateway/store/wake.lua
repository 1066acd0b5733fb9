-- wake: the lanes of calendars that have opened may be claimed again. ARGV[1] {now_ms, calendars}.
-- Answers how many lanes.
local args = cmsgpack.unpack(ARGV[1])
local woken = 0
for _, calendar in ipairs(args[2]) do
  for _, lane in ipairs(call('SMEMBERS', K_asleep .. calendar)) do
    if call('EXISTS', K_lane .. lane) == 1 then
      local route, priority = string.match(lane, '^([^:]*):([^:]*):')
      local front = string.find(lane, '!:', 1, true)
      call('ZADD', K_ready .. route .. ':' .. priority, 'NX', front and 0 or args[1] * 1000, lane)
      woken = woken + 1
    end
  end
  call('UNLINK', K_asleep .. calendar)
end
return woken
