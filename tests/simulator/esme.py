"""An ESME for the tests of the simulated carrier: our session in its own role, on a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from gateway.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    Pdu,
    Response,
    SubmitSm,
)
from gateway.smpp.session import (
    Answered,
    BindRefused,
    Bound,
    Closed,
    Event,
    Received,
    Role,
    Session,
)

PATIENCE_S = 5.0

T = TypeVar("T")


class Esme:
    """Everything that comes in is kept in ``seen``, in its order; waits are bounded."""

    def __init__(self) -> None:
        self.session = Session(Role.ESME, window=10_000)
        self.seen: list[Event] = []
        self.answer: Callable[[DeliverSm], int | None] = lambda _: 0
        """The status with which a deliver_sm is answered; None: it is not."""
        self.heard = 0
        """Reads that brought something."""
        self._came = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, port: int) -> Esme:
        self._reader, self._writer = await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", port), PATIENCE_S
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def bind(
        self,
        port: int,
        kind: type[BindTransmitter] | type[BindReceiver] | type[BindTransceiver] = BindTransceiver,
        system_id: str = "recado",
        password: str = "",
    ) -> int:
        """Connect and bind; the status of the response."""
        await self.connect(port)
        self.send(kind(system_id=system_id, password=password))
        return await self.until(self._bind_status)

    def _bind_status(self) -> int | None:
        event = self.first(Bound) or self.first(BindRefused)
        return None if event is None else event.response.command_status

    def send(self, *requests: Pdu) -> None:
        """Write the requests at once."""
        for request in requests:
            self.session.send(request, time.monotonic(), request)
        self._writer.write(self.session.data_to_send())

    async def responses(self, number: int) -> list[Response]:
        """So many answers to submits, in the order in which they came."""

        def enough() -> list[Response] | None:
            found = [response for response in self._answers() if not of_link(response)]
            return found if len(found) >= number else None

        return await self.until(enough)

    async def heard_out(self) -> None:
        """Wait until the carrier has read all that was written, by asking it something."""
        before = sum(map(of_link, self._answers()))
        self.send(EnquireLink())
        await self.until(lambda: True if sum(map(of_link, self._answers())) > before else None)

    def _answers(self) -> list[Response]:
        return [event.response for event in self.seen if isinstance(event, Answered)]

    async def delivered(self, number: int) -> list[DeliverSm]:
        """So many deliver_sm, in the order in which they came."""

        def enough() -> list[DeliverSm] | None:
            found = self.deliveries()
            return found if len(found) >= number else None

        return await self.until(enough)

    def deliveries(self) -> list[DeliverSm]:
        return [
            event.pdu
            for event in self.seen
            if isinstance(event, Received) and isinstance(event.pdu, DeliverSm)
        ]

    async def closed(self) -> Closed:
        return await self.until(lambda: self.first(Closed))

    def first(self, kind: type[T]) -> T | None:
        return next((event for event in self.seen if isinstance(event, kind)), None)

    async def until(self, found: Callable[[], T | None]) -> T:
        """What ``found`` gives, as soon as it gives something."""
        async with asyncio.timeout(PATIENCE_S):
            while (value := found()) is None:
                self._came.clear()
                await self._came.wait()
            return value

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._writer.transport.abort()

    async def _read(self) -> None:
        while not self.session.close_expected():
            try:
                data = await self._reader.read(65_536)
            except ConnectionError:
                data = b""
            if data:
                self._see(self.session.receive_data(data, time.monotonic()))
            else:
                self._see(self.session.receive_eof())
        self._writer.close()

    def write(self, octets: bytes) -> None:
        """Anything at all."""
        self._writer.write(octets)

    def acknowledge(self) -> None:
        """Answer now what :attr:`answer` left unanswered."""
        for pdu in self.deliveries():
            self.session.respond(DeliverSmResp(pdu.sequence_number))
        self._writer.write(self.session.data_to_send())

    def _see(self, events: list[Event]) -> None:
        self.heard += 1
        for event in events:
            self.seen.append(event)
            if isinstance(event, Received) and isinstance(event.pdu, DeliverSm):
                status = self.answer(event.pdu)
                if status is not None:
                    self.session.respond(DeliverSmResp(event.pdu.sequence_number, status))
        self._writer.write(self.session.data_to_send())
        self._came.set()


def of_link(response: Response) -> bool:
    """Whether it answers an enquire_link."""
    return isinstance(response, EnquireLinkResp)


def submit(number: int, text: bytes = b"hola", **fields: object) -> SubmitSm:
    """A submit to the ``number``th debtor that asks for a receipt."""
    settings = {
        "source_addr": "3450",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": f"569{number:08d}",
        "registered_delivery": 1,
        "short_message": text,
    } | fields
    return SubmitSm(**settings)  # type: ignore[arg-type]
