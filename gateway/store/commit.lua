-- commit: what one process learned from one carrier account: settles, then receipts.
-- ARGV[1] {now_ms, account, settles, receipts, correlation seconds, parked seconds, batch},
-- bodies of releases and doubts from ARGV[2] on. Answers {settled, code, old, new, submitted_ms,
-- ... for each receipt}. A batch that has been committed before answers {-1} and changes nothing.
-- settle: {1 submitted|2 release|3 doubt, lane, entry, id, client, campaign, ref, to, state,
--          error, fates, attempt, sent_ms, ids, body index, due_ms|-1 front, reason, segments,
--          an earlier attempt left fates}
-- receipt codes: 1 moved, 2 no change, 3 parked, 4 settled a doubt, 5 several candidates
local args = cmsgpack.unpack(ARGV[1])
local now = args[1]
account = args[2]
correlation_seconds = args[5]
local parked_seconds = args[6]
local settles, receipts = args[3], args[4]
if args[7] ~= '' and not call('SET', K_done .. args[7], 1, 'NX', 'EX', 600) then return {-1} end
local deletions, order, submitted = {}, {}, {}
local someone_parked = call('EXISTS', K_parked .. account) == 1
local settled = 0

local function forget(lane, entry)
  local list = deletions[lane]
  if not list then list = {}; deletions[lane] = list; order[#order + 1] = lane end
  list[#list + 1] = entry
end

local function correlate(id, ids)
  for i = 1, #ids do
    local canon = ids[i]
    if canon ~= '' then
      local key, value = K_correlation .. account .. ':' .. canon, id .. ':' .. i
      if not call('SET', key, value, 'NX', 'EX', correlation_seconds) then
        local other = string.match(call('GET', key) or '', '^(%x+):')
        if other and other ~= id then
          call('HINCRBY', K_counts .. '@' .. account, 'recycled', 1)
          call('SET', key, value, 'EX', correlation_seconds)
        end
      end
      if someone_parked then
        local r = unpark(canon)
        if r then apply(id, i, r, now) end
      end
    end
  end
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
    call('HSET', K_message .. id, 's', state, 'v', account, 'g', s[11], 'u', s[12], 'y', s[13],
         'z', now, 'j', s[10], 'm', s[17])
    tell(s[5], STATE_NAME[state], id, s[6], s[7], s[8], s[10] ~= '' and s[10] or s[17])
  elseif s[12] > 1 then
    call('HSET', K_message .. id, 's', state, 'v', account, 'g', s[11], 'y', s[13], 'u', s[12])
  else
    call('HSET', K_message .. id, 's', state, 'v', account, 'g', s[11], 'y', s[13])
  end
  moved(s[6], QUEUED, state, now, s[10])
  submitted[#submitted + 1] = id
  correlate(id, s[14])
end

local function release(s)
  local id, body, due = s[4], ARGV[s[15]], s[16]
  if s[19] then s[11] = merge(id, s[11]) end
  if due < 0 then
    local entry, lane = enqueue(s[2], body, s[18], now, true)
    call('HSET', K_message .. id, 's', QUEUED, 'e', entry, 'l', lane, 'u', s[12], 'g', s[11], 'm', s[17])
  else
    call('HSET', K_body, id, body)
    call('ZADD', K_due, due, '!' .. id)
    call('HSET', K_message .. id, 's', QUEUED, 'w', due, 'u', s[12], 'g', s[11], 'm', s[17])
    call('HDEL', K_message .. id, 'e', 'l')
  end
  correlate(id, s[14])
end

for i = 1, #settles do
  local s = settles[i]
  local lane, entry = s[2], s[3]
  if call('XACK', K_lane .. lane, 'g', entry) == 1 then
    forget(lane, entry)
    settled = settled + 1
    if s[1] == 1 then submit(s)
    elseif s[1] == 2 then release(s)
    else
      into_doubt(s[4], s[8], QUEUED, ARGV[s[15]], s[11], s[12], s[13], now, s[5], s[6], s[7])
      correlate(s[4], s[14])
    end
  end
end
for i = 1, #order do
  call('XDEL', K_lane .. order[i], unpack(deletions[order[i]]))
  drop_lane_if_empty(order[i])
end
if #submitted > 0 then
  call('RPUSH', K_submitted .. math.floor(now / 3600000), unpack(submitted))
end

local function park(r)
  local canon = r[1][1]
  if canon == '' then canon = '-' .. r[2] .. '-' .. now end
  call('HSET', K_parked .. account, canon, cmsgpack.pack(r))
  call('ZADD', K_parkedat .. account, now, canon)
  if r[2] ~= '' then
    local key = K_parkedfor .. account .. ':' .. r[2]
    call('SADD', key, canon)
    call('EXPIRE', key, parked_seconds)
  end
end

local answer = {settled}
local function receive(r)
  for _, canon in ipairs(r[1]) do
    if canon ~= '' then
      local hit = call('GET', K_correlation .. account .. ':' .. canon)
      if hit then
        local id, index = string.match(hit, '^(%x+):(%d+)$')
        local old, new, sent = apply(id, tonumber(index), r, now)
        if old then return (old == new) and 2 or 1, old, new, sent end
      end
    end
  end
  local id, index, many = suspect(r)
  if id then
    local old, new, sent = apply(id, index, r, now)
    if old then return 4, old, new, sent end
  end
  park(r)
  return many > 1 and 5 or 3, 0, 0, 0
end

for i = 1, #receipts do
  local code, old, new, sent = receive(receipts[i])
  local n = #answer
  answer[n + 1] = code; answer[n + 2] = old; answer[n + 3] = new; answer[n + 4] = sent
end
flush_counts()
return answer
