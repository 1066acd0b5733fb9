"""The baseline's Lua calls: one a step, each for a whole batch."""

from __future__ import annotations

LANE = "lane"
GROUP = "g"

PUT = """
local call = redis.call
for i = 1, #ARGV do
  call('XADD', KEYS[1], '*', 'm', ARGV[i])
end
return #ARGV
"""
"""KEYS: lane. ARGV: the body of each message."""

CLAIM = """
local call = redis.call
local found = call('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', ARGV[1],
  'STREAMS', KEYS[1], '>')
if not found then return {} end
local flat = {}
for _, entry in ipairs(found[1][2]) do
  flat[#flat + 1] = entry[1]
  flat[#flat + 1] = entry[2][2]
end
return flat
"""
"""KEYS: lane. ARGV: how many. Answers (entry id, body) each message."""

SETTLE = """
local call = redis.call
local entries = {}
for i = 1, #ARGV, 3 do
  entries[#entries + 1] = ARGV[i]
  call('HSET', 'm:' .. ARGV[i + 1], 's', 'submitted', 'cid', ARGV[i + 2])
  call('SET', 'c:' .. ARGV[i + 2], ARGV[i + 1])
end
call('XACK', KEYS[1], 'g', unpack(entries))
call('XDEL', KEYS[1], unpack(entries))
return #entries
"""
"""KEYS: lane. ARGV: (entry id, id, carrier id) each message."""

RECEIPT = """
local call = redis.call
local early = {}
for i = 1, #ARGV, 2 do
  local id = call('GET', 'c:' .. ARGV[i])
  if id then
    call('HSET', 'm:' .. id, 's', ARGV[i + 1])
    call('XADD', 'events', '*', 'm', id, 's', ARGV[i + 1])
  else
    early[#early + 1] = (i - 1) / 2
  end
end
return early
"""
"""KEYS: lane, unused. ARGV: (carrier id, state) each receipt.

Answers the places of those that match nothing yet.
"""
