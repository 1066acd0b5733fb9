-- shared: what several scripts say in the same words. Included after the prelude.
local account = ''
local counts, moves, events = {}, {}, {}

local function count(campaign, field, by)
  if campaign == '' or not campaign then return end
  local of = counts[campaign]
  if not of then of = {}; counts[campaign] = of end
  of[field] = (of[field] or 0) + by
end

-- A message of a campaign went from one state to another; several at once with `times`.
local function moved(campaign, from, to, error, times)
  if campaign == '' then return end
  local of, code = moves[campaign], from * 100 + to
  if not of then of = {}; moves[campaign] = of end
  of[code] = (of[code] or 0) + (times or 1)
  if to >= FIRST_FINAL and error and error ~= '' then count(campaign, 'e' .. error, 1) end
end

local function count_moves(now)
  local hour = 'h' .. math.floor(now / 3600000) .. ':'
  for campaign, codes in pairs(moves) do
    for code, times in pairs(codes) do
      local from, to = math.floor(code / 100), code % 100
      count(campaign, 's' .. from, -times)
      count(campaign, 's' .. to, times)
      if to >= FIRST_FINAL then count(campaign, hour .. to, times) end
      if to >= FIRST_FINAL and from >= FIRST_FINAL then count(campaign, 'corrected', times) end
    end
  end
end

