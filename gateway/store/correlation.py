"""What a carrier said, tied to the messages it is about: settles, receipts, replies.

Settles and receipts of one account go in one commit, settles first, so that a receipt which
followed its response by a millisecond finds it. A receipt that matches nothing is parked, and
a later settle looks there.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from gateway.errors import Fenced
from gateway.message import Message, MessageState, Receipt, Reply
from gateway.smpp.text import measure
from gateway.store import scripts
from gateway.store.keys import RECORD, UNIT, split_ids
from gateway.store.redis import Redis
from gateway.store.types import Ended, Moved

_encode = msgspec.msgpack.Encoder().encode
_decode_row = msgspec.msgpack.Decoder(list[str]).decode
PARTS_MS = 120_000
"""How long the marked parts of a reply wait for each other: over a day is allowed (3GPP TS 23.040),
but an answer that comes tomorrow helps nobody."""
CUT_MS = 5_000
"""How long a text that looks cut, without a marking, waits for more."""
REMEMBER_PARTS_SECONDS = 600
"""How long a part that comes again is known as such."""
CLOSED_PARTS = 100
UNHEEDED = 500
"""Replies that nobody has heeded, read in one go."""
CLOSED_BATCHES = 5
"""Batches of submitted messages closed in one script: a few hundred messages."""
_NO_SEPARATORS = {ord(UNIT): " ", ord(RECORD): " "}


class Kind(IntEnum):
    """What a settle does with a claimed message."""

    submitted = 1
    release = 2
    doubt = 3


class Found(IntEnum):
    """What a receipt met."""

    __hash__ = int.__hash__

    moved = 1
    no_change = 2
    parked = 3
    settled_doubt = 4
    several = 5
    already_committed = 6
    unread = 7
    """Not by the id's first reading; the others have not been tried."""


_SUBMITTED = int(MessageState.submitted)
_FOUND = {int(found): found for found in Found}


class Settle(msgspec.Struct, gc=False):
    """What became of one claimed message, to be committed."""

    kind: Kind
    lane: str
    entry: str
    message: Message
    """For a release: as it shall be claimed again."""
    fates: str = ""
    sent_ms: int = 0
    ids: list[str] = []
    """Canonical carrier ids by segment; empty where a segment has none."""
    decision: str = ""
    """What the contact rules said of it, packed."""
    state: MessageState = MessageState.submitted
    error: str = ""
    due_ms: int = -1
    """Of a release: when it may go again; -1: at once, before its lane."""
    target: str = ""
    """Of a release: the lane it goes to, if not its own."""
    reason: str = ""
    unnoted: str = ""
    """Of one that reached no carrier: the creditor and debtor among whose contacts it was noted."""
    resumed: bool = False
    """An earlier attempt left fates, and receipts may have moved them since."""


class ReceiptItem(msgspec.Struct, gc=False):
    """A receipt, and the keys its carrier's id may be stored under."""

    key: str
    """The id's likeliest reading; empty when the receipt has none."""
    receipt: Receipt
    state: MessageState
    others: tuple[str, ...] | None = ()
    """Further readings; None when nobody has looked: then :attr:`Found.unread` asks for them."""
    done_at: str = ""
    """The receipt's date, read; for its event."""


class Matched(msgspec.Struct, gc=False):
    """What a receipt did: the message's state before and after, and when it was submitted."""

    found: Found
    old: int
    new: int
    submitted_ms: int
    reading: int = 0
    """Which reading of its id found it: 0 the key, and so on through the others."""


class Heard(NamedTuple):
    """A reply that is whole and stored."""

    id: str
    client: str
    campaign: str
    message_id: str
    """The message that last wrote to its sender from ``to``; empty: none did."""
    sender: str
    """Digits, as ``to``."""
    to: str
    text: str
    creditor: str
    """For whom its sender was last written to, from whichever number; the client's name where the
    campaign names none; empty: nobody knows."""
    at_ms: int
    """When it was received."""
    carrier: str
    writer: str
    """The client that last wrote to its sender; else the one that gets what fits no message."""
    place: str
    """Its place among those that nobody has heeded yet."""


