"""What goes over a carrier's wire, told while it happens to whoever watches.

While nobody does, ``bind.tap`` is None and nothing here runs. A tap cuts the octets of its bind
into PDUs and puts them, as they are, on the queue of each watcher; they are decoded and masked
when the watcher takes them. A queue is bounded: what a slow watcher has no room for is dropped
before it has cost anything more, and the watcher is told how many PDUs and events it missed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gateway.carrier.session import Bind
from gateway.carrier.told import UNFRAMED, Record, Show, line
from gateway.config import Carrier
from gateway.smpp.framing import FramingError, split

QUEUE_RECORDS = 2_000
"""PDUs that wait for one watcher."""
QUEUE_OCTETS = 1024 * 1024
"""Octets of them."""
LONGEST_PDU = 65_536
"""Octets; the session reads none longer."""


class Watcher:
    """One who watches: takes lines, or misses them."""

    def __init__(self, carrier: Carrier, show: Show, leave: Callable[[Watcher], None]) -> None:
        self._carrier = carrier
        self._show = show
        self._leave = leave
        self._records: deque[Record] = deque()
        self._octets = 0
        self._lost = 0
        self._fresh = asyncio.Event()

    def put(self, record: Record) -> None:
        """Keep a record until it is taken; without room for it, count it."""
        size = len(record.octets)
        if len(self._records) >= QUEUE_RECORDS or self._octets + size > QUEUE_OCTETS:
            self._lost += 1
            return
        self._tell_lost(record.at_ns)
        self._records.append(record)
        self._octets += size
        self._fresh.set()

    async def fresh(self) -> None:
        """Return when there is something to tell."""
        await self._fresh.wait()

    def lines(self, most: int) -> list[dict[str, Any]]:
        """The next lines, at most so many."""
        found: list[dict[str, Any]] = []
        while self._records and len(found) < most:
            record = self._records.popleft()
            self._octets -= len(record.octets)
            found.append(line(self._carrier, record, self._show))
        if not self._records:
            self._tell_lost(time.time_ns())
        if not self._records:
            self._fresh.clear()
        return found

    def leave(self) -> None:
        """Watch no more."""
        self._records.clear()
        self._leave(self)

    def _tell_lost(self, at_ns: int) -> None:
        """What was missed stands where it was missed."""
        if self._lost:
            self._records.append(Record(at_ns, lost=self._lost))
            self._lost = 0


class Trace:
    """Who watches one account; its binds have taps while somebody does."""

    def __init__(self, carrier: Carrier, binds: Sequence[Bind]) -> None:
        self._carrier = carrier
        self._binds = binds
        self._watchers: list[Watcher] = []

    def watch(self, show: Show) -> Watcher:
        """A new watcher, who is first told how each bind is."""
        watcher = Watcher(self._carrier, show, self._left)
        for bind in self._binds:
            watcher.put(
                Record(
                    time.time_ns(),
                    bind.index,
                    bind.mode,
                    event="bind",
                    state=bind.state.value,
                    reason=bind.reason,
                )
            )
        self._watchers.append(watcher)
        for bind in self._binds:
            if bind.tap is None:
                bind.tap = BindTap(bind, self._put)
        return watcher

    def _put(self, record: Record) -> None:
        for watcher in self._watchers:
            watcher.put(record)

    def _left(self, watcher: Watcher) -> None:
        if watcher in self._watchers:
            self._watchers.remove(watcher)
        if not self._watchers:
            for bind in self._binds:
                bind.tap = None


class BindTap:
    """The tap of one bind, over its connections: octets in, records out. It never raises."""

    def __init__(self, bind: Bind, put: Callable[[Record], None]) -> None:
        self._index, self._mode = bind.index, bind.mode
        self._put = put
        # What the bind writes are whole PDUs; what it reads may be in the middle of one.
        self._begun = {"in": bytearray(bind.session.begun), "out": bytearray()}
        self._deaf: set[str] = set()

    def octets(self, direction: str, octets: bytes) -> None:
        """They go over the wire: cut them into PDUs and tell each."""
        if direction in self._deaf:
            return
        at_ns = time.time_ns()
        buffer = self._begun[direction]
        buffer += octets
        while frames := split(buffer, LONGEST_PDU):
            if isinstance(frames, FramingError):
                what = Record(
                    at_ns, self._index, self._mode, direction, bytes(buffer[:LONGEST_PDU]),
                    event=UNFRAMED, reason=frames.reason,
                )  # fmt: skip
                self._put(what)
                self._deaf.add(direction)
                buffer.clear()
                return
            for frame in frames:
                self._put(Record(at_ns, self._index, self._mode, direction, frame))

    def event(self, event: str, reason: str = "") -> None:
        """Something happened to the connection; a new one begins with a new PDU."""
        if event == "connected":
            self._deaf.clear()
            for buffer in self._begun.values():
                buffer.clear()
        self._put(Record(time.time_ns(), self._index, self._mode, event=event, reason=reason))
