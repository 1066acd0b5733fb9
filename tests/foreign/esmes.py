"""ESMEs on the code of others, behind one face."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiosmpplib
import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
from aiosmpplib.hook import AbstractHook

from tests.carrier.conftest import LIMIT
from tests.foreign.carriers import read_text
from tests.foreign.process import Program

SENDER = "3450"


@dataclass(frozen=True)
class Delivered:
    """A deliver_sm as the other side's decoder read it."""

    sender: str
    recipient: str
    esm_class: int
    text: str


class Esme(Protocol):
    """What every one of them can do."""

    async def bind(self, port: int, mode: str, password: str) -> bool:
        """``mode``: transceiver, transmitter or receiver. False: refused."""

    async def submit(self, to: str, text: str) -> list[tuple[int, str]]:
        """One submit, or as many as its own library cuts ``text`` into; what each was answered."""

    async def delivered(self, number: int) -> list[Delivered]:
        """Wait for so many deliver_sm."""

    async def enquire(self) -> None:
        """enquire_link, and its answer."""

    async def parted(self) -> None:
        """Wait until the carrier has asked to part."""

    async def unbind(self) -> None:
        """Part in order, and see the answer."""

    async def close(self) -> None: ...


# smpplib


class Smpplib:
    """``smpplib.client.Client``, which blocks: each step is a thread's."""

    def __init__(self) -> None:
        self._client: Any = None
        self._sent: list[Any] = []
        self._delivered: list[Delivered] = []

    async def bind(self, port: int, mode: str, password: str) -> bool:
        self._client = smpplib.client.Client(
            "127.0.0.1", port, timeout=LIMIT, allow_unknown_opt_params=True
        )
        self._client.set_message_sent_handler(lambda pdu: self._sent.append(pdu))
        # An error goes to the other handler as well.
        self._client.set_error_pdu_handler(lambda pdu: None)
        self._client.set_message_received_handler(self._take)

        def bind() -> bool:
            self._client.connect()
            try:
                getattr(self._client, f"bind_{mode}")(system_id="recado", password=password)
            except smpplib.exceptions.PDUError as error:
                return bool(error.args[1] != smpplib.consts.SMPP_ESME_RINVPASWD)
            return True

        return await asyncio.to_thread(bind)

    async def submit(self, to: str, text: str) -> list[tuple[int, str]]:
        parts, data_coding, esm_class = smpplib.gsm.make_parts(text)

        def submit() -> list[Any]:
            found = []
            for part in parts:
                sent = self._client.send_message(
                    source_addr=SENDER,
                    dest_addr_ton=1,
                    dest_addr_npi=1,
                    destination_addr=to,
                    short_message=part,
                    data_coding=data_coding,
                    esm_class=esm_class,
                    registered_delivery=True,
                )
                while not (answers := [a for a in self._sent if a.sequence == sent.sequence]):
                    self._client.read_once(auto_send_enquire_link=False)
                found += answers
            return found

        answers = await asyncio.to_thread(submit)
        return [(a.status, (a.message_id or b"").decode()) for a in answers]

    async def delivered(self, number: int) -> list[Delivered]:
        def read() -> None:
            while len(self._delivered) < number:
                self._client.read_once(auto_send_enquire_link=False)

        await asyncio.to_thread(read)
        return list(self._delivered)

    async def enquire(self) -> None:
        def enquire() -> None:
            request = smpplib.smpp.make_pdu("enquire_link", client=self._client)
            self._client.send_pdu(request)
            answer = self._client.read_pdu()
            assert (answer.command, answer.sequence) == ("enquire_link_resp", request.sequence)

        await asyncio.to_thread(enquire)

    async def parted(self) -> None:
        asked = await asyncio.to_thread(self._client.read_pdu)
        assert asked.command == "unbind"
        answer = smpplib.smpp.make_pdu("unbind_resp", client=self._client)
        answer.sequence = asked.sequence
        # Its table of states lets no client say this.
        self._client._socket.sendall(answer.generate())

    async def unbind(self) -> None:
        answer = await asyncio.to_thread(self._client.unbind)
        assert (answer.command, answer.status) == ("unbind_resp", 0)

    async def close(self) -> None:
        if self._client is not None:
            self._client.disconnect()

    def _take(self, pdu: Any) -> None:
        text, _ = read_text(pdu.short_message, pdu.esm_class or 0, pdu.data_coding or 0)
        self._delivered.append(
            Delivered(
                pdu.source_addr.decode(), pdu.destination_addr.decode(), pdu.esm_class or 0, text
            )
        )


