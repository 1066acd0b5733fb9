-- change: a campaign's settings. ARGV[1] {campaign, {name, value, ...}}. What waits for its budget is
-- looked at anew (promote.lua).
local args = cmsgpack.unpack(ARGV[1])
call('HSET', K_campaign .. args[1], unpack(args[2]))
return call('SADD', K_room, args[1])
