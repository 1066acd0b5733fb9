-- learn: what is told of the owners of numbers, with its evidence. ARGV[1] {kept, rows}.
-- row: {creditor, number, lists it comes on, lists it leaves, zones|false, region|false,
-- {{ms, what, source, text, by, review}, ...}, confirmed_ms (0: stays as it is, -1: not any more),
-- hours|false}.
-- What is not given stays as it is. Answers for each row whether it is the first to be confirmed.
-- Of the entries the latest are kept, and the latest of each kind whatever comes after it: it is the
-- evidence for what holds. One that is there already is not kept twice.
local args = cmsgpack.unpack(ARGV[1])
local kept, fields, order, answers = args[1], {}, {}, {}

-- What is known as it is read for the first time in this batch: one look a creditor.
local function read_all(rows)
  local numbers = {}
  for _, row in ipairs(rows) do
    local list = numbers[row[1]]
    if not list then list = {}; numbers[row[1]] = list; order[#order + 1] = row[1] end
    list[#list + 1] = row[2]
  end
  for creditor, list in pairs(numbers) do
    local found, known = call('HMGET', K_contact .. creditor, unpack(list)), {}
    for i, number in ipairs(list) do
      if not known[number] then
        known[number] = found[i] and cmsgpack.unpack(found[i]) or {0, {}, '', {}, 0, ''}
      end
    end
    fields[creditor] = known
  end
end

local function same(a, b)
  for i = 1, 6 do if a[i] ~= b[i] then return false end end
  return true
end

local function add(entries, entry)
  for _, old in ipairs(entries) do if same(old, entry) then return end end
  entries[#entries + 1] = entry
end

local function trimmed(entries)
  if #entries <= kept then return entries end
  local last, left, over = {}, {}, #entries - kept
  for i, entry in ipairs(entries) do last[entry[2]] = i end
  for i, entry in ipairs(entries) do
    if over > 0 and last[entry[2]] ~= i then over = over - 1 else left[#left + 1] = entry end
  end
  return left
end

read_all(args[2])
for i, row in ipairs(args[2]) do
  local known = fields[row[1]][row[2]]
  known[1] = bit.bor(bit.band(known[1], bit.bnot(row[4])), row[3])
  if row[5] then known[2] = row[5] end
  if row[6] then known[3] = row[6] end
  if row[9] then known[6] = row[9] end
  for _, entry in ipairs(row[7]) do add(known[4], entry) end
  known[4] = trimmed(known[4])
  answers[i] = row[8] > 0 and known[5] == 0 and 1 or 0
  if row[8] < 0 then known[5] = 0 elseif answers[i] == 1 then known[5] = row[8] end
end
for _, creditor in ipairs(order) do
  local flat = {}
  for number, known in pairs(fields[creditor]) do
    flat[#flat + 1] = number
    flat[#flat + 1] = cmsgpack.pack(known)
  end
  call('HSET', K_contact .. creditor, unpack(flat))
end
return answers
