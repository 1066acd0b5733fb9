-- commit: what one process learned from one carrier account: settles, then receipts.
-- ARGV[1] {now_ms, account, settles, receipts, correlation hours, parked seconds, batch,
-- incarnation, plain settles}, bodies of releases and doubts from ARGV[2] on. Answers {microseconds, settled, code, old, new,
-- submitted_ms, ... for each receipt}. A batch that has been committed before answers {-1}, an
-- incarnation that others have declared dead {-2}; neither changes anything.
-- settle: {1 submitted|2 release|3 doubt, lane, entry, id, client, campaign, ref, to, state,
--          error, fates, attempt, sent_ms, ids, body index, due_ms|-1 front, reason, segments,
--          an earlier attempt left fates}
-- plain settle, flat: lane, entry, id, campaign, fates, sent_ms, canonical id: one segment, taken at
-- the first attempt, as nearly all are.
-- receipt codes: 1 moved, 2 no change, 3 parked, 4 settled a doubt, 5 several candidates
local started = os.clock()
local args = cmsgpack.unpack(ARGV[1])
local now, settles, receipts = args[1], args[3], args[4]
account = args[2]
local hours, parked_seconds, plain = args[5], args[6], args[9]
if args[8] ~= '' and call('SISMEMBER', K_nodes, args[8]) == 0 then return {-2} end
if args[7] ~= '' and not call('SET', K_done .. args[7], 1, 'NX', 'EX', 600) then return {-1} end
local submitted, correlations = {}, {}
local this_hour = math.floor(now / 3600000)
local correlation = K_correlation .. account .. ':'
local someone_parked = call('EXISTS', K_parked .. account) == 1

