-- unnote: messages that were admitted and reached no carrier are no contacts.
-- ARGV[1] {creditor and debtor, id, ...}.
local args = cmsgpack.unpack(ARGV[1])
for i = 1, #args, 2 do unnote(args[i], args[i + 1]) end
return #args / 2
