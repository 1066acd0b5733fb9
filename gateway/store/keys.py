"""Every key in Redis, by name: the one place where they are spelled.

All keys of a shard share one hash tag, so a step is one script on one node. The scripts get the
same names through :data:`PRELUDE`, which is made from the same table.

===========  ======  =====================================================================
name         type    holds
===========  ======  =====================================================================
message      hash    the record of a message (fields: :data:`FIELDS`), without its text; of one
                     past its time the digest alone, for as long as its ref is remembered
lane         stream  messages ready to go, or claimed and not settled: route, priority, calendar,
                     campaign
taken        hash    per lane: ``>`` to the last entry claimed; consumer to the ranges of entries
                     that it claimed (``first last first last``)
givenback    hash    consumer to the number of its last claim that was given back
ready        zset    per route and priority: lanes with something to claim, by turn
lanes        set     every lane there is
asleep       set     per calendar: its lanes, off the ready-set until it opens
calendars    hash    calendar to what it stands for (gateway.policy.calendars)
contact      hash    per creditor (``*``: all): number to what is known of its owner
cap          string  per creditor and debtor: the contacts of late, ours and those we were told of
stops        hash    per client and 32 days: debtor to stops: since when, and why, what was accepted
                     before must not leave, for one creditor or any, and who has lifted it
legal        hash    per client: the same for those to whom nothing may ever go again, until lifted
held         set     per campaign: its lanes, to find them again after a pause
body         hash    message id to body, for messages that wait for a time of their own, or for
                     their campaign's budget
due          zset    message id (``!`` before it: to the front) by the time it is due; of one over
                     its campaign's budget: by the time it expires
over         zset    per campaign: message ids over its budget, in the order of acceptance
room         set     campaigns whose budget may have room for those
campaign     hash    a campaign's settings and state
campaigns    zset    per client: campaign ids by creation time
canceling    set     ``client:campaign`` of campaigns whose waiting messages are being ended
counts       hash    per campaign: messages by state, hour and error
index        stream  per client and campaign: message ids in the order of acceptance, as many
                     in an entry as were accepted together
indexes      set     every index there is, for retention
budget       string  per client and date: segments that its messages cost, those canceled left out
recipient    hash    per day of acceptance: number to message ids, oldest first
debtor       hash    per day of acceptance: client and debtor to message ids, oldest first
correlation  hash    per account and hour: canonical carrier id to message id, and segment
submitted    list    per hour: message ids submitted in it, a batch joined, for closing as unknown
doubt        zset    message ids in doubt, by the time they came into doubt
suspects     set     per account and recipient: message ids in doubt
parked       hash    per account: receipts that matched nothing yet, by canonical id
parkedat     zset    per account: canonical ids of parked receipts by arrival
parkedfor    set     per account and recipient: canonical ids of parked receipts
events       stream  per client: what happened, oldest first, a commit's events in one entry
replies      stream  per client: debtors' texts
unheeded     stream  replies that are stored, until what they ask for has been done
parts        hash    per account, sender, to, reference and total: number to the text of a part of a
                     reply; ``whole`` once it is; without reference and total a string: the text
                     so far of a reply cut without marking
partsat      zset    replies that wait for marked parts, by the time of the first
cutat        zset    replies cut without marking, by the time of the last
nodes        set     incarnations that may hold claims
lease        string  per incarnation: alive, the lock file it holds, since when without a gap, and
                     the number of its last renewal
slots        hash    per account: slot (from 0) to the incarnation that has this bind, until when,
                     and why it takes the carrier for out of service; ``@`` and an incarnation
                     that takes part, to until when
delivered    hash    carrier account to the seconds within which 99 of 100 messages are delivered
done         string  per batch: this commit has happened
layout       hash    shards and version of this layout
===========  ======  =====================================================================
"""

from __future__ import annotations

