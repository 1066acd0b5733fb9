"""Addresses, versions and parameters of a carrier, over a real socket and a real store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from gateway.carrier.inbound import Inbound
from gateway.carrier.session import Bind, takes_optional
from gateway.config import Carrier, ExtraTlv
from gateway.metrics import Metrics
from gateway.simulator.simulator import Simulator
from gateway.smpp.pdu import DataSm, DeliverSm, SubmitSm
from gateway.smpp.session import Session
from gateway.store import Store
from tests.carrier.conftest import Line, until
from tests.carrier.test_inbound import Answers

MakeLine = Callable[..., Awaitable[Line]]
DLT = (ExtraTlv(tag=0x1400, text="1101"),)
NATIONAL = {
    "recipient_strip": "56",
    "recipient_number": (2, 1),
    "sender_strip": "56",
    "sender_add": "0",
}


class Arrived:
    """What a simulated carrier is asked, whole."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.versions: list[int] = []
        self.submits: list[SubmitSm] = []
        asked, submitted = Simulator.asked, Simulator.submitted

        def note_bind(carrier: Simulator, link: Any, request: Any) -> int | None:
            self.versions.append(request.interface_version)
            return asked(carrier, link, request)

        def note_submits(carrier: Simulator, link: Any, submits: Any, now: float) -> None:
            self.submits += submits
            submitted(carrier, link, submits, now)

        monkeypatch.setattr(Simulator, "asked", note_bind)
        monkeypatch.setattr(Simulator, "submitted", note_submits)

    def tags(self) -> list[list[int]]:
        return [[tag for tag, _ in submit.tlvs] for submit in self.submits]


@pytest.fixture
def arrived(monkeypatch: pytest.MonkeyPatch) -> Arrived:
    return Arrived(monkeypatch)


@pytest.mark.parametrize(
    ("version", "announced", "tags"),
    [("3.3", 0x33, []), ("3.4", 0x34, [0x0204, 0x1400]), ("5.0", 0x50, [0x0204, 0x1400])],
)
async def test_a_bind_announces_its_version(
    line: MakeLine, arrived: Arrived, version: str, announced: int, tags: list[int]
) -> None:
    tlvs = () if version == "3.3" else DLT
    on = await line({"interface_version": version}, interface_version=version, tlvs=tlvs)
    await on.put(1)
    await on.until(delivered=1)
    assert arrived.versions == [announced]
    assert arrived.tags() == [tags]


@pytest.mark.parametrize(
    ("says", "tags"), [("3.3", []), ("3.4", [0x0204, 0x1400]), ("none", [0x0204, 0x1400])]
)
async def test_an_smsc_of_3_3_gets_no_optional_parameters(
    line: MakeLine, arrived: Arrived, says: str, tags: list[int]
) -> None:
    on = await line({"interface_version": says}, tlvs=DLT)
    await on.put(1)
    await on.until(delivered=1)
    assert arrived.versions == [0x34]
    assert arrived.tags() == [tags]


@pytest.mark.parametrize("long_messages", ["sar", "payload"])
async def test_an_smsc_of_3_3_gets_long_messages_in_parts(
    line: MakeLine, arrived: Arrived, long_messages: str
) -> None:
    on = await line({"interface_version": "3.3"}, long_messages=long_messages)
    await on.put(1, text="cuota " * 30, segments=2)
    await on.until(delivered=1)
    assert arrived.tags() == [[], []]
    assert [submit.esm_class for submit in arrived.submits] == [0x40, 0x40]


async def test_each_bind_has_the_version_of_its_own_response(
    line: MakeLine, arrived: Arrived
) -> None:
    """A session made anew is asked anew."""
    on = await line({"interface_version": "3.3"})
    await on.put(1)
    await on.until(delivered=1)
    on.carrier.follow({"interface_version": "3.4"})
    on.carrier.cut_links()
    await on.put(2)
    await on.until(delivered=2)
    assert arrived.tags() == [[], [0x0204]]


@pytest.mark.parametrize(
    ("value", "takes"),
    [
        (b"\x34", True),
        (b"\x50", True),
        (b"\x33", False),
        (b"\0", False),
        (b"", True),
        (b"3.3\0", True),
    ],
)
def test_what_a_version_says(value: bytes, takes: bool) -> None:
    assert takes_optional(value) is takes


async def test_receipts_and_replies_come_home(line: MakeLine, arrived: Arrived) -> None:
    """The carrier knows national numbers alone; the store knows ours alone."""
    on = await line(
        {
            "numbers": ({"to": "^9", "reply": "pagado"},),
            "replies": {"delay_ms": 0},
            "receipts": {"reference": False},
        },
        **NATIONAL,
    )
    await on.put(1, sender="56222345678")
    await on.until(delivered=1)
    (submit,) = arrived.submits
    assert (submit.dest_addr_ton, submit.destination_addr) == (2, "900000001")
    assert (submit.source_addr_ton, submit.source_addr) == (1, "0222345678")

    async def replied() -> bool:
        return bool((await on.store.records.replies("crm")).items)

    await until(replied)
    (reply,) = (await on.store.records.replies("crm")).items
    assert (reply.sender, reply.to) == ("56900000001", "56222345678")
    assert reply.campaign == "c1"


async def test_a_doubt_finds_its_receipt_by_recipient(line: MakeLine, arrived: Arrived) -> None:
    """No response, no reference: only recipient and sender tell whose it is."""
    on = await line(
        {"silence": True, "receipts": {"reference": False, "delay_ms": 300}},
        response_seconds=0.1,
        **NATIONAL,
    )
    await on.put(1, sender="56222345678")
    await on.until(delivered=1)


class Seen(Inbound):
    """An inbound that keeps nothing, to look at what it read."""

    def __init__(self, carrier: Carrier, store: Store) -> None:
        super().__init__(carrier, store, Metrics(), "crm", lambda hold: None)

    def _start(self) -> None:
        pass


RECEIPT = b"id:1 stat:DELIVRD"


@pytest.mark.parametrize("kind", [DeliverSm, DataSm])
@pytest.mark.parametrize(
    ("ton", "address", "number"),
    [
        (2, "900000001", "56900000001"),
        (1, "56900000001", "56900000001"),
        (1, "51900000001", "51900000001"),
        (0, "+56900000001", "56900000001"),
        (0, "0056900000001", "56900000001"),
        (5, "Banco", "Banco"),
        (0, "", ""),
    ],
)
async def test_what_the_store_gets(
    store: Store, kind: Any, ton: int, address: str, number: str
) -> None:
    settings: Any = NATIONAL
    carrier = Carrier(name="a", host="h", system_id="s", password="p", **settings)
    seen = Seen(carrier, store)
    at = {
        "source_addr_ton": ton,
        "source_addr": address,
        "dest_addr_ton": 1,
        "destination_addr": "0222345678",
    }
    for esm_class in (4, 0):
        pdu = kind(esm_class=esm_class, tlvs=((0x0424, RECEIPT),), **at)
        seen.take(cast(Bind, Answers()), cast(Session, None), pdu)
    receipt, reply = seen._deliveries
    assert receipt.item is not None
    assert (receipt.item.receipt.to, receipt.item.receipt.sender) == (number, "56222345678")
    assert receipt.item.receipt.stat == "DELIVRD"
    assert reply.reply is not None
    assert (reply.reply.sender, reply.reply.to) == (number, "56222345678")
