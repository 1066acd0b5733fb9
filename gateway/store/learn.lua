-- learn: what is told of the owners of numbers, with its evidence. ARGV[1] {kept, rows}.
-- row: {creditor, number, lists it comes on, lists it leaves, zones|false, region|false,
-- {{ms, what, source, text, by, review}, ...}, confirmed_ms (0: stays as it is, -1: not any more),
-- once, source by which it came on the lists that it leaves|'', creditor whose confirmation counts as
-- this one's|'', hours|false}. What is not given stays as it is; so does all of it where a row that counts once has its entries there already, or where another source,
-- too, has put it on a list that it leaves. Answers for each row whether it is the first to be
-- confirmed; the one that was, told again, still is.
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

local function has(entries, entry)
  for _, old in ipairs(entries) do if same(old, entry) then return true end end
  return false
end

local function has_all(entries, more)
  for _, entry in ipairs(more) do if not has(entries, entry) then return false end end
  return true
end

-- Has this source alone put it on the list that `left` takes it off, since it was off it last?
local function by_alone(source, entries, left)
  local found = false
  for i = #entries, 1, -1 do
    if entries[i][2] == left then break end
    if '-' .. entries[i][2] == left then
      if entries[i][3] ~= source then return false end
      found = true
    end
  end
  return found
end

local function came_by(source, entries, more)
  for _, entry in ipairs(more) do
    if not by_alone(source, entries, entry[2]) then return false end
  end
  return true
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

local function is_confirmed(creditor, number)
  local known = fields[creditor] and fields[creditor][number]
  if not known then
    local blob = call('HGET', K_contact .. creditor, number)
    known = blob and cmsgpack.unpack(blob)
  end
  return known and known[5] > 0
end

-- Answers whether it is the first to be confirmed.
local function take(known, row)
  known[1] = bit.bor(bit.band(known[1], bit.bnot(row[4])), row[3])
  if row[5] then known[2] = row[5] end
  if row[6] then known[3] = row[6] end
  if row[12] then known[6] = row[12] end
  for _, entry in ipairs(row[7]) do
    if not has(known[4], entry) then known[4][#known[4] + 1] = entry end
  end
  known[4] = trimmed(known[4])
  local first = row[8] > 0 and known[5] == 0
    and not (row[11] ~= '' and is_confirmed(row[11], row[2]))
  if row[8] < 0 then known[5] = 0 elseif first then known[5] = row[8] end
  return first
end

read_all(args[2])
for i, row in ipairs(args[2]) do
  local known, first = fields[row[1]][row[2]], nil
  if row[9] and has_all(known[4], row[7]) then first = row[8] > 0 and known[5] == row[8]
  elseif row[10] == '' or came_by(row[10], known[4], row[7]) then first = take(known, row) end
  answers[i] = first and 1 or 0
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
