-- touch: contacts that others made. ARGV[1] {creditor, debtor, keep_ms, {{name, ms, channel,
-- two_way}, ...}}. One of a name that is there already takes its place.
local args = cmsgpack.unpack(ARGV[1])
local key, entries = K_cap .. args[1] .. ':' .. args[2], {}
local named = {}
for _, touch in ipairs(args[4]) do
  named[touch[1]] = {touch[2], text_of(touch[2]) .. ' ' .. touch[1] .. ' ' .. touch[3] .. ' '
    .. (touch[4] and '1' or '0')}
end
for entry in string.gmatch(call('GET', key) or '', '[^\030]+') do
  local at, name = string.match(entry, '^(%d+) (%S*)')
  if not named[name] then entries[#entries + 1] = {tonumber(at), entry} end
end
for _, touch in pairs(named) do entries[#entries + 1] = touch end
table.sort(entries, function(a, b)
  if a[1] ~= b[1] then return a[1] < b[1] end
  return a[2] < b[2]
end)
for i, entry in ipairs(entries) do entries[i] = entry[2] end
local left = math.max(call('PTTL', key), args[3])
call('SET', key, table.concat(entries, '\030'), 'PX', left)
return #entries
