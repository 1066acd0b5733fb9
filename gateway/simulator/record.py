"""What reached the carrier: a bounded record of submits, and exact counts of all of them.

A *duplicate* is a submit whose recipient, text and part were taken before: the message is on the
wire twice. A *repeat* is one that was seen before and refused, as after ESME_RTHROTTLED. Parts are
compared by their number and their total, never by their reference.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from gateway.simulator.answers import NO_ANSWER, TAKEN
from gateway.simulator.parts import Content
from gateway.simulator.script import Recording
from gateway.simulator.sliding import SlidingSecond
from gateway.simulator.words import OK
from gateway.smpp.pdu import SubmitSm, status_name

LONG_KEPT = 100_000
"""Long messages in the making that are remembered; the oldest is forgotten."""

SECONDS_KEPT = 7_200


class Submission(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One submit_sm as it arrived. ``status`` is NO_ANSWER where none was written."""

    at_ns: int
    account: str
    sender: str
    recipient: str
    text: bytes | int
    """The octets without their header, or a hash of them."""
    reference: int
    total: int
    part: int
    status: int
    data_coding: int = 0


class Record:
    """Counts every submit, keeps the first ``limit`` of them."""

    def __init__(self, limits: Recording) -> None:
        self._limit = limits.submits
        self._texts = limits.texts
        self._taken: set[int] = set()
        self._refused: set[int] = set()
        self._long: dict[tuple[str, str, int, int], set[int]] = {}
        self.submissions: list[Submission] = []
        self.statuses: Counter[int] = Counter()
        self.sliding = SlidingSecond()
        self.seconds: list[int] = []
        self.submits = self.messages = self.long_messages = 0
        self.duplicates = self.repeats = 0
        self.first_at = self.last_at = 0.0

    def arrived(self, now: float, number: int) -> None:
        """``number`` submits came in one read at ``now`` (monotonic seconds)."""
        if not self.submits:
            self.first_at = now
        self.last_at = now
        self.submits += number
        self.sliding.add(now, number)
        self._count_second(int(now - self.first_at), number)

    def add(self, now: float, account: str, submit: SubmitSm, part: Content, status: int) -> None:
        """One submit, and what it is answered."""
        self.statuses[status] += 1
        taken = status in TAKEN
        if taken:
            self._count_message(submit, part)
        if len(self.submissions) >= self._limit:
            return
        recipient, text = submit.destination_addr, part.text
        self._compare(hash((recipient, text, part.total, part.part)), taken)
        self.submissions.append(
            Submission(
                int(now * 1e9),
                account,
                submit.source_addr,
                recipient,
                text if self._texts else hash(text),
                part.reference,
                part.total,
                part.part,
                status,
                submit.data_coding,
            )
        )

    def _compare(self, key: int, taken: bool) -> None:
        if key in self._taken:
            self.duplicates += 1
        elif key in self._refused:
            self.repeats += 1
        (self._taken if taken else self._refused).add(key)

    def _count_message(self, submit: SubmitSm, part: Content) -> None:
        if part.total <= 1:
            self.messages += 1
            return
        key = (submit.source_addr, submit.destination_addr, part.reference, part.total)
        parts = self._long.setdefault(key, set())
        parts.add(part.part)
        if len(parts) == part.total:
            del self._long[key]
            self.messages += 1
            self.long_messages += 1
        elif len(self._long) > LONG_KEPT:
            del self._long[next(iter(self._long))]

    def _count_second(self, second: int, number: int) -> None:
        if second < SECONDS_KEPT:
            self.seconds.extend([0] * (second + 1 - len(self.seconds)))
            self.seconds[second] += number

    def texts(self) -> list[tuple[str, bytes]]:
        """(recipient, octets) of each recorded message that was taken, its parts put together.

        A message is told where its last part came; one whose parts are not all there is left out.
        Only with the texts recorded.
        """
        found: list[tuple[str, bytes]] = []
        open_: dict[tuple[str, str, int, int], dict[int, bytes]] = {}
        for one in self.submissions:
            if one.status not in TAKEN or not isinstance(one.text, bytes):
                continue
            if one.total <= 1:
                found.append((one.recipient, one.text))
                continue
            key = (one.sender, one.recipient, one.reference, one.total)
            parts = open_.setdefault(key, {})
            parts[one.part] = one.text
            if len(parts) == one.total:
                found.append((one.recipient, b"".join(parts[at] for at in sorted(parts))))
                del open_[key]
        return found

    def counts(self) -> dict[str, Any]:
        """The record in numbers, ready for JSON."""
        span = self.last_at - self.first_at
        return {
            "submits": self.submits,
            "taken": self.statuses[OK] + self.statuses[NO_ANSWER],
            "unanswered": self.statuses[NO_ANSWER],
            "statuses": {status_name(c): n for c, n in self.statuses.items() if c != NO_ANSWER},
            "messages": self.messages,
            "long_messages": self.long_messages,
            "long_unfinished": len(self._long),
            "duplicates": self.duplicates,
            "repeats": self.repeats,
            "recorded": len(self.submissions),
            "first_to_last_s": span,
            "rate": (self.submits - 1) / span if span > 0 else 0.0,
            "most_in_a_second": self.sliding.most,
            "seconds": self.seconds,
        }
