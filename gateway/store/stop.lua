-- stop: of these debtors nothing that has been accepted so far may leave, or after a legal stop nothing
-- ever. ARGV[1] {now_ms, client, {debtor, creditor (empty: any), reason, for good, ...}}.
-- A stop takes the place of the one for the same creditor that holds, but a legal one stays since when
-- it is; those that have been lifted stay.
local args = cmsgpack.unpack(ARGV[1])
local now, client, rows = args[1], args[2], args[3]
local legal, _, span = stop_keys(client, now)

local function add(key, debtor, creditor, reason, for_good)
  local kept = {}
  for _, stop in ipairs(split_stops(call('HGET', key, debtor) or '')) do
    local holds = stop[3] == creditor and stop[4] == ''
    if holds and for_good then return end
    if not holds then kept[#kept + 1] = join_stop(stop) end
  end
  kept[#kept + 1] = join_stop({text_of(now), reason, creditor, '', '', ''})
  call('HSET', key, debtor, table.concat(kept, '\030'))
end

for i = 1, #rows, 4 do
  add(rows[i + 3] and legal or span, rows[i], rows[i + 1], rows[i + 2], rows[i + 3])
end
if call('EXISTS', span) == 1 then call('EXPIRE', span, 3 * STOP_DAYS * 86400) end
return #rows / 4