class Correlation:
    """Commits for the carriers of this process."""

    def __init__(
        self, redis: Redis, *, correlation_hours: int, parked_minutes: int, recipient_days: int
    ) -> None:
        self.incarnation = ""
        """Whose claims these are; a commit of one that has been declared dead is refused."""
        self.moved: Moved = lambda carrier, state, count: None
        self.ended: Ended = lambda rows, now_ms: None
        self.script_seconds = 0.0
        """What the last commit took in Redis: batches adapt to it."""
        self._redis = redis
        self._keys = redis.keys
        self._record = redis.keys("message", "")
        self._hours = correlation_hours
        self._parked_seconds = parked_minutes * 60
        self._days = recipient_days

    async def commit(
        self,
        account: str,
        settles: list[Settle],
        receipts: list[ReceiptItem],
        now_ms: int,
        batch: str = "",
    ) -> list[Matched]:
        """Commit settles, then receipts: one answer for each receipt, in order.

        ``batch`` names this attempt: committing the same batch again, after an error that left
        it unknown whether the first got through, changes nothing and says so.
        Raises :class:`StoreUnavailable`, or :class:`Fenced`: then nothing has changed.
        """
        left, plain, rows, bodies = _settle_rows(self._record, account, settles)
        answer = await self._redis.run(
            scripts.COMMIT,
            [
                now_ms, account, left, plain, rows, _receipt_rows(receipts),
                self._hours, self._parked_seconds, batch, self.incarnation,
            ],
            *bodies,
        )  # fmt: skip
        if answer[0] == -2:
            raise Fenced(f"{self.incarnation} has been declared dead")
        self.script_seconds = max(0, answer[0]) / 1e6
        if answer[0] == -1:
            return [Matched(Found.already_committed, 0, 0, 0) for _ in receipts]
        self.ended(answer.pop(), now_ms)
        return [
            Matched(
                _FOUND[met // 10_000 % 10], met // 100 % 100, met % 100, sent_ms, met // 100_000
            )
            for met, sent_ms in zip(answer[1::2], answer[2::2], strict=True)
        ]

    async def reply(
        self, account: str, replies: list[Reply], now_ms: int, owner: str, batch: str = ""
    ) -> list[Heard]:
        """Store replies; answers each that is whole.

        A part of a longer one waits for the others (:meth:`close_parts`). ``owner`` gets those
        that fit no message. Those that are whole are kept apart until they are :meth:`heeded`.
        """
        answer = await self._redis.run(
            scripts.REPLY,
            [
                now_ms, account, owner, batch, [_reply_row(r) for r in replies], self._days,
                REMEMBER_PARTS_SECONDS,
            ],
        )  # fmt: skip
        return [_heard(_texts(whole)) for whole in answer if whole]

    async def keep_delivery(self, account: str, seconds: float) -> None:
        """Keep within how many seconds 99 of 100 messages of an account are delivered."""
        await self._redis.call("HSET", self._keys("delivered"), account, f"{seconds:g}")

    async def delivery(self) -> dict[str, float]:
        """The same as it was last kept, by account."""
        found = await self._redis.call("HGETALL", self._keys("delivered"))
        pairs = zip(found[::2], found[1::2], strict=True)
        return {account.decode(): float(seconds) for account, seconds in pairs}

    async def close_parts(self, now_ms: int, owner: str) -> list[Heard]:
        """Store as they are the replies whose other parts have not come in time."""
        closed: list[Heard] = []
        for marked, before in ((True, now_ms - PARTS_MS), (False, now_ms - CUT_MS)):
            arguments = [
                now_ms, owner, self._days, marked, before, CLOSED_PARTS, REMEMBER_PARTS_SECONDS
            ]  # fmt: skip
            more = True
            while more:
                count, taken = await self._redis.run(scripts.PARTS, arguments)
                more = count == CLOSED_PARTS
                closed += [_heard(_texts(whole)) for whole in taken]
        return closed

    async def unheeded(self) -> list[Heard]:
        """The oldest replies that are stored and that nobody has heeded, or is at just now."""
        rows = await self._redis.call("XRANGE", self._keys("unheeded"), "-", "+", "COUNT", UNHEEDED)
        return [_heard([*_decode_row(fields[1]), place.decode()]) for place, fields in rows]

    async def heeded(self, replies: Sequence[Heard]) -> None:
        """What these replies ask for has been done."""
        if replies:
            places = [heard.place for heard in replies]
            await self._redis.call("XDEL", self._keys("unheeded"), *places)

    async def close_unknown(self, hour: int, now_ms: int) -> int:
        """Close as ``unknown`` what was submitted in ``hour`` (since the epoch), if not final."""
        key = self._keys("submitted", str(hour))
        closed = 0
        while True:
            batches = await self._redis.call("LRANGE", key, 0, CLOSED_BATCHES - 1)
            if not batches:
                return closed
            ids = [id for batch in batches for id in split_ids(batch)]
            count = await self._redis.run(scripts.CLOSE, [now_ms, ids])
            self.moved("", MessageState.unknown, int(count))
            closed += int(count)
            await self._redis.call("LTRIM", key, len(batches), -1)

    async def forget_parked(self, account: str, before_ms: int) -> int:
        """Drop parked receipts that came before ``before_ms``: nothing will claim them now."""
        at, parked = self._keys("parkedat", account), self._keys("parked", account)
        dropped = 0
        while True:
            old = await self._redis.call("ZRANGEBYSCORE", at, "-inf", before_ms, "LIMIT", 0, 500)
            if not old:
                return dropped
            await self._redis.pipeline([("HDEL", parked, *old), ("ZREM", at, *old)])
            dropped += len(old)

    async def counts(self, accounts: list[str]) -> tuple[int, dict[str, int]]:
        """(messages in doubt, parked receipts by account)."""
        answers = await self._redis.pipeline(
            [
                ("ZCARD", self._keys("doubt")),
                *[("HLEN", self._keys("parked", account)) for account in accounts],
            ]
        )
        return int(answers[0]), dict(zip(accounts, map(int, answers[1:]), strict=True))


def new_batch() -> str:
    """A name for a commit that may have to be tried again."""
    return uuid.uuid4().hex


def _heard(row: Sequence[str]) -> Heard:
    """What ``take_reply`` answers."""
    return Heard._make([*row[:8], int(row[8]), *row[9:]])


def _texts(row: list[bytes]) -> list[str]:
    return [text.decode() for text in row]


def _reply_row(r: Reply) -> tuple[str, str, str, int, int, int, bool]:
    reference, total, number = r.part or (-1, 1, 1)
    cut = r.part is None and _looks_cut(r.text)
    return r.sender, r.to, r.text.translate(_NO_SEPARATORS), reference, total, number, cut


_FULL = {"gsm7": (152, 153, 159, 160), "ucs2": (66, 67, 69, 70)}
"""Units of a segment that had no room for another character, with and without a header."""


def _looks_cut(text: str) -> bool:
    """Is it as long as one segment can be, so that there may be more of it?"""
    if not 66 <= len(text) <= 160:
        return False
    measured = measure(text)
    return measured.segments == 1 and measured.units in _FULL[measured.encoding]


def _settle_rows(
    record: str, account: str, settles: list[Settle]
) -> tuple[list[Any], list[Any], list[list[Any]], list[bytes]]:
    """What leaves each lane, the plain settles by column, the others by row, and bodies.

    ``record`` is what a record's key begins with.
    """
    submitted, taken = Kind.submitted, MessageState.submitted
    lanes: dict[str, list[str]] = {}
    records: list[str] = []
    correlations: list[str] = []
    campaigns: dict[str, int] = {}
    ids: list[str] = []
    rows: list[list[Any]] = []
    bodies: list[bytes] = []
    for s in settles:
        entries = lanes.get(s.lane)
        if entries is None:
            entries = lanes[s.lane] = []
        kind, m = s.kind, s.message
        if kind is submitted:
            entries.append(s.entry)
        # One segment, taken at the first attempt: as nearly all are.
        if (
            kind is not submitted
            or s.state is not taken
            or len(s.ids) != 1
            or m.attempt != 1
            or s.resumed
        ):
            rows.append(_settle_row(s, bodies))
            continue
        records += (
            record + m.id,
            f"{_SUBMITTED}\x1f{account}\x1f{s.sent_ms}\x1f\x1f\x1f{s.fates}",
            s.decision,
        )
        ids.append(m.id)
        campaigns[m.campaign] = campaigns.get(m.campaign, 0) + 1
        if s.ids[0]:
            correlations += (s.ids[0], m.id)
    left = [part for lane in lanes.items() for part in lane]
    moved = [part for campaign in campaigns.items() for part in campaign]
    return left, [records, correlations, moved, "".join(ids)], rows, bodies


def _settle_row(s: Settle, bodies: list[bytes]) -> list[Any]:
    m = s.message
    body = 0
    if s.kind is not Kind.submitted:
        bodies.append(_encode(m))
        body = len(bodies) + 1
    return [
        s.kind, s.lane, s.entry, m.id, m.client, m.campaign, m.ref, m.to, s.state, s.error,
        s.fates, str(m.attempt), str(s.sent_ms), s.ids, body, s.due_ms, s.reason, s.resumed,
        s.target, s.decision, s.unnoted,
    ]  # fmt: skip


def _receipt_rows(items: list[ReceiptItem]) -> tuple[bool, list[Any], dict[int, tuple[str, ...]]]:
    """Whether to ask for further readings, the receipts' values, and the readings by place."""
    values: list[Any] = []
    readings: dict[int, tuple[str, ...]] = {}
    ask = False
    for place, item in enumerate(items, 1):
        r = item.receipt
        values += (
            item.key, r.to, r.sender, -1 if r.reference is None else r.reference, int(item.state),
            r.error.replace(":", " "), r.carrier_message_id, item.done_at,
        )  # fmt: skip
        if item.others is None:
            ask = True
        elif item.others:
            readings[place] = item.others
    return ask, values, readings