-- Events of a batch go into one stream entry a client, told when the script is done: the name of
-- what happened, then the parts that gateway.store.events reads.
local function tell(client, name, id, campaign, ref, to, more)
  local list = events[client]
  if not list then list = {}; events[client] = list end
  list[#list + 1] = name .. '\031' .. id .. '\031' .. campaign .. '\031' .. ref .. '\031' .. to
    .. '\031' .. more
end

local function flush(now)
  count_moves(now)
  for client, list in pairs(events) do
    call('XADD', K_events .. client, '*', 'e', table.concat(list, '\030'))
  end
  for campaign, fields in pairs(counts) do
    for field, by in pairs(fields) do
      if by ~= 0 then call('HINCRBY', K_counts .. campaign, field, by) end
    end
  end
end

-- A record's standing (gateway.store.keys.STANDING), in its stored form and back.
local function standing(state, carrier, sent, final, error, fates)
  return TEXT[state] .. '\031' .. carrier .. '\031' .. sent .. '\031' .. final .. '\031' .. error
    .. '\031' .. fates
end

-- state, carrier, submitted_ms, final_ms, error, fates: the last five empty where there is none.
local function read_standing(text)
  local state, carrier, sent, final, error, fates = string.match(text,
    '^(%d+)\031?([^\031]*)\031?(%d*)\031?(%d*)\031?([^\031]*)\031?(.*)$')
  return tonumber(state), carrier, sent, final, error, fates
end

local function text_of(number) return string.format('%d', number) end

-- How many segments a body has: its first value (gateway.message.Message).
local function segments_of(body)
  local octet = string.byte(body, SEGMENTS_AT)
  return octet == 0xcc and string.byte(body, SEGMENTS_AT + 1) or octet
end

-- client, campaign, ref, to of a record's fixed field (gateway.store.keys.FIXED).
local function who(fixed)
  return string.match(fixed, '^([^\031]*)\031([^\031]*)\031([^\031]*)\031([^\031]*)')
end

-- client, campaign, segments of a record's fixed field.
local function cost_of(fixed)
  local client, campaign, segments = string.match(fixed,
    '^([^\031]*)\031([^\031]*)\031[^\031]*\031[^\031]*\031[^\031]*\031(%d+)')
  return client, campaign, tonumber(segments)
end

-- Takes a message off those that wait for their campaign's budget. Answers whether it was among them:
-- then it has taken nothing of it.
local function leave_over(id, campaign, segments)
  if campaign == '' or call('ZREM', K_over .. campaign, id) == 0 then return false end
  count(campaign, 'held', -segments)
  call('SADD', K_room, campaign)
  return true
end

-- A message that never left gives its segments back to its campaign's budget and its client's.
local function give_back_budget(id, fixed)
  local key, client, campaign, segments = K_message .. id, cost_of(fixed)
  if not leave_over(id, campaign, segments) and campaign ~= '' then
    count(campaign, 'budget', -segments)
    call('SADD', K_room, campaign)
  end
  local day = call('HGET', key, 'b')
  if day then
    if call('EXISTS', K_budget .. client .. ':' .. day) == 1 then
      call('DECRBY', K_budget .. client .. ':' .. day, segments)
    end
    call('HDEL', key, 'b')
  end
end

-- The lane of a record's fixed field.
local function lane_of(fixed)
  local client, campaign, priority, route, calendar = string.match(fixed,
    '^([^\031]*)\031([^\031]*)\031[^\031]*\031[^\031]*\031[^\031]*\031[^\031]*\031([^\031]*)\031([^\031]*)'
    .. '.*\031([^\031]*)$')
  return route .. ':' .. priority .. ':' .. calendar .. ':'
    .. (campaign ~= '' and campaign or '@' .. client)
end

-- The lane of a body (gateway.message.Message), which may have moved to another route's.
local function lane_of_body(body)
  local m = cmsgpack.unpack(body)
  return m[M_route] .. ':' .. m[M_priority] .. ':' .. m[M_calendar] .. ':'
    .. (m[M_campaign] ~= '' and m[M_campaign] or '@' .. m[M_client])
end

-- The segment's place in a 16-bit user_message_reference: the id's last four digits plus it.
local function reference_of(id, index)
  return (tonumber(string.sub(id, -4), 16) + index) % 65536
end

local function split_fates(text)
  local one, error, carrier_id = string.match(text, '^(%d+):([^:]*):([^\030]*)$')
  if one then return {{tonumber(one), error, carrier_id}} end
  local fates = {}
  for item in string.gmatch(text, '[^\030]+') do
    local state, error, carrier_id = string.match(item, '^(%d+):([^:]*):(.*)$')
    fates[#fates + 1] = {tonumber(state), error, carrier_id}
  end
  return fates
end

local function join_fates(fates)
  if #fates == 1 then return fates[1][1] .. ':' .. fates[1][2] .. ':' .. fates[1][3] end
  local items = {}
  for i, f in ipairs(fates) do items[i] = f[1] .. ':' .. f[2] .. ':' .. f[3] end
  return table.concat(items, '\030')
end

-- The state of a message from its segments' (gateway.message.state_of). One segment that waits
-- for another attempt keeps it queued, whatever receipts say of those that have left.
local function state_of(fates)
  local worst, under_way, waits = nil, false, false
  for _, f in ipairs(fates) do
    if f[1] == DOUBT then return DOUBT end
    if f[1] == QUEUED then waits = true end
    if f[1] < FIRST_FINAL then under_way = true end
    if WORSE[f[1]] and (not worst or WORSE[f[1]] < WORSE[worst]) then worst = f[1] end
  end
  if waits then return QUEUED end
  if under_way then return SUBMITTED end
  return worst
end

-- The error of the segment that gave the message its state.
local function error_of(fates, state)
  for _, f in ipairs(fates) do
    if f[1] == state then return f[2] end
  end
  return ''
end

-- Where a client's stops are: those for good, and those of the last span and of this one, for what was
-- accepted until then.
local function stop_keys(client, now)
  local span = math.floor(now / 86400000 / STOP_DAYS)
  local key = K_stops .. client .. ':'
  return K_legal .. client, key .. text_of(span - 1), key .. text_of(span)
end

-- For whom the messages of a campaign are; for the client itself where none is named.
local creditors = {}
local function creditor_of(client, campaign)
  if campaign == '' then return client end
  local named = creditors[campaign]
  if not named then
    named = call('HGET', K_campaign .. campaign, 'creditor') or ''
    creditors[campaign] = named
  end
  return named ~= '' and named or client
end

-- A message under contact rules ends before it has left: that is its decision (packed.py), and goes
-- on record by whoever runs the script: id, reason, creditor, then what never changes. Answers what
-- its event tells after the reason.
local ended = {}
local LISTED = {opt_out = 1, wrong_number = 2, legal_stop = 4}
local function note_end(id, fixed, reason, now)
  local calendar = string.match(fixed, '([^\031]*)$')
  if calendar == 'any' then return '' end
  local client, campaign = who(fixed)
  local decision = text_of(now) .. ' D ' .. reason .. ' - - ' .. calendar .. ' 0 '
    .. (LISTED[reason] or 0) .. ' -'
  call('HSET', K_message .. id, 'y', decision)
  ended[#ended + 1] = table.concat({id, reason, creditor_of(client, campaign), fixed}, '\031')
  return '\031\031' .. decision
end

local function is_canceled(campaign)
  return campaign ~= '' and call('HGET', K_campaign .. campaign, 'state') == 'canceled'
end

-- What waits of a message will not go, as its campaign has been canceled; what has left of it still
-- waits for its receipts.
local function give_up(id, client, campaign, ref, to, was, carrier, sent, fates, now)
  local key, state = K_message .. id, CANCELED
  local fixed = call('HGET', key, 'i')
  if fates == '' then give_back_budget(id, fixed) end
  local decision = note_end(id, fixed, 'campaign_canceled', now)
  if fates ~= '' then
    local list = split_fates(fates)
    for _, fate in ipairs(list) do if fate[1] < DOUBT then fate[1] = CANCELED end end
    fates, state = join_fates(list), state_of(list)
  end
  local final = state >= FIRST_FINAL
  call('HSET', key, 's', standing(state, carrier, sent, final and text_of(now) or '', '', fates),
       'm', 'campaign_canceled')
  call('HDEL', key, 'e', 'l', 'w')
  moved(campaign, was, state)
  if final then tell(client, STATE_NAME[state], id, campaign, ref, to, 'campaign_canceled' .. decision)
  else call('RPUSH', K_submitted .. math.floor(now / 3600000), id) end
end

local function drop_lane_if_empty(lane)
  local key = K_lane .. lane
  if call('XLEN', key) == 0 then
    local route, priority, campaign = string.match(lane, '^([^:]*):([^:]*):[^:]*:([^:]*)$')
    call('UNLINK', key, K_taken .. lane)
    call('SREM', K_lanes, lane)
    call('ZREM', K_ready .. route .. ':' .. priority, lane)
    call('SREM', K_held .. campaign, lane)
  end
end

-- The lane that this account alone drains: where parts of a message have left, the rest follows.
local function own_lane(lane)
  return (string.gsub(lane, '^[^:]*', '@' .. account))
end

-- A lane is known from its first entry on.
local function open_lane(lane)
  call('SADD', K_lanes, lane)
  call('SADD', K_held .. string.match(lane, '([^:]*)$'), lane)
end

-- Puts a body on its lane; to the front it goes to a lane of its own that is read first.
local function enqueue(lane, body, now, front)
  local route, priority, calendar, campaign = string.match(lane, '^([^:]*):([^:]*):([^:]*):([^:]*)$')
  local score = now * 1000
  if front then
    if string.sub(calendar, -1) ~= '!' then calendar = calendar .. '!' end
    lane = route .. ':' .. priority .. ':' .. calendar .. ':' .. campaign
    score = 0
  end
  local key = K_lane .. lane
  if call('EXISTS', key) == 0 then open_lane(lane) end
  local entry = call('XADD', key, '*', 'm', body)
  call('ZADD', K_ready .. route .. ':' .. priority, 'NX', score, lane)
  return entry, lane
end

-- The entries of a lane that `consumer` has taken and not settled, at most `limit`.
local function held_entries(lane, consumer, limit)
  local found, ranges = {}, call('HGET', K_taken .. lane, consumer) or ''
  for first, last in string.gmatch(ranges, '(%S+) (%S+)') do
    if #found >= limit then break end
    for _, row in ipairs(call('XRANGE', K_lane .. lane, first, last, 'COUNT', limit - #found)) do
      found[#found + 1] = row
    end
  end
  return found
end

-- A message that was admitted and reached no carrier is no contact.
local function unnote(debtor, id)
  local key, kept = K_cap .. debtor, {}
  for entry in string.gmatch(call('GET', key) or '', '[^\030]+') do
    if string.match(entry, '^%d+ (%S*)') ~= id then kept[#kept + 1] = entry end
  end
  if #kept > 0 then call('SET', key, table.concat(kept, '\030'), 'KEEPTTL')
  else call('DEL', key) end
end

-- A debtor's stops: {since_ms, reason, creditor, lifted_ms, by, why}, texts; the last three empty while it
-- holds.
local function split_stops(text)
  local stops = {}
  for since, reason, rest in string.gmatch(text, '(%d+) ([^\031\030]*)([^\030]*)') do
    local creditor, lifted, by, why = string.match(rest .. '\031\031\031\031',
      '^\031([^\031]*)\031([^\031]*)\031([^\031]*)\031([^\031]*)')
    stops[#stops + 1] = {since, reason, creditor, lifted, by, why}
  end
  return stops
end

local function join_stop(stop)
  local tail = stop[4] ~= '' and '\031' .. stop[4] .. '\031' .. stop[5] .. '\031' .. stop[6] or ''
  return stop[1] .. ' ' .. stop[2] .. '\031' .. stop[3] .. tail
end

-- Does the record's recipient agree with the one a receipt names, perhaps without its prefix?
local function agrees(named, to)
  return named == '' or named == to or string.sub(to, -#named) == named
    or string.sub(named, -#to) == to
end

-- Is a receipt about this recipient? Some carriers leave the addresses as the submit had them, the
-- recipient in the sender's place; a short code there says nothing, it may end any number.
local function is_for(r, to)
  return agrees(r[2], to) or #r[3] >= 7 and agrees(r[3], to)
end

-- A segment as a correlation names it: the message id, and after the first `:2` and so on.
local function segment(id, index)
  return index == 1 and id or id .. ':' .. index
end

-- Its message id and index.
local function segment_of(text)
  if not string.find(text, ':', 1, true) then return text, 1 end
  local id, index = string.match(text, '^(%x+):(%d+)$')
  return id, tonumber(index)
end

-- What an event tells of a receipt: its error, its date where it had one (one that was parked by an
-- earlier version has none), and the decision by which its message went.
local function told_by(error, r, decision)
  local done_at = r[8] or ''
  if decision then return error .. '\031' .. done_at .. '\031' .. decision end
  return done_at ~= '' and error .. '\031' .. done_at or error
end

-- The common case of `apply`, without a table: one segment, submitted by the account that knows.
-- Answers nil where it is not that.
local function apply_to_one(id, key, record, r, now)
  local head, sent, said, carrier_id = string.match(record[1],
    '^5(\031[^\031]*\031(%d+))\031\031\0315:([^:]*):([^\030]*)$')
  local state = r[5]
  if not head or RANK[state] <= RANK[SUBMITTED] then return nil end
  local client, campaign, ref, to = who(record[2])
  if not is_for(r, to) then return nil end
  if r[6] ~= '' then said = r[6] end
  if carrier_id == '' then carrier_id = r[7] end
  local error = state ~= DELIVERED and said or ''
  call('HSET', key, 's', TEXT[state] .. head .. '\031' .. text_of(now) .. '\031' .. error .. '\031'
    .. TEXT[state] .. ':' .. said .. ':' .. carrier_id)
  tell(client, STATE_NAME[state], id, campaign, ref, to, told_by(error, r, record[3]))
  moved(campaign, SUBMITTED, state, error)
  return SUBMITTED, state, tonumber(sent)
end

-- Applies what a carrier reported about one segment. Answers old state, new state, submitted_ms,
-- or nil when the record is gone or names another recipient.
-- r: {key, to, sender, reference, state, error, carrier id, done at}
local function apply(id, index, r, now)
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i', 'y')
  if not m[1] or not m[2] then return nil end
  if index == 1 then
    local old, state, sent_ms = apply_to_one(id, key, m, r, now)
    if old then return old, state, sent_ms end
  end
  local client, campaign, ref, to = who(m[2])
  if not is_for(r, to) then return nil end
  local old, carrier, sent, final, said, written = read_standing(m[1])
  local fates = split_fates(written)
  local fate = fates[index]
  if not fate then return nil end
  local was, sent_ms = fate[1], tonumber(sent) or 0
  if RANK[r[5]] <= RANK[was] then return old, old, sent_ms end
  fate[1] = r[5]
  if r[6] ~= '' then fate[2] = r[6] end
  if fate[3] == '' then fate[3] = r[7] end
  if was == DOUBT and r[7] ~= '' then
    call('HSET', K_correlation .. account .. ':' .. math.floor(now / 3600000), r[1], segment(id, index))
  end
  local state = #fates == 1 and fate[1] or state_of(fates)
  if state >= FIRST_FINAL and state ~= old then
    said = state ~= DELIVERED and error_of(fates, state) or ''
    call('HSET', key, 's', standing(state, carrier, sent, text_of(now), said, join_fates(fates)))
    tell(client, STATE_NAME[state], id, campaign, ref, to, told_by(said, r, m[3]))
    moved(campaign, old, state, said)
  else
    call('HSET', key, 's', standing(state, carrier, sent, final, said, join_fates(fates)))
    if state ~= old then moved(campaign, old, state) end
  end
  if old == DOUBT and state ~= DOUBT then
    call('ZREM', K_doubt, id)
    call('SREM', K_suspects .. account .. ':' .. to, id)
    call('HDEL', K_body, id)
  end
  return old, state, sent_ms
end

-- The message in doubt that a receipt without a known id must mean. Answers id, index or
-- nil, nil, how many it might be.
local function suspect(r)
  if r[2] == '' then return nil, nil, 0 end
  local found, at, many = nil, nil, 0
  local ids = call('SMEMBERS', K_suspects .. account .. ':' .. r[2])
  for _, id in ipairs(ids) do
    local m = call('HMGET', K_message .. id, 's', 'i')
    local state, _, _, _, _, fates = read_standing(m[1] or '0')
    local sender = m[2] and string.match(m[2], '^[^\031]*\031[^\031]*\031[^\031]*\031[^\031]*\031([^\031]*)')
    if state == DOUBT and (r[3] == '' or sender == r[3]) then
      local first
      for i, fate in ipairs(split_fates(fates)) do
        if fate[1] == DOUBT then
          if r[4] >= 0 and reference_of(id, i) == r[4] then return id, i, 1 end
          first = first or i
        end
      end
      if first and r[4] < 0 then found, at, many = id, first, many + 1 end
    end
  end
  if many == 1 then return found, at, 1 end
  return nil, nil, many
end

local function unpark(canon)
  local blob = call('HGET', K_parked .. account, canon)
  if not blob then return nil end
  local r = cmsgpack.unpack(blob)
  call('HDEL', K_parked .. account, canon)
  call('ZREM', K_parkedat .. account, canon)
  if r[2] ~= '' then call('SREM', K_parkedfor .. account .. ':' .. r[2], canon) end
  return r
end

-- A submit whose fate nobody knows. Keeps the body, and lets it meet receipts that came first.
local function into_doubt(id, to, from, body, fates, attempt, sent, now, client, campaign, ref)
  call('HSET', K_message .. id, 's', standing(DOUBT, account, sent, '', '', fates), 'u', attempt)
  call('HDEL', K_message .. id, 'e', 'l')
  call('HSET', K_body, id, body)
  call('ZADD', K_doubt, now, id)
  call('SADD', K_suspects .. account .. ':' .. to, id)
  call('RPUSH', K_submitted .. math.floor(now / 3600000), id)
  moved(campaign, from, DOUBT)
  tell(client, 'in_doubt', id, campaign, ref, to, '')
  for _, canon in ipairs(call('SMEMBERS', K_parkedfor .. account .. ':' .. to)) do
    local blob = call('HGET', K_parked .. account, canon)
    if blob then
      local r = cmsgpack.unpack(blob)
      local who, index = suspect(r)
      if who == id then
        unpark(canon)
        apply(id, index, r, now)
      end
    end
  end
end

-- Of these messages the one that left last, from `to` and from another number: {ms, id, fixed}, or
-- nil. What confirmed an opt-out is neither: an answer to it is about what was written before.
local function newest_of(ids, to)
  local mine, other
  for id in string.gmatch(ids, string.rep('%x', 24)) do
    local m = call('HMGET', K_message .. id, 'i', 's')
    local _, _, sent = read_standing(m[2] or '0')
    local ms = tonumber(sent) or 0
    local from, calendar = string.match(m[1] or '',
      '^[^\031]*\031[^\031]*\031[^\031]*\031[^\031]*\031([^\031]*).*\031([^\031]*)$')
    if ms == 0 or not from or calendar == 'answer' then
      -- it never left, or is forgotten
    elseif from == to then
      if not mine or ms >= mine[1] then mine = {ms, id, m[1]} end
    elseif not other or ms >= other[1] then
      other = {ms, id, m[1]}
    end
  end
  return mine, other
end

-- The message that last went to `sender`, and whether from `to`: where none did, from whichever of
-- our numbers; the newest day that knows one has it.
local function last_message(sender, to, now, days)
  local today, elsewhere = math.floor(now / 86400000), nil
  for day = today, today - days, -1 do
    local ids = call('HGET', K_recipient .. day, sender)
    if ids then
      local mine, other = newest_of(ids, to)
      if mine then return mine, true end
      elsewhere = elsewhere or other
    end
  end
  return elsewhere, false
end

-- Who answers a message makes of it a two-way contact, where it is one of late (admission.lua).
local function note_answer(creditor, debtor, id)
  local key, noted, changed = K_cap .. creditor .. ':' .. debtor, {}, false
  for entry in string.gmatch(call('GET', key) or '', '[^\030]+') do
    if string.match(entry, '^%d+ (%S+)$') == id then entry, changed = entry .. ' sms 1', true end
    noted[#noted + 1] = entry
  end
  if changed then call('SET', key, table.concat(noted, '\030'), 'KEEPTTL') end
end

-- Stores a whole reply that was received at `at` and tells it: {reply id, client, campaign, message
-- id, sender, to, text, creditor, at, account, client that wrote to its sender last, its place among
-- those that nobody has heeded}. It is tied to what its sender was sent from the number that he
-- answers; creditor and writer are those of what he was sent from any. Where he was sent nothing that
-- is known, the creditor is empty.
local function take_reply(sender, to, text, owner, now, days, at)
  local last, answers = last_message(sender, to, now, days)
  local client, campaign, ref, id, creditor, writer = owner, '', '', '', '', owner
  if last then
    local of, in_campaign, its_ref = who(last[3])
    creditor, writer = creditor_of(of, in_campaign), of
    local debtor = string.match(last[3], '([^\031]*)\031[^\031]*$')
    note_answer(creditor, debtor ~= '' and debtor or sender, last[2])
    if answers then client, campaign, ref, id = of, in_campaign, its_ref, last[2] end
  end
  local stored = call('XADD', K_replies .. client, '*', 'f', sender, 't', to, 'x', text,
                      'v', account, 'c', campaign, 'm', id, 'r', ref)
  tell(client, 'reply', id, campaign, ref, sender, '\031' .. to .. '\031' .. text)
  count(campaign, 'replies', 1)
  local row = {stored, client, campaign, id, sender, to, text, creditor, text_of(at), account, writer}
  row[12] = call('XADD', K_unheeded, '*', 'r', cmsgpack.pack(row))
  return row
end

-- The texts of a marked reply's parts in their order, without those that have not come.
local function joined_parts(key, total)
  local texts = {}
  for i = 1, total do texts[#texts + 1] = call('HGET', key, i) or nil end
  return table.concat(texts)
end
