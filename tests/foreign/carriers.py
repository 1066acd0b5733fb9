"""Carriers on the code of others, behind one face."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.foreign.process import Program

Json = dict[str, Any]


@dataclass(frozen=True)
class Arrived:
    """A submit as the other side's decoder read it."""

    sender: tuple[str, int, int]
    recipient: tuple[str, int, int]
    text: str
    udh: tuple[str, ...]
    """The elements of the header, in hexadecimal."""
    esm_class: int
    data_coding: int
    registered_delivery: int
    reference: int | None
    """user_message_reference."""
    message_id: str
    status: int

    def part(self) -> tuple[int, int, int]:
        """Reference, total and part that the header says."""
        (element,) = self.udh
        octets = bytes.fromhex(element)
        assert (octets[0], octets[1]) in ((0, 3), (8, 4))
        return int.from_bytes(octets[2:-2], "big"), octets[-2], octets[-1]


class Carrier(Protocol):
    """What every one of them can do."""

    port: int
    binds: list[str]
    """bind_transceiver and the like, in the order in which they came."""

    @property
    def submits(self) -> list[Arrived]: ...

    async def rule(self, to: str, status: int, times: int = -1) -> None:
        """Refuse submits to numbers that end so, the first ``times``."""

    async def reply(self, sender: str, to: str, *octets: bytes, **fields: int) -> list[int]:
        """deliver_sm, one for each of ``octets``; what each was answered."""

    async def unbind(self) -> None:
        """Ask every ESME to part, and wait for the answers."""

    async def close(self) -> None: ...


# npm's smpp


class NodeCarrier:
    """``node/carrier.js``."""

    def __init__(self, program: Program, port: int) -> None:
        self.program, self.port = program, port

    @classmethod
    async def start(cls, folder: Path, *words: str) -> NodeCarrier:
        program = await Program.start("carrier.js", folder, *words)
        (said,) = await program.until("listening")
        return cls(program, said["port"])

    @property
    def binds(self) -> list[str]:
        return [said["command"] for said in self.program.said("bind")]

    @property
    def submits(self) -> list[Arrived]:
        return [
            Arrived(
                sender=(s["source_addr"], s["source_addr_ton"], s["source_addr_npi"]),
                recipient=(s["destination_addr"], s["dest_addr_ton"], s["dest_addr_npi"]),
                text=s["text"],
                udh=tuple(s["udh"]),
                esm_class=s["esm_class"],
                data_coding=s["data_coding"],
                registered_delivery=s["registered_delivery"],
                reference=s.get("user_message_reference"),
                message_id=s["message_id"],
                status=s["status"],
            )
            for s in self.program.said("submit")
        ]

    async def rule(self, to: str, status: int, times: int = -1) -> None:
        await self.program.ask("rule", to=to, status=status, times=times)

    async def reply(self, sender: str, to: str, *octets: bytes, **fields: int) -> list[int]:
        parts = [{"hex": text.hex()} for text in octets]
        asked = self.program.ask(
            "reply", source_addr=sender, destination_addr=to, parts=parts, **fields
        )
        answers: list[int] = (await asked)["answers"]
        return answers

    async def unbind(self) -> None:
        said = await self.program.ask("unbind")
        assert {(a["command"], a["status"]) for a in said["answers"]} == {("unbind_resp", 0)}

    async def close(self) -> None:
        await self.program.close()


# smpp34, which is Rust


ALPHABETS = {8: "utf-16-be"}


def read_text(octets: bytes, esm_class: int, data_coding: int) -> tuple[str, tuple[str, ...]]:
    """The text and the elements of its header; this library leaves both to its caller.

    Its test texts keep to where GSM 03.38, Latin-1 and ASCII agree, or are UCS-2.
    """
    elements: list[str] = []
    if esm_class & 0x40:
        header, octets = octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
        while header:
            elements.append(header[: header[1] + 2].hex())
            header = header[header[1] + 2 :]
    return octets.decode(ALPHABETS.get(data_coding, "latin-1")), tuple(elements)


