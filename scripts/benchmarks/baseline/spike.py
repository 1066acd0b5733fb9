"""The whole life of a message in one loop: put, claim, submit, settle, receipt."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from benchmarks import resp
from benchmarks.baseline import scripts, wire
from benchmarks.baseline.commit import GroupCommit

STEPS = ("PUT", "CLAIM", "SETTLE", "RECEIPT")
"""Each has a connection of its own, so that what runs at once shares one fsync."""
Claimed = tuple[bytes, bytes]
"""entry id, body."""
Settled = tuple[bytes, bytes, bytes]
"""entry id, message id, carrier id."""


@dataclass(frozen=True)
class Settings:
    """How the spike runs."""

    socket: Path
    port: int
    size: int
    binds: int = 2
    window: int = 100
    largest: int = 200
    """Items in one group commit."""
    system_id: str = "recado"
    password: str = "recado"


def messages(size: int) -> Iterator[bytes]:
    """Bodies (``id|recipient|text``) of one segment, each to a number of its own."""
    text = b"Estimado cliente, su cuota vence este viernes. Pague en linea o llame al 600 123 4567."
    for number in range(size):
        yield b"%024x|569%08d|%b Ref. %020d" % (number, number, text, number)


class Bind(asyncio.Protocol):
    """One bound session: its window, and the requests in it."""

    def __init__(self, spike: Spike) -> None:
        self._spike = spike
        self._buffer = b""
        self._sequence = 1
        self._transport: asyncio.Transport | None = None
        self.outstanding: dict[int, Claimed] = {}
        self.bound: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        settings = self._spike.settings
        self.write(wire.bind_transceiver(settings.system_id, settings.password))

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._spike.lost(exc or ConnectionError("the carrier closed the connection"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def free(self) -> int:
        """Slots of the window that are free."""
        return self._spike.settings.window - len(self.outstanding)

    def submit(self, claimed: list[Claimed]) -> None:
        """Write these, and remember each before it is written."""
        pdus = []
        sequence = self._sequence
        for item in claimed:
            sequence += 1
            _, to, text = item[1].split(b"|", 2)
            self.outstanding[sequence] = item
            pdus.append(wire.submit_sm(sequence, to, text))
        self._sequence = sequence
        self.write(b"".join(pdus))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        unpack = wire.HEADER.unpack_from
        start, end = 0, len(buffer)
        settled: list[Settled] = []
        receipts: list[tuple[Bind, int, bytes]] = []
        while end - start >= 16:
            length, command, status, sequence = unpack(buffer, start)
            if end - start < length:
                break
            if command == wire.SUBMIT_SM_RESP:
                entry, body = self.outstanding.pop(sequence)
                if status:
                    raise ConnectionError(f"the carrier refused a submit_sm: {status:#x}")
                settled.append((entry, body[:24], buffer[start + 16 : start + length - 1]))
            elif command == wire.DELIVER_SM:
                receipts.append((self, sequence, wire.receipt_id(buffer[start : start + length])))
            else:
                self._other(command, status, sequence)
            start += length
        self._buffer = buffer[start:]
        self._spike.heard(settled, receipts)

    def _other(self, command: int, status: int, sequence: int) -> None:
        if command == wire.ENQUIRE_LINK:
            self.write(wire.enquire_link_resp(sequence))
        elif command == wire.BIND_TRANSCEIVER_RESP and not status:
            self.bound.set_result(None)
        else:
            raise ConnectionError(f"unexpected PDU {command:#x}, status {status:#x}")


class Spike:
    """Everything between the store and the carrier."""

    def __init__(self, settings: Settings, lines: dict[str, resp.RedisLine]) -> None:
        self.settings = settings
        self._lines = lines
        self._binds: list[Bind] = []
        self._claimed: deque[Claimed] = deque()
        self._claiming = False
        self._sha: dict[str, bytes] = {}
        self._settle = GroupCommit(self._commit_settle, self._after_settle, settings.largest)
        self._receipts = GroupCommit(self._commit_receipts, self._after_receipts, settings.largest)
        self._early: list[tuple[Bind, int, bytes]] = []
        self.settled = 0
        self.receipted = 0
        self.wanted_receipts = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def prepare(self) -> None:
        """Load the scripts and make the lane with its group."""
        first = self._lines["PUT"]
        await first.call("FLUSHALL")
        for name in STEPS:
            self._sha[name] = await first.call("SCRIPT", "LOAD", getattr(scripts, name))
        await first.call("XGROUP", "CREATE", scripts.LANE, scripts.GROUP, "0", "MKSTREAM")

    def _run(self, step: str, *words: bytes | int) -> asyncio.Future[Any]:
        """One script on the step's own connection."""
        return self._lines[step].call("EVALSHA", self._sha[step], 1, scripts.LANE, *words)

    async def fill(self) -> None:
        """Put every message, batch after batch; each put wakes the pump."""
        batch: list[bytes] = []
        for body in messages(self.settings.size):
            batch.append(body)
            if len(batch) == self.settings.largest:
                await self._put(batch)
                batch = []
        if batch:
            await self._put(batch)

    async def _put(self, bodies: list[bytes]) -> None:
        await self._run("PUT", *bodies)
        self._pump()

    async def bind(self) -> None:
        """Connect and bind every session."""
        loop = asyncio.get_running_loop()
        for _ in range(self.settings.binds):
            _, bind = await loop.create_connection(
                lambda: Bind(self), "127.0.0.1", self.settings.port
            )
            self._binds.append(bind)
        await asyncio.gather(*(bind.bound for bind in self._binds))

    def close(self) -> None:
        """Leave the carrier."""
        for bind in self._binds:
            bind.close()

    def lost(self, error: Exception) -> None:
        """A bind went down: the run is worth nothing."""
        if not self.done.done():
            self.done.set_exception(error)

    def start(self) -> None:
        """Begin to send."""
        self._pump()

    def heard(self, settled: list[Settled], receipts: list[tuple[Bind, int, bytes]]) -> None:
        """What one read brought: slots are free at the response, not at its commit."""
        if settled:
            self._settle.extend(settled)
            self._pump()
        if receipts:
            self._receipts.extend(receipts)

    def _pump(self) -> None:
        for bind in self._binds:
            size = min(bind.free(), len(self._claimed))
            if size:
                take = self._claimed.popleft
                bind.submit([take() for _ in range(size)])
        self._claim()

    def _claim(self) -> None:
        """Keep at most one window a bind claimed ahead of what is in the windows."""
        ahead = self.settings.window * len(self._binds) - len(self._claimed)
        if self._claiming or ahead <= 0 or not self._binds:
            return
        self._claiming = True
        future = self._run("CLAIM", ahead)
        future.add_done_callback(self._after_claim)

    def _after_claim(self, future: asyncio.Future[Any]) -> None:
        self._claiming = False
        flat: list[bytes] = future.result()
        if flat:
            self._claimed.extend(zip(flat[::2], flat[1::2], strict=True))
            self._pump()

    def _commit_settle(self, batch: list[Settled]) -> asyncio.Future[Any]:
        words = [word for item in batch for word in item]
        return self._run("SETTLE", *words)

    def _after_settle(self, batch: list[Settled], _: Any) -> None:
        self.settled += len(batch)
        if self._early:
            self._receipts.extend(self._early)
            self._early = []
        self._look()

    def _commit_receipts(self, batch: list[tuple[Bind, int, bytes]]) -> asyncio.Future[Any]:
        words = [word for item in batch for word in (item[2], b"delivered")]
        return self._run("RECEIPT", *words)

    def _after_receipts(self, batch: list[tuple[Bind, int, bytes]], early: list[int]) -> None:
        for place in reversed(early):
            self._early.append(batch.pop(place))
        answers: dict[Bind, list[bytes]] = {}
        for bind, sequence, _ in batch:
            answers.setdefault(bind, []).append(wire.deliver_sm_resp(sequence))
        for bind, pdus in answers.items():
            bind.write(b"".join(pdus))
        self.receipted += len(batch)
        self._look()

    def _look(self) -> None:
        complete = self.settled >= self.settings.size and self.receipted >= self.wanted_receipts
        if complete and not self.done.done():
            self.done.set_result(None)


async def lifecycle(settings: Settings) -> float:
    """Put, submit, response, settle and receipt of every message; messages a second."""
    spike = await _ready(settings)
    spike.wanted_receipts = settings.size
    await spike.bind()
    started = time.perf_counter()
    await spike.fill()
    return await _finished(spike, started)


async def drain(settings: Settings) -> float:
    """Send what is queued already, without receipts; messages a second, settled."""
    spike = await _ready(settings)
    await spike.fill()
    await spike.bind()
    started = time.perf_counter()
    spike.start()
    return await _finished(spike, started)


async def _ready(settings: Settings) -> Spike:
    lines = {step: await resp.connect(settings.socket) for step in STEPS}
    spike = Spike(settings, lines)
    await spike.prepare()
    return spike


async def _finished(spike: Spike, started: float) -> float:
    await spike.done
    seconds = time.perf_counter() - started
    spike.close()
    return spike.settings.size / seconds