NAMES: dict[str, str] = {
    "message": "m",
    "lane": "q",
    "taken": "qt",
    "givenback": "gb",
    "ready": "ready",
    "lanes": "lanes",
    "asleep": "asleep",
    "calendars": "cals",
    "contact": "ct",
    "cap": "cap",
    "stops": "st",
    "legal": "lg",
    "held": "held",
    "body": "body",
    "due": "due",
    "over": "ov",
    "room": "room",
    "campaign": "c",
    "campaigns": "cs",
    "canceling": "cx",
    "counts": "n",
    "index": "ix",
    "indexes": "ixs",
    "budget": "bg",
    "recipient": "to",
    "debtor": "db",
    "correlation": "x",
    "submitted": "sub",
    "doubt": "doubt",
    "suspects": "dt",
    "parked": "pk",
    "parkedat": "pkt",
    "parkedfor": "pkr",
    "events": "ev",
    "replies": "rp",
    "unheeded": "rph",
    "parts": "rpp",
    "partsat": "rpt",
    "cutat": "rpc",
    "nodes": "nodes",
    "lease": "lease",
    "slots": "slots",
    "delivered": "dlv",
    "done": "done",
    "layout": "layout",
}

FIELDS: dict[str, str] = {
    "standing": "s",
    "fixed": "i",
    "digest": "h",
    "entry": "e",
    "front": "l",
    "not_before_ms": "w",
    "attempt": "u",
    "reason": "m",
    "data": "d",
    "callback_url": "cb",
    "decision": "y",
    "budget_day": "b",
}
"""The record's fields and their stored names: a listpack pays for every letter."""

FIXED = (
    "client",
    "campaign",
    "ref",
    "to",
    "sender",
    "segments",
    "priority",
    "route",
    "accepted_ms",
    "expires_ms",
    "encoding",
    "debtor",
    "calendar",
)
"""What never changes of a message is one field, ``fixed``: these, joined by :data:`UNIT`."""
STANDING = ("state", "carrier", "submitted_ms", "final_ms", "error", "fates")
"""What every step changes of a message is one field, too; a message that has met no carrier yet
has its state alone there."""
UNIT, RECORD = "\x1f", "\x1e"
"""What separates the parts of one thing, and the things of one entry."""
DAY_MS = 86_400_000
STOP_DAYS = 32
"""Stops are kept by spans of so many days, and heeded for one to two of them."""
LEAVES_WITHIN_MS = 10_000
"""What has been let go leaves within this time, or is asked about anew: a contact of ours is noted
as of its end, as no cap may be asked about it too early."""
ID_DIGITS = 24

ROOT = "recado:{%d}"


class Keys:
    """The keys of one shard."""

    def __init__(self, shard: int = 0) -> None:
        self.root = ROOT % shard

    def __call__(self, name: str, *parts: str) -> str:
        """The key called ``name`` in :data:`NAMES`, with its parts."""
        return ":".join((self.root, NAMES[name], *parts))


def split_ids(joined: bytes) -> list[str]:
    """The message ids of one index entry."""
    text = joined.decode()
    return [text[at : at + ID_DIGITS] for at in range(0, len(text), ID_DIGITS)]


def lane_name(route: str, priority: int, campaign: str, client: str, calendar: str) -> str:
    """The lane of a message: messages without a campaign share one a client."""
    return f"{route}:{priority}:{calendar}:{campaign or '@' + client}"


_SINGLE = frozenset(
    {
        "lanes", "givenback", "calendars", "body", "due", "room", "partsat", "cutat", "indexes",
        "doubt", "nodes", "delivered", "layout", "unheeded",
    }
)  # fmt: skip
PRELUDE = "local P = KEYS[1]\nlocal call = redis.call\n" + "".join(
    f"local K_{name} = P .. ':{short}'\n"
    if name in _SINGLE
    else f"local K_{name} = P .. ':{short}:'\n"
    for name, short in NAMES.items()
)
"""What every script starts with: ``K_message`` and its like, from the table above."""