@dataclass
class RustCarrier:
    """``smpp34.Server``, whose sessions live in Rust's threads."""

    server: Any
    port: int
    binds: list[str] = field(default_factory=list)
    submits: list[Arrived] = field(default_factory=list)
    receipts: list[int] = field(default_factory=list)
    """What our side answered to each."""

    def __post_init__(self) -> None:
        self._rules: list[list[Any]] = []
        self._esmes: dict[str, Any] = {}
        self._ids = itertools.count(0x7FFF_FFF1)
        self._serving = asyncio.create_task(self._serve())
        self._sending: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls) -> RustCarrier:
        smpp34 = pytest.importorskip("smpp34")
        # It does not tell which port it was given, so the port is asked for beforehand.
        for _ in range(20):
            with socket.socket() as asked:
                asked.bind(("127.0.0.1", 0))
                port = asked.getsockname()[1]
            server = smpp34.Server("127.0.0.1", port, system_id="rust")
            with contextlib.suppress(smpp34.SmppError):
                await server.start()
                return cls(server, port)
        raise AssertionError("no port was free for the carrier")

    async def rule(self, to: str, status: int, times: int = -1) -> None:
        self._rules.append([to, status, times])

    async def reply(self, sender: str, to: str, *octets: bytes, **fields: int) -> list[int]:
        esme = next(esme for esme in self._esmes.values() if esme.can_receive)
        return [
            (await esme.deliver_sm(to, text, source_addr=sender, **fields)).command_status
            for text in octets
        ]

    async def unbind(self) -> None:
        for esme in list(self._esmes.values()):
            await esme.unbind()

    async def close(self) -> None:
        for task in (self._serving, *self._sending):
            task.cancel()
        await asyncio.gather(self._serving, *self._sending, return_exceptions=True)
        await self.server.stop()

    async def _serve(self) -> None:
        import smpp34

        while True:
            event = await self.server.next()
            if isinstance(event, smpp34.Esme):
                self._esmes[event.session_id] = event
                self.binds.append("receives" if event.can_receive else "bind_transmitter")
            elif isinstance(event, smpp34.Unbound):
                self._esmes.pop(event.session_id, None)
            elif isinstance(event, smpp34.SubmitSmEvent):
                self._take(event)

    def _take(self, event: Any) -> None:
        status = 0
        for rule in self._rules:
            if event.destination_addr.endswith(rule[0]) and rule[2] != 0:
                rule[2] -= 1
                status = rule[1]
                break
        message_id = str(next(self._ids))
        text, udh = read_text(event.short_message, event.esm_class, event.data_coding)
        values = {tlv.tag: tlv.as_int() for tlv in event.tlvs}
        self.submits.append(
            Arrived(
                sender=(event.source_addr, event.source_addr_ton, event.source_addr_npi),
                recipient=(event.destination_addr, event.dest_addr_ton, event.dest_addr_npi),
                text=text,
                udh=udh,
                esm_class=event.esm_class,
                data_coding=event.data_coding,
                registered_delivery=event.registered_delivery,
                reference=values.get(0x0204),
                message_id=message_id,
                status=status,
            )
        )
        if status:
            event.reject(status)
            return
        event.accept(message_id)
        if event.registered_delivery & 1:
            task = asyncio.create_task(self._receipt(event, message_id))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _receipt(self, event: Any, message_id: str) -> None:
        import smpp34

        esme = next((esme for esme in self._esmes.values() if esme.can_receive), None)
        if esme is None:
            return
        text = f"id:{message_id} sub:001 dlvrd:001 submit date:2611220000 "
        text += "done date:2611220001 stat:DELIVRD err:000 text:"
        tlvs = [
            smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
            smpp34.Tlv(smpp34.TLV_MESSAGE_STATE, b"\x02"),
        ]
        answered = await esme.deliver_sm(
            event.source_addr,
            text.encode(),
            source_addr=event.destination_addr,
            esm_class=4,
            tlvs=tlvs,
        )
        self.receipts.append(answered.command_status)
