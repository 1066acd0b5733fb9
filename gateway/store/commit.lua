-- commit: what one process learned from one carrier account: settles, then receipts.
-- ARGV[1] {now_ms, account, left, plain, settles, receipts, correlation hours, parked seconds,
-- batch, incarnation}, bodies of releases and doubts from ARGV[2] on. Answers {microseconds,
-- reading * 100000 + code * 10000 + old state * 100 + new state, submitted_ms, ... for each receipt,
-- what is to go on record of messages that ended}.
-- The reading is 0 where the key found it, and else the place of the further one that did. A batch that has
-- been committed before answers {-1}, an incarnation that others have declared dead {-2}; neither
-- changes anything.
-- left: {lane, {entry, ...}, ...}: what is done with. What goes back or into doubt leaves one by
-- one, below: it must not go back twice.
-- plain: {{key, standing, decision, ...}, {canonical id, id, ...}, {campaign, messages, ...}, ids joined}:
-- one segment, taken at the first attempt, as nearly all are.
-- settle: {1 submitted|2 release|3 doubt, lane, entry, id, client, campaign, ref, to, state,
--          error, fates, attempt, sent_ms, ids, body index, due_ms|-1 front, reason,
--          an earlier attempt left fates, lane it is released to|'', decision|'',
--          creditor and debtor of whom it is no contact|''}
-- receipts: {ask, {receipt's eight values (see `apply`), ...}, {place: further readings}}. With
-- `ask`, one that is not found by its key and has no further readings is asked for again.
-- receipt codes: 1 moved, 2 no change, 3 parked, 4 settled a doubt, 5 several candidates,
-- 7 not found by its first reading: to come again with all of them
local started = os.clock()
local args = cmsgpack.unpack(ARGV[1])
local now, left, plain, settles, receipts = args[1], args[3], args[4], args[5], args[6][2]
account = args[2]
local hours, parked_seconds = args[7], args[8]
local ask, readings, WIDTH = args[6][1], args[6][3], 8
if args[10] ~= '' and call('SISMEMBER', K_nodes, args[10]) == 0 then return {-2} end
if args[9] ~= '' and not call('SET', K_done .. args[9], 1, 'NX', 'EX', 600) then return {-1} end
local submitted, correlations = {}, plain[2]
local this_hour = math.floor(now / 3600000)
local correlation = K_correlation .. account .. ':'
local someone_parked = call('EXISTS', K_parked .. account) == 1

local function leave_lanes()
  for i = 1, #left, 2 do
    local entries = left[i + 1]
    if #entries > 0 then call('XDEL', K_lane .. left[i], unpack(entries)) end
  end
end

local function meet_parked(canon, id, index)
  local r = someone_parked and unpark(canon)
  if r then apply(id, index, r, now) end
end

local function settle_plain()
  local records = plain[1]
  for i = 1, #records, 3 do
    if records[i + 2] == '' then call('HSET', records[i], 's', records[i + 1])
    else call('HSET', records[i], 's', records[i + 1], 'y', records[i + 2]) end
  end
  for i = 1, #plain[3], 2 do
    moved(plain[3][i], QUEUED, SUBMITTED, nil, plain[3][i + 1])
  end
  if plain[4] ~= '' then submitted[1] = plain[4] end
  if someone_parked then
    for i = 1, #correlations, 2 do
      meet_parked(correlations[i], correlations[i + 1], 1)
    end
  end
end

local function correlate(id, ids)
  for i = 1, #ids do
    if ids[i] ~= '' then
      local n = #correlations
      correlations[n + 1] = ids[i]
      correlations[n + 2] = segment(id, i)
      meet_parked(ids[i], id, i)
    end
  end
end

-- Stores the batch's correlations. A carrier that gives an id again within the hour is counted.
local function flush_correlations()
  if #correlations == 0 then return end
  local key, added = correlation .. this_hour, 0
  for first = 1, #correlations, 2000 do
    local last = math.min(first + 1999, #correlations)
    added = added + call('HSET', key, unpack(correlations, first, last))
  end
  call('EXPIRE', key, (hours + 1) * 3600)
  local again = #correlations / 2 - added
  if again > 0 then call('HINCRBY', K_counts .. '@' .. account, 'recycled', again) end
end

-- Between two attempts receipts may have come for segments the first one had sent.
local function merge(id, fates)
  local _, _, _, _, _, written = read_standing(call('HGET', K_message .. id, 's') or '0')
  local mine = split_fates(fates)
  for i, fate in ipairs(split_fates(written)) do
    if mine[i] and fate[3] ~= '' and RANK[fate[1]] > RANK[mine[i][1]] then mine[i] = fate end
  end
  return join_fates(mine), state_of(mine)
end

local function submit(s)
  local id, state, final, error = s[4], s[9], '', ''
  if s[18] then s[11], state = merge(id, s[11]) end
  if state >= FIRST_FINAL then
    final, error = text_of(now), s[10]
    local more = error ~= '' and error or s[17]
    if s[20] ~= '' and s[17] ~= 'refused' then more = more .. '\031\031' .. s[20] end
    tell(s[5], STATE_NAME[state], id, s[6], s[7], s[8], more)
    call('HSET', K_message .. id, 'u', s[12], 'm', s[17])
  elseif s[12] ~= '1' then
    call('HSET', K_message .. id, 'u', s[12])
  end
  call('HSET', K_message .. id, 's', standing(state, account, s[13], final, error, s[11]))
  moved(s[6], QUEUED, state, s[10])
  submitted[#submitted + 1] = id
  correlate(id, s[14])
end

-- A message waits for its recipient's hours or for a cap: told once a wait. One that is looked at
-- again within it, as another clock is ahead, has decided so before and is not told again.
local function tell_wait(s)
  if s[17] ~= 'cap' and s[17] ~= 'quiet_hours' then return end
  local before = call('HGET', K_message .. s[4], 'y') or ''
  local reason, ends = string.match(before, '^%d+ W (%S+) (%d+) ')
  if reason == s[17] and s[16] - tonumber(ends) < 60000 then return end
  tell(s[5], 'waiting', s[4], s[6], s[7], s[8], s[17] .. '\031\031' .. s[20])
end

local function release(s)
  local id, body, due = s[4], ARGV[s[15]], s[16]
  if s[18] then s[11] = merge(id, s[11]) end
  if is_canceled(s[6]) then
    local sent = s[11] ~= '' and s[13] or ''
    give_up(id, s[5], s[6], s[7], s[8], QUEUED, account, sent, s[11], now)
    return correlate(id, s[14])
  end
  local waiting = standing(QUEUED, account, s[11] ~= '' and s[13] or '', '', '', s[11])
  if due < 0 then
    local target = s[19] ~= '' and s[19] or s[11] ~= '' and own_lane(s[2]) or s[2]
    local entry, lane = enqueue(target, body, now, true)
    call('HSET', K_message .. id, 's', waiting, 'e', entry, 'l', lane, 'u', s[12], 'm', s[17])
  else
    call('HSET', K_body, id, body)
    call('ZADD', K_due, due, '!' .. id)
    call('HSET', K_message .. id, 's', waiting, 'w', text_of(due), 'u', s[12], 'm', s[17])
    call('HDEL', K_message .. id, 'e', 'l')
  end
  correlate(id, s[14])
end

local function settle(s)
  if s[21] ~= '' then unnote(s[21], s[4]) end
  local ours = s[1] == 1 or call('XDEL', K_lane .. s[2], s[3]) == 1
  if ours and s[1] == 2 then tell_wait(s) end
  if s[20] ~= '' then call('HSET', K_message .. s[4], 'y', s[20]) end
  if s[1] == 1 then return submit(s) end
  if not ours then return end
  if s[1] == 2 then return release(s) end
  if s[18] then s[11] = merge(s[4], s[11]) end
  into_doubt(s[4], s[8], QUEUED, ARGV[s[15]], s[11], s[12], s[13], now, s[5], s[6], s[7])
  correlate(s[4], s[14])
end

local function park(r)
  local canon = r[1]
  if canon == '' then canon = '-' .. r[2] .. '-' .. now end
  call('HSET', K_parked .. account, canon, cmsgpack.pack(r))
  call('ZADD', K_parkedat .. account, now, canon)
  if r[2] ~= '' then
    local key = K_parkedfor .. account .. ':' .. r[2]
    call('SADD', key, canon)
    call('EXPIRE', key, parked_seconds)
  end
end

-- What the receipts of the batch point to, by canonical id. First every receipt's first reading
-- in this hour, which nearly always is it; then whatever is left in all its readings, hour by hour.
local function look_up()
  local found = {}
  local function look(key, wanted)
    local rest = {}
    if #wanted == 0 then return rest end
    local hits = call('HMGET', key, unpack(wanted))
    for i = 1, #wanted do
      if hits[i] then found[wanted[i]] = hits[i] else rest[#rest + 1] = wanted[i] end
    end
    return rest
  end
  local wanted = {}
  for at = 1, #receipts, WIDTH do
    local canon = receipts[at]
    if canon ~= '' then wanted[#wanted + 1] = canon end
  end
  wanted = look(correlation .. this_hour, wanted)
  for place, more in pairs(readings) do
    if not found[receipts[WIDTH * place - WIDTH + 1]] then
      for _, canon in ipairs(more) do wanted[#wanted + 1] = canon end
    end
  end
  for hour = this_hour, this_hour - hours, -1 do
    if #wanted == 0 then break end
    local key = correlation .. hour
    if call('EXISTS', key) == 1 then wanted = look(key, wanted) end
  end
  return found
end

leave_lanes()
settle_plain()
for i = 1, #settles do settle(settles[i]) end
flush_correlations()
for i = 1, #left, 2 do drop_lane_if_empty(left[i]) end
if #submitted > 0 then call('RPUSH', K_submitted .. this_hour, unpack(submitted)) end

local answer, hits = {0}, look_up()

-- What a reading of the id points to. Answers nil where it points to nothing that fits.
local function by_reading(canon, r)
  local hit = hits[canon]
  if not hit then return nil end
  local id, index = segment_of(hit)
  local old, new, sent = apply(id, index, r, now)
  if old then return (old == new) and 2 or 1, old, new, sent end
end

local function receive(r, more)
  local code, old, new, sent = by_reading(r[1], r)
  if code then return code, old, new, sent end
  if ask and not more and r[1] ~= '' then return 7, 0, 0, 0 end
  for place, canon in ipairs(more or {}) do
    code, old, new, sent = by_reading(canon, r)
    if code then return place * 10 + code, old, new, sent end
  end
  local id, index, many = suspect(r)
  if id then
    old, new, sent = apply(id, index, r, now)
    if old then
      if r[1] ~= '' then hits[r[1]] = segment(id, index) end
      return 4, old, new, sent
    end
  end
  park(r)
  return many > 1 and 5 or 3, 0, 0, 0
end

for i = 1, #receipts / WIDTH do
  local at = WIDTH * i - WIDTH
  local r = {receipts[at + 1], receipts[at + 2], receipts[at + 3], receipts[at + 4],
             receipts[at + 5], receipts[at + 6], receipts[at + 7], receipts[at + 8]}
  local code, old, new, sent = receive(r, readings[i])
  answer[2 * i], answer[2 * i + 1] = code * 10000 + old * 100 + new, sent
end
flush(now)
answer[1] = math.floor((os.clock() - started) * 1000000)
answer[#answer + 1] = ended
return answer