# aiosmpplib


class Hook(AbstractHook):  # type: ignore[misc]
    """All that came, and the octets of all that went."""

    def __init__(self) -> None:
        self.received_: list[tuple[Any, bytes]] = []
        self.errors: list[Exception] = []
        self.came = asyncio.Event()

    async def sending(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        pass

    async def received(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        self.received_.append((smpp_message, pdu))
        self.came.set()

    async def send_error(self, smpp_message: Any, error: Exception, client_id: str) -> None:
        self.errors.append(error)
        self.came.set()


class Kept(aiosmpplib.ESME):  # type: ignore[misc]
    """It forgets its streams without closing them."""

    def __init__(self, *words: Any, **settings: Any) -> None:
        super().__init__(*words, **settings)
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> None:
        try:
            await super().connect()
        finally:
            if self._writer is not None:
                self.writers.append(self._writer)


class Aiosmpplib:
    """``aiosmpplib.ESME``, which binds and keeps the link by itself."""

    def __init__(self) -> None:
        self._hook = Hook()
        self._esme: Any = None
        self._running: asyncio.Task[None] | None = None

    async def bind(self, port: int, mode: str, password: str) -> bool:
        self._esme = Kept(
            "127.0.0.1",
            port,
            "recado",
            password,
            bind_mode=aiosmpplib.BindMode[mode.upper()],
            enquire_link_interval=0.2,
            hook=self._hook,
            log_level=logging.CRITICAL,
            socket_timeout=LIMIT,
        )
        self._running = asyncio.create_task(self._esme.start())
        octets = (await self._until(lambda _, octets: octets[4] == 0x80, 1))[0][1]
        if int.from_bytes(octets[8:12], "big") == 0:
            await asyncio.wait_for(self._esme._bound.wait(), LIMIT)
            return True
        assert int.from_bytes(octets[8:12], "big") == 0x0E
        return False

    async def submit(self, to: str, text: str) -> list[tuple[int, str]]:
        def answers(_: Any, octets: bytes) -> bool:
            return octets[4:8] == b"\x80\0\0\x04"

        before = sum(answers(*came) for came in self._hook.received_)
        phone = aiosmpplib.PhoneNumber
        await self._esme.broker.enqueue(
            aiosmpplib.SubmitSm(
                short_message=text,
                source=phone(SENDER),
                destination=phone(to, aiosmpplib.TON.INTERNATIONAL, aiosmpplib.NPI.ISDN),
                log_id=to,
            )
        )
        found = await self._until(answers, before + 1)
        return [
            (int.from_bytes(octets[8:12], "big"), octets[16:-1].decode())
            for _, octets in found[before:]
        ]

    async def delivered(self, number: int) -> list[Delivered]:
        found = await self._until(lambda pdu, _: isinstance(pdu, aiosmpplib.DeliverSm), number)
        return [
            Delivered(pdu.source.number, pdu.destination.number, pdu.esm_class, pdu.short_message)
            for pdu, _ in found
        ]

    async def enquire(self) -> None:
        await self._until(lambda pdu, _: isinstance(pdu, aiosmpplib.EnquireLinkResp), 2)

    async def parted(self) -> None:
        await self._until(lambda pdu, _: isinstance(pdu, aiosmpplib.Unbind), 1)

    async def unbind(self) -> None:
        await asyncio.wait_for(self._esme.stop(), LIMIT)

    async def close(self) -> None:
        if self._running is None:
            return
        # It loses a cancellation that meets it while it ends a task of its own.
        self._esme._is_shutting_down = True
        async with asyncio.timeout(LIMIT):
            while not self._running.done():
                self._running.cancel()
                await asyncio.wait([self._running], timeout=0.5)
        for writer in self._esme.writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _until(self, fits: Any, number: int) -> list[tuple[Any, bytes]]:
        async with asyncio.timeout(LIMIT):
            while len(found := [came for came in self._hook.received_ if fits(*came)]) < number:
                assert self._hook.errors == []
                self._hook.came.clear()
                await self._hook.came.wait()
        return found


# smpp34, which is Rust


def udh(text: str, size: int) -> list[bytes]:
    """``text`` in UCS-2, cut behind headers: what this library leaves to its caller."""
    octets = text.encode("utf-16-be")
    if len(octets) <= 140:
        return [octets]
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    return [bytes((5, 0, 3, 7, len(pieces), n)) + piece for n, piece in enumerate(pieces, 1)]


MODES = {"transceiver": "TRX", "transmitter": "TX", "receiver": "RX"}


class Rust:
    """``smpp34.Client``."""

    def __init__(self) -> None:
        self._smpp34 = pytest.importorskip("smpp34")
        self._client: Any = None
        self._smsc: Any = None
        self._delivered: list[Delivered] = []

    async def bind(self, port: int, mode: str, password: str) -> bool:
        self._client = self._smpp34.Client(
            "127.0.0.1",
            port,
            "recado",
            password,
            bind_type=MODES[mode],
            connect_timeout_ms=int(LIMIT * 1000) if password == "secret" else 300,
        )
        try:
            self._smsc = await self._client.connect()
        except self._smpp34.SmppError as error:
            # It does not tell a refused bind from one that nobody answers.
            return "bind timed out" not in str(error)
        return True

    async def submit(self, to: str, text: str) -> list[tuple[int, str]]:
        pieces = udh(text, 134)
        answers = [
            await self._smsc.submit_sm(
                to,
                piece,
                source_addr=SENDER,
                dest_addr_ton=1,
                dest_addr_npi=1,
                data_coding=8,
                esm_class=0x40 if len(pieces) > 1 else 0,
                registered_delivery=1,
            )
            for piece in pieces
        ]
        return [(answer.command_status, answer.message_id or "") for answer in answers]

    async def delivered(self, number: int) -> list[Delivered]:
        while len(self._delivered) < number:
            event = await asyncio.wait_for(self._smsc.next(), LIMIT)
            assert isinstance(event, self._smpp34.DeliverSmEvent)
            text, _ = read_text(event.short_message, event.esm_class, event.data_coding)
            self._delivered.append(
                Delivered(event.source_addr, event.destination_addr, event.esm_class, text)
            )
        return list(self._delivered)

    async def enquire(self) -> None:
        raise NotImplementedError

    async def parted(self) -> None:
        event = await asyncio.wait_for(self._smsc.next(), LIMIT)
        while isinstance(event, self._smpp34.DeliverSmEvent):  # came on the way
            event = await asyncio.wait_for(self._smsc.next(), LIMIT)
        assert isinstance(event, self._smpp34.Disconnected)

    async def unbind(self) -> None:
        await self._smsc.unbind()
        await self.parted()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.stop()


# npm's smpp


class Node:
    """``node/esme.js``."""

    def __init__(self, program: Program) -> None:
        self._program = program

    @classmethod
    async def start(cls, folder: Path) -> Node:
        return cls(await Program.start("esme.js", folder))

    async def bind(self, port: int, mode: str, password: str) -> bool:
        answer = await self._program.ask(
            "bind", port=port, command=f"bind_{mode}", system_id="recado", password=password
        )
        assert answer["status"] in (0, 0x0E)
        assert answer.get("system_id") == (None if answer["status"] else "simulator")
        return bool(answer["status"] == 0)

    async def submit(self, to: str, text: str) -> list[tuple[int, str]]:
        # It finds the coding of a text, and cuts none.
        pieces = [text[at : at + 60] for at in range(0, len(text), 60)]
        answers = []
        for number, piece in enumerate(pieces, 1):
            header = bytes((5, 0, 3, 9, len(pieces), number)).hex()
            answers.append(
                await self._program.ask(
                    "submit",
                    source_addr=SENDER,
                    destination_addr=to,
                    dest_addr_ton=1,
                    dest_addr_npi=1,
                    registered_delivery=1,
                    text=piece,
                    **({"udh": header} if len(pieces) > 1 else {}),
                )
            )
        return [(answer["status"], answer.get("message_id", "")) for answer in answers]

    async def delivered(self, number: int) -> list[Delivered]:
        return [
            Delivered(s["source_addr"], s["destination_addr"], s["esm_class"], s["text"])
            for s in await self._program.until("deliver", number)
        ]

    async def enquire(self) -> None:
        assert (await self._program.ask("enquire"))["status"] == 0

    async def parted(self) -> None:
        await self._program.until("unbind")

    async def unbind(self) -> None:
        answer = await self._program.ask("unbind")
        assert (answer["command"], answer["status"]) == ("unbind_resp", 0)

    async def close(self) -> None:
        await self._program.close()