-- The pending entries of each lane that are done with, acknowledged and deleted: two calls a lane.
-- What goes back or into doubt leaves one by one, below: it must not go back twice.
local function leave_lanes()
  local by_lane, order, left = {}, {}, 0
  local function leave(lane, entry)
    local list = by_lane[lane]
    if not list then list = {}; by_lane[lane] = list; order[#order + 1] = lane end
    list[#list + 1] = entry
  end
  for i = 1, #plain, 7 do leave(plain[i], plain[i + 1]) end
  for i = 1, #settles do
    local s = settles[i]
    leave(s[2], s[1] == 1 and s[3] or nil)
  end
  for i = 1, #order do
    local key, entries = K_lane .. order[i], by_lane[order[i]]
    if #entries > 0 then
      left = left + call('XACK', key, 'g', unpack(entries))
      call('XDEL', key, unpack(entries))
    end
  end
  return left, order
end

local function correlate(id, ids)
  for i = 1, #ids do
    local canon = ids[i]
    if canon ~= '' then
      local n = #correlations
      correlations[n + 1] = canon
      correlations[n + 2] = id .. ':' .. i
      if someone_parked then
        local r = unpark(canon)
        if r then apply(id, i, r, now) end
      end
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

local function settle_plain()
  local of = {}
  for i = 1, #plain, 7 do
    local id, campaign, canon = plain[i + 2], plain[i + 3], plain[i + 6]
    call('HSET', K_message .. id, 's', TEXT[SUBMITTED], 'v', account, 'g', plain[i + 4],
         'y', plain[i + 5])
    of[campaign] = (of[campaign] or 0) + 1
    submitted[#submitted + 1] = id
    if canon ~= '' then
      local n = #correlations
      correlations[n + 1] = canon
      correlations[n + 2] = id .. ':1'
      local r = someone_parked and unpark(canon)
      if r then apply(id, 1, r, now) end
    end
  end
  for campaign, times in pairs(of) do moved(campaign, QUEUED, SUBMITTED, nil, times) end
end

-- Between two attempts receipts may have come for segments the first one had sent.
local function merge(id, fates)
  local mine, stored = split_fates(fates), split_fates(call('HGET', K_message .. id, 'g') or '')
  for i, fate in ipairs(stored) do
    if mine[i] and fate[3] ~= '' and RANK[fate[1]] > RANK[mine[i][1]] then mine[i] = fate end
  end
  return join_fates(mine), state_of(mine)
end

local function submit(s)
  local id, state = s[4], s[9]
  if s[19] then s[11], state = merge(id, s[11]) end
  if state >= FIRST_FINAL then
    call('HSET', K_message .. id, 's', TEXT[state], 'v', account, 'g', s[11], 'u', s[12],
         'y', s[13], 'z', string.format('%d', now), 'j', s[10], 'm', s[17])
    tell(s[5], STATE_NAME[state], id, s[6], s[7], s[8], s[10] ~= '' and s[10] or s[17])
  elseif s[12] ~= '1' then
    call('HSET', K_message .. id, 's', TEXT[state], 'v', account, 'g', s[11], 'y', s[13],
         'u', s[12])
  else
    call('HSET', K_message .. id, 's', TEXT[state], 'v', account, 'g', s[11], 'y', s[13])
  end
  moved(s[6], QUEUED, state, s[10])
  submitted[#submitted + 1] = id
  correlate(id, s[14])
end

local function release(s)
  local id, body, due = s[4], ARGV[s[15]], s[16]
  if s[19] then s[11] = merge(id, s[11]) end
  if due < 0 then
    local entry, lane = enqueue(s[11] ~= '' and own_lane(s[2]) or s[2], body, s[18], now, true)
    call('HSET', K_message .. id, 'v', account, 'e', entry, 'l', lane, 'u', s[12], 'g', s[11], 'm', s[17])
  else
    call('HSET', K_body, id, body)
    call('ZADD', K_due, due, '!' .. id)
    call('HSET', K_message .. id, 'v', account, 'w', string.format('%d', due), 'u', s[12], 'g', s[11], 'm', s[17])
    call('HDEL', K_message .. id, 'e', 'l')
  end
  correlate(id, s[14])
end

local function settle(s)
  if s[1] == 1 then return submit(s) end
  local key = K_lane .. s[2]
  if call('XACK', key, 'g', s[3]) == 0 then return end
  call('XDEL', key, s[3])
  if s[1] == 2 then return release(s) end
  if s[19] then s[11] = merge(s[4], s[11]) end
  into_doubt(s[4], s[8], QUEUED, ARGV[s[15]], s[11], s[12], s[13], now, s[5], s[6], s[7])
  correlate(s[4], s[14])
end

local function park(r)
  local canon = r[1][1] or ''
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
  local first, wanted = {}, {}
  for i = 1, #receipts do
    local canon = receipts[i][1][1]
    if canon and canon ~= '' then first[#first + 1] = canon end
  end
  look(correlation .. this_hour, first)
  for i = 1, #receipts do
    local readings = receipts[i][1]
    if readings[1] and not found[readings[1]] then
      for _, canon in ipairs(readings) do
        if canon ~= '' then wanted[#wanted + 1] = canon end
      end
    end
  end
  for hour = this_hour, this_hour - hours, -1 do
    if #wanted == 0 then break end
    local key = correlation .. hour
    if call('EXISTS', key) == 1 then wanted = look(key, wanted) end
  end
  return found
end

local settled, touched = leave_lanes()
settle_plain()
for i = 1, #settles do settle(settles[i]) end
flush_correlations()
for i = 1, #touched do drop_lane_if_empty(touched[i]) end
if #submitted > 0 then call('RPUSH', K_submitted .. this_hour, unpack(submitted)) end

local answer, hits = {0, settled}, look_up()

local function receive(r)
  for _, canon in ipairs(r[1]) do
    local hit = hits[canon]
    if hit then
      local id, index = string.match(hit, '^(%x+):(%d+)$')
      local old, new, sent = apply(id, tonumber(index), r, now)
      if old then return (old == new) and 2 or 1, old, new, sent end
    end
  end
  local id, index, many = suspect(r)
  if id then
    local old, new, sent = apply(id, index, r, now)
    if old then
      if r[1][1] then hits[r[1][1]] = id .. ':' .. index end
      return 4, old, new, sent
    end
  end
  park(r)
  return many > 1 and 5 or 3, 0, 0, 0
end

for i = 1, #receipts do
  local code, old, new, sent = receive(receipts[i])
  local n = #answer
  answer[n + 1] = code; answer[n + 2] = old; answer[n + 3] = new; answer[n + 4] = sent
end
flush(now)
answer[1] = math.floor((os.clock() - started) * 1000000)
return answer
