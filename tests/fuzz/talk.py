"""The far end of a real connection: it binds and answers as it should, and says much else too.

What it is owed for each PDU is kept, by sequence_number: no request of its own goes without
its one answer, and nothing is answered that asks for none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

from benchmarks.fuzz.expect import GENERIC_NACK, RESPONSE_BIT, RINVCMDLEN, Expected, expected
from benchmarks.fuzz.mutate import NUMBERS, Mutator, Seed
from benchmarks.fuzz.seeds import seeds

from gateway.smpp.codec import pack_header, unpack_header
from gateway.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    answer,
    decode,
    encode,
)
from gateway.smpp.session import Role, SessionState

SECONDS = 60.0
BATCH = 100
OURS = 0x7000_0000
"""From here on the numbers of what is not mutated; the others are below, or special ones."""


class Talk:
    """One bound connection to a process whose session has the role ``reader``."""

    def __init__(
        self, reader: Role, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], seed: int
    ) -> None:
        known = [Seed(octets) for octets in seeds(reader)]
        self._mutator = Mutator(known, Random(seed), rough=False)
        self._expected = expected(reader, SessionState.BOUND_TRX)
        self._in, self._out = streams
        self._next = OURS
        self.owed: Counter[int] = Counter()
        self._unowed: set[int] = set()
        self.met: Counter[str] = Counter()
        self.messages: list[Any] = []
        """The submit_sm or deliver_sm that came."""
        self.answers: dict[int, Pdu] = {}
        """To what was not mutated."""
        self.odd: list[Pdu] = []
        """Answers to nothing."""
        self.closed = False
        self._came = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def fuzz(self, pdus: int) -> None:
        """So many mutated PDUs, an enquire_link after each :data:`BATCH` that must be answered."""
        for _ in range(0, pdus, BATCH):
            self._out.write(b"".join(self._mutated() for _ in range(BATCH)))
            await self.ask(EnquireLink())

    async def ask(self, request: Any) -> Any:
        """The answer to a request of ours."""
        self._next += 1
        number = self._next
        self.owed[number] += 1
        self._out.write(encode(type(request)(number, *_values(request)[1:])))
        await self.until(lambda: number in self.answers)
        return self.answers.pop(number)

    def tell(self, pdu: Pdu) -> None:
        """Write it, whatever comes of it."""
        self._out.write(encode(pdu))

    async def settled(self) -> None:
        """Wait until nothing is owed."""
        await self.until(lambda: not +self.owed)
        assert not self.odd, self.odd
        assert not -self.owed

    async def lose_the_framing(self) -> None:
        """A command_length of 3: generic_nack, and the connection ends."""
        self._out.write(pack_header(3, 4, 0, 1))
        self.owed[0] += 1
        await self.until(lambda: self.closed)
        assert not +self.owed
        assert self.met[f"nack {RINVCMDLEN}"]

    async def until(self, condition: Any) -> None:
        """Wait for what the reading brings about."""
        async with asyncio.timeout(SECONDS):
            while not condition():
                assert not self.closed, f"the connection ended; owed {self.owed.total()}"
                self._came.clear()
                await self._came.wait()

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._out.transport.abort()

    def _mutated(self) -> bytes:
        while True:
            frame, _ = self._mutator.next([])
            _, command_id, _, number = unpack_header(frame)
            how = self._expected.get(command_id)
            if how is Expected.END or OURS <= number < OURS + 0x100_0000:
                continue
            if how is Expected.NOTED:
                if self.owed[number] or number in NUMBERS:
                    continue  # a generic_nack could be meant for either
                self._unowed.add(number)
            elif how is not None or not command_id & RESPONSE_BIT:
                self.owed[number] += 1
            return frame

    async def _read(self) -> None:
        try:
            while True:
                head = await self._in.readexactly(4)
                rest = await self._in.readexactly(int.from_bytes(head, "big") - 4)
                self._take(decode(head + rest))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True
            self._came.set()

    def _take(self, pdu: Pdu) -> None:
        number = pdu.sequence_number
        if not pdu.command_id & RESPONSE_BIT:
            self._asked(pdu)
            return
        if self.owed[number] > 0:
            self.owed[number] -= 1
        elif not (pdu.command_id == GENERIC_NACK and number in self._unowed):
            self.odd.append(pdu)
        if OURS <= number <= self._next:
            self.answers[number] = pdu
        if pdu.command_id == GENERIC_NACK:
            self.met[f"nack {pdu.command_status}"] += 1
        self._came.set()

    def _asked(self, pdu: Pdu) -> None:
        if isinstance(pdu, SubmitSm):
            self.tell(SubmitSmResp(pdu.sequence_number, 0, (), "the-id"))
        elif isinstance(pdu, DeliverSm):
            self.tell(DeliverSmResp(pdu.sequence_number))
        else:
            self.tell(answer(pdu))
        if isinstance(pdu, SubmitSm | DeliverSm):
            self.messages.append(pdu)
        self._came.set()


class Carrier:
    """Listens, takes every bind, and hands on a :class:`Talk` for each."""

    def __init__(self) -> None:
        self.talks: asyncio.Queue[Talk] = asyncio.Queue()
        self.binds = 0
        self._made: list[Talk] = []

    async def __aenter__(self) -> Carrier:
        self._server = await asyncio.start_server(self._bind, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for talk in self._made:
            await talk.close()

    async def bound(self) -> Talk:
        """The next bind."""
        async with asyncio.timeout(SECONDS):
            return await self.talks.get()

    async def _bind(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(4)
        request = decode(head + await reader.readexactly(int.from_bytes(head, "big") - 4))
        assert isinstance(request, BindTransceiver)
        writer.write(encode(BindTransceiverResp(request.sequence_number, 0, (), "fuzz")))
        self.binds += 1
        self._made.append(Talk(Role.ESME, (reader, writer), self.binds))
        self.talks.put_nowait(self._made[-1])


async def bound_to(port: int, seed: int) -> Talk:
    """An ESME bound to the carrier on ``port``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(encode(BindTransceiver(1, system_id="fuzz")))
    octets = await reader.readexactly(4)
    response = decode(octets + await reader.readexactly(int.from_bytes(octets, "big") - 4))
    assert isinstance(response, BindTransceiverResp)
    assert response.command_status == 0
    return Talk(Role.SMSC, (reader, writer), seed)


def _values(pdu: Any) -> list[Any]:
    return [getattr(pdu, name) for name in pdu.__struct_fields__]
