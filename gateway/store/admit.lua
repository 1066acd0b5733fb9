-- admit: may these claimed messages go, by stops, lists and caps (admission.lua)?
-- ARGV[1] {now_ms, groups, {id, number, creditor, debtor, group (0: no caps), looked, client where it
-- names a debtor, accepted_ms, ...}}. Answers an item a row: what is said of it.
local args = cmsgpack.unpack(ARGV[1])
local now, groups, rows, answers = args[1], args[2], args[3], {}
for i = 1, #rows, 8 do
  local n = (i + 7) / 8
  ask_about(n, rows[i], rows[i + 1], rows[i + 2], rows[i + 3], groups[rows[i + 4]], rows[i + 5])
  if rows[i + 6] ~= '' then
    ask_stops(n, rows[i + 6], rows[i + 3], rows[i + 2], rows[i + 7])
  end
end
answer_all(now)
for n = 1, #rows / 8 do answers[n] = said_of[n] or 0 end
return answers
