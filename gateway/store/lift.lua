-- lift: the stops of a debtor for this creditor (empty: those for any) hold no more for what is accepted
-- from now on. ARGV[1] {now_ms, client, debtor, creditor, by, why}. Answers how many there were; -1, and
-- nothing is lifted: one is legal, and there is no why.
local args = cmsgpack.unpack(ARGV[1])
local now, client, debtor, creditor, by, why = args[1], args[2], args[3], args[4], args[5], args[6]
local legal, last, this = stop_keys(client, now)
local lifted = 0

local function lift(key, for_good)
  local stops, before = {}, lifted
  for _, stop in ipairs(split_stops(call('HGET', key, debtor) or '')) do
    if stop[3] == creditor and stop[4] == '' then
      stop[4], stop[5], stop[6] = text_of(now), by, why
      lifted = lifted + 1
    end
    stops[#stops + 1] = join_stop(stop)
  end
  if lifted == before then return true end
  if for_good and why == '' then return false end
  call('HSET', key, debtor, table.concat(stops, '\030'))
  return true
end

if not lift(legal, true) then return -1 end
lift(last, false)
lift(this, false)
return lifted
