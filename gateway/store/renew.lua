-- renew: an incarnation lives on, and keeps, takes and lets go of the binds of its accounts.
-- ARGV[1] {incarnation, folder, lease_ms, steady_ms, leaving, {{account, binds, {slot, ...}, out},
-- ...}, number}. Answers {0} for one that others have declared dead, {-1} and changes nothing where
-- one with a higher number has come before it (it names what was held then), else {1, incarnations
-- declared dead by this, milliseconds to the end of the next lease that is not its own (-1: none), {{slots it holds},
-- slots over its share (below 0: that others owe it), slots that others hold, those of them whose holder says the carrier is out},
-- ... an account}.
-- A slot is one bind that the carrier allows: its entry says who holds it, until when, and what the
-- holder says of the carrier. Shares are even; what does not divide goes to whoever holds most
-- already. A slot that is no longer named is let go of. Whose lease has ended is declared dead before
-- another takes its slot, but only by one that has lived for steady_ms without a gap: after an outage
-- of the store every lease has ended.
local args = cmsgpack.unpack(ARGV[1])
local me, folder, lease_ms, steady_ms, leaving = args[1], args[2], args[3], args[4], args[5]
if call('SISMEMBER', K_nodes, me) == 0 then return {0} end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since, number = string.match(call('GET', K_lease .. me) or '', '^%S+ (%d+) ?(%d*)$')
since, number = tonumber(since) or now, tonumber(number) or 0
if number > args[7] then return {-1} end
local steady = now - since >= steady_ms
call('SET', K_lease .. me, folder .. ' ' .. text_of(since) .. ' ' .. text_of(args[7]), 'PX', lease_ms)
local fenced, next_end, living = 0, -1, {}

local function lives(who)
  if living[who] == nil then living[who] = call('SISMEMBER', K_nodes, who) == 1 end
  return living[who]
end

-- Who takes part in an account, by how many slots each holds: slot -> {holder, until, out}.
local function read(key)
  local slots, members, held = {}, {}, {}
  local flat = call('HGETALL', key)
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    local who = string.match(field, '^@(.*)$')
    if who then
      if who ~= me and lives(who) and tonumber(value) > now then members[#members + 1] = who
      elseif who ~= me then call('HDEL', key, field) end
    else
      local holder, ends, out = string.match(value, '^([^\031]*)\031(%d+)\031([^\031]*)')
      ends = tonumber(ends)
      if holder ~= me and lives(holder) and ends <= now and steady then
        call('SREM', K_nodes, holder)
        living[holder] = false
        fenced = fenced + 1
      end
      if lives(holder) then
        slots[tonumber(field)] = {holder, ends, out}
        held[holder] = (held[holder] or 0) + 1
        if holder ~= me and (next_end < 0 or ends < next_end) then next_end = ends end
      else
        call('HDEL', key, field)
      end
    end
  end
  return slots, members, held
end

-- How many slots are mine by right.
local function share_of(binds, members, held)
  members[#members + 1] = me
  table.sort(members, function(a, b)
    local x, y = held[a] or 0, held[b] or 0
    if x ~= y then return x > y end
    return a < b
  end)
  local each = math.floor(binds / #members)
  for rank, who in ipairs(members) do
    if who == me then return each + (rank <= binds % #members and 1 or 0) end
  end
end

local function account(key, binds, named, out)
  local slots, members, held = read(key)
  local share = leaving and 0 or share_of(binds, members, held)
  local mine, others, others_out = {}, 0, 0
  local function take(slot)
    if #mine < share and not slots[slot] then
      mine[#mine + 1] = slot
      slots[slot] = {me}
    end
  end
  for _, slot in ipairs(named) do
    if slots[slot] and slots[slot][1] == me then mine[#mine + 1] = slot end
  end
  for _, slot in ipairs(named) do take(slot) end
  for slot, entry in pairs(slots) do
    if entry[1] ~= me then
      others = others + 1
      if entry[3] ~= '' then others_out = others_out + 1 end
    else
      call('HDEL', key, slot)
    end
  end
  for slot = 0, binds - 1 do take(slot) end
  for _, slot in ipairs(mine) do
    call('HSET', key, slot, me .. '\031' .. text_of(now + lease_ms) .. '\031' .. out)
  end
  if leaving then call('HDEL', key, '@' .. me)
  else call('HSET', key, '@' .. me, text_of(now + lease_ms)) end
  return {mine, #mine - share, others, others_out}
end

local answer = {1, 0, -1}
for i, wish in ipairs(args[6]) do
  answer[3 + i] = account(K_slots .. wish[1], wish[2], wish[3], wish[4])
end
answer[2] = fenced
answer[3] = next_end >= 0 and math.max(0, next_end - now) or -1
return answer
