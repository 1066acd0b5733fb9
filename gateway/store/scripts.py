"""The scripts, each from its own .lua file beside this one, with what they share.

The numbers they reason with (states, ranks) are written into them from :mod:`gateway.message`,
so that no table is typed twice.
"""

from __future__ import annotations

import re
from importlib.resources import files

from gateway.message import RANK, WORST_FIRST, Message, MessageState
from gateway.store.keys import LEAVES_WITHIN_MS, PRELUDE, STOP_DAYS
from gateway.store.redis import Script

# shared.lua has it in a pattern, as a text, and takes what is above it for final.
assert int(MessageState.submitted) == 5
assert int(MessageState.unknown) == 6
# claim.lua unpacks these alone, in this order.
assert Message.__struct_fields__[:10] == (
    "segments", "id", "client", "campaign", "ref", "to", "accepted_ms", "expires_ms", "debtor",
    "creditor",
)  # fmt: skip


def _lua_table(table: dict[int, int | str]) -> str:
    rows = (f"[{key}]={value!r}" for key, value in table.items())
    return "{" + ",".join(rows) + "}"


CONSTANTS = "\n".join(
    [
        f"local RANK = {_lua_table({int(s): r for s, r in RANK.items()})}",
        f"local WORSE = {_lua_table({int(s): n for n, s in enumerate(WORST_FIRST)})}",
        f"local STATE_NAME = {_lua_table({int(s): s.name for s in MessageState})}",
        f"local TEXT = {_lua_table({int(s): str(int(s)) for s in MessageState})}",
        f"local FIRST_FINAL = {int(MessageState.unknown)}",
        f"local SCHEDULED, QUEUED = {int(MessageState.scheduled)}, {int(MessageState.queued)}",
        f"local DOUBT, SUBMITTED = {int(MessageState.in_doubt)}, {int(MessageState.submitted)}",
        f"local DELIVERED, UNKNOWN = {int(MessageState.delivered)}, {int(MessageState.unknown)}",
        # After the octets that say how long the array is.
        f"local SEGMENTS_AT = {2 if len(Message.__struct_fields__) < 16 else 4}",
        # Its values by name: m[M_to] of an unpacked body m.
        *(f"local M_{name} = {n}" for n, name in enumerate(Message.__struct_fields__, 1)),
        f"local STOP_DAYS, LEAVES_WITHIN = {STOP_DAYS}, {LEAVES_WITHIN_MS}",
        f"local CANCELED, BLOCKED = {int(MessageState.canceled)}, {int(MessageState.blocked)}",
        f"local EXPIRED = {int(MessageState.expired)}",
        "",
    ]
)


_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)
_UNIT = re.compile(r"^(?=local )", re.MULTILINE)
_NAMES = re.compile(r"^local (?:function )?([\w, ]+)")


def _read(name: str) -> str:
    """A file's code: a word in a comment would count as a use of it."""
    text = (files("gateway.store") / f"{name}.lua").read_text(encoding="utf-8")
    return _COMMENT.sub("", text)


def _needed(library: str, body: str) -> str:
    """Of the library's top-level ``local``s those that ``body`` uses, also by way of each other.

    Every run of a script makes its tables and functions anew: a claim that uses three of the
    forty took twice its time for the others.
    """
    units = _UNIT.split(library)[1:]
    wanted = set(re.findall(r"\w+", body))
    kept: set[int] = set()
    for number in range(len(units) - 1, -1, -1):  # what a unit uses stands above it
        found = _NAMES.match(units[number])
        assert found is not None
        if wanted & set(re.findall(r"\w+", found[1])):
            kept.add(number)
            wanted |= set(re.findall(r"\w+", units[number]))
    return "".join(units[number] for number in sorted(kept))


def _script(name: str) -> Script:
    body = _read(name)
    return Script(
        name, _needed(PRELUDE + CONSTANTS + _read("shared") + _read("admission"), body) + body
    )


PUT = _script("put")
CLAIM = _script("claim")
COMMIT = _script("commit")
GIVE_BACK = _script("give_back")
PROMOTE = _script("promote")
CANCEL = _script("cancel")
RECOVER = _script("recover")
RESEND = _script("resend")
CLOSE = _script("close")
RETAIN = _script("retain")
REPLY = _script("reply")
PARTS = _script("parts")
RENEW = _script("renew")
WAKE = _script("wake")
ADMIT = _script("admit")
TOUCH = _script("touch")
LEARN = _script("learn")
MOVE = _script("move")
CHANGE = _script("change")
STOP = _script("stop")
LIFT = _script("lift")
