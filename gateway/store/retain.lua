-- retain: drop records of final messages past their time, from the oldest end of one index.
-- ARGV[1] {now_ms, index, keep_ms, ref_ms, limit}. Of a message with a derived id the digest
-- stays, under the same key, until ref_ms after it was accepted. Those that are not final, or
-- not long enough, move to the index's other end, and to today's recipients and debtors. Answers
-- how many entries it looked at: fewer than limit, and this index is done.
local args = cmsgpack.unpack(ARGV[1])
local now, index, keep, ref_keep, limit = args[1], args[2], args[3], args[4], args[5]
local key = K_index .. index
local entries = call('XRANGE', key, '-', now - keep, 'COUNT', limit)
local day = math.floor(now / 86400000)
local gone, staying = {}, {}

local function note(key, name, id)
  call('HSET', key, name, (call('HGET', key, name) or '') .. id)
end

local function retain(id)
  local record = K_message .. id
  local m = call('HMGET', record, 's', 'h', 'i')
  if not m[1] then return end
  local state, _, _, final = read_standing(m[1])
  if state < FIRST_FINAL or (tonumber(final) or 0) > now - keep then
    local client, _, _, to = who(m[3])
    local debtor = string.match(m[3], '([^\031]*)\031[^\031]*$')
    staying[#staying + 1] = id
    note(K_recipient .. day, to, id)
    if debtor ~= '' then note(K_debtor .. day, client .. '\031' .. debtor, id) end
    return
  end
  call('UNLINK', record)
  local fixed = m[3]
  local accepted = string.match(fixed, '^' .. string.rep('[^\031]*\031', 8) .. '(%d+)')
  local left = tonumber(accepted or 0) + ref_keep - now
  if m[2] and m[2] ~= '' and left > 0 then
    call('HSET', record, 'h', m[2])
    call('PEXPIRE', record, math.floor(left))
  end
end

for i, entry in ipairs(entries) do
  gone[i] = entry[1]
  for id in string.gmatch(entry[2][2], string.rep('%x', 24)) do retain(id) end
end
if #gone > 0 then call('XDEL', key, unpack(gone)) end
if #staying > 0 then call('XADD', key, '*', 'm', table.concat(staying)) end
if call('XLEN', key) == 0 then
  call('UNLINK', key)
  call('SREM', K_indexes, index)
end
return #entries
