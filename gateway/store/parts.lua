-- parts: replies whose other parts did not come are stored as they are. ARGV[1] {now_ms, client of
-- replies that fit nothing, days to look back, marked or not, those since before, limit, seconds
-- that parts are remembered}. Each was received at the time since which it waits. Answers how many there
-- were, and what `take_reply` does of each; call again while that is the limit.
local args = cmsgpack.unpack(ARGV[1])
local now, owner, days, remember = args[1], args[2], args[3], args[7]
local waits = args[4] and K_partsat or K_cutat
local taken = {}
local waiting = call('ZRANGEBYSCORE', waits, '-inf', args[5], 'WITHSCORES', 'LIMIT', 0, args[6])
for i = 1, #waiting, 2 do
  local name, at = waiting[i], tonumber(waiting[i + 1])
  local of, sender, to, total = string.match(name,
    '^([^\031]*)\031([^\031]*)\031([^\031]*)\031?[^\031]*\031?(%d*)$')
  local key, text = K_parts .. name, nil
  account = of
  if args[4] then
    text = joined_parts(key, tonumber(total))
    call('DEL', key)
    call('HSET', key, 'whole', 1)
    call('EXPIRE', key, remember)
  else
    text = call('GET', key)
    call('DEL', key)
  end
  if text and text ~= '' then
    taken[#taken + 1] = take_reply(sender, to, text, owner, now, days, at)
  end
  call('ZREM', waits, name)
end
flush(now)
return {#waiting / 2, taken}
