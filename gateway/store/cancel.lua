-- cancel: give up messages that have not left. ARGV[1] {now_ms, client, ids, reason, state,
-- creditor}: they end in that state; of whose client and creditor they must be (empty: of any). An
-- opt-out does not end its own confirmation.
-- Answers a letter an id: c given up, n not found, l left (perhaps on the wire), f final already; then
-- what is to go on record of those given up.
local args = cmsgpack.unpack(ARGV[1])
local now, client, ids, reason, ends, creditor = args[1], args[2], args[3], args[4], args[5], args[6]
local answers, touched = {}, {}

local function cancel(id)
  local key = K_message .. id
  local m = call('HMGET', key, 's', 'i', 'e', 'l')
  if not m[1] then return 'n' end
  local state, carrier, sent, _, _, fates = read_standing(m[1])
  local owner, campaign, ref, to = who(m[2])
  if client ~= '' and owner ~= client then return 'n' end
  if creditor ~= '' and creditor_of(owner, campaign) ~= creditor then return 'n' end
  if state >= FIRST_FINAL then return 'f' end
  if reason == 'opt_out' and string.match(m[2], '([^\031]*)$') == 'answer' then return 'n' end
  if state ~= SCHEDULED and state ~= QUEUED then return 'l' end
  if fates ~= '' then return 'l' end
  if m[3] then
    local lane = m[4] or lane_of(m[2])
    local stream, cursor = K_lane .. lane, call('HGET', K_taken .. lane, '>')
    -- Nothing from the cursor to the entry: it has been claimed.
    if cursor and #call('XRANGE', stream, '(' .. cursor, m[3], 'COUNT', 1) == 0 then return 'l' end
    if call('XDEL', stream, m[3]) == 0 then return 'l' end
    touched[lane] = true
  else
    call('ZREM', K_due, id, '!' .. id)
    call('HDEL', K_body, id)
  end
  call('HSET', key, 's', standing(ends, carrier, sent, text_of(now), '', ''), 'm', reason)
  call('HDEL', key, 'e', 'l', 'w')
  local decision = note_end(id, m[2], reason, now)
  moved(campaign, state, ends, ends == BLOCKED and reason or nil)
  give_back_budget(id, m[2])
  tell(owner, STATE_NAME[ends], id, campaign, ref, to, reason .. decision)
  return 'c'
end

for i, id in ipairs(ids) do answers[i] = cancel(id) end
for lane in pairs(touched) do drop_lane_if_empty(lane) end
flush(now)
table.insert(ended, 1, table.concat(answers))
return ended
