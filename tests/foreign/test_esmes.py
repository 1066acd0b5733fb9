"""Our simulated carrier, and ESMEs that share no code with it.

They are smpplib and aiosmpplib (Python), smpp34 (Rust) and npm's smpp (Node).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.simulator import Simulator
from gateway.smpp.gsm import DEFAULT
from gateway.smpp.pdu import EnquireLinkResp, encode
from gateway.smpp.session import Event, Session
from tests.carrier.conftest import until
from tests.foreign.esmes import Aiosmpplib, Delivered, Esme, Node, Rust, Smpplib
from tests.simulator.conftest import Carrier
from tests.simulator.conftest import carrier as simulated  # noqa: F401

LONG = "Señor Muñoz, su cuota de 300 € vence el viernes; pague en la app o en caja. " * 4
UCS2 = "Señora Ibáñez, gracias: оплата получена."

ENQUIRE_LINK_RESP = encode(EnquireLinkResp())[:8]

MADE: dict[str, Any] = {"smpplib": Smpplib, "aiosmpplib": Aiosmpplib, "rust": Rust}


@pytest.fixture(params=["smpplib", "aiosmpplib", "rust", "node"])
async def esme(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Esme]:
    """Each of them."""
    name = request.param
    made = await Node.start(tmp_path) if name == "node" else MADE[name]()
    yield made
    await made.close()


@pytest.fixture(params=["smpplib", "aiosmpplib", "node"])
async def asker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Esme]:
    """Those that ask when they are told, or soon; smpp34 does once a minute."""
    name = request.param
    made = await Node.start(tmp_path) if name == "node" else MADE[name]()
    yield made
    await made.close()


@pytest.fixture
async def carrier(simulated: Carrier) -> Simulator:  # noqa: F811
    """One that knows its ESME, refuses a number, and whose debtors do not answer by themselves."""
    return await simulated(
        accounts=[{"system_id": "recado", "password": "secret"}],
        numbers=[{"to": "11$", "status": "ESME_RINVDSTADR"}],
    )


def text_of(carrier: Simulator, to: str) -> str:
    """What the carrier took for a number, its parts joined."""
    found = [s for s in carrier.submissions if s.recipient == to]
    assert [s.part for s in found] == list(range(1, found[0].total + 1))
    octets = b"".join(s.text for s in found if isinstance(s.text, bytes))
    (coding,) = {s.data_coding for s in found}
    if coding == 8:
        return octets.decode("utf-16-be")
    return octets.decode("latin-1") if coding == 3 else DEFAULT.decode(octets)


def receipts(found: list[Delivered]) -> list[Delivered]:
    return [delivered for delivered in found if delivered.esm_class & 0x3C == 4]


async def test_bind_submit_receipt_reply_unbind(carrier: Simulator, esme: Esme) -> None:
    assert await esme.bind(carrier.port, "transceiver", "secret")
    ((status, message_id),) = await esme.submit("56900000001", "hola")
    assert (status, message_id) == (0, "1")
    assert text_of(carrier, "56900000001") == "hola"
    (receipt,) = receipts(await esme.delivered(1))
    assert (receipt.sender, receipt.recipient) == ("56900000001", "3450")
    assert receipt.text.startswith("id:1 sub:001 dlvrd:001 submit date:")
    assert " stat:DELIVRD err:000 " in receipt.text
    carrier.reply("2 ya pagué")
    reply = (await esme.delivered(2))[1]
    assert (reply.sender, reply.recipient, reply.esm_class) == ("56900000001", "3450", 0)
    assert reply.text == "2 ya pagué".replace("é", reply.text[-1])
    await esme.unbind()

    async def gone() -> bool:
        return not carrier.links

    await until(gone)
    deliveries = carrier.stats()["accounts"]["recado"]["deliveries"]
    assert deliveries["statuses"] == {"ESME_ROK": 2}


@pytest.mark.parametrize("text", [LONG, UCS2, UCS2 * 5], ids=["long", "ucs2", "long-ucs2"])
async def test_texts_arrive_whole(carrier: Simulator, esme: Esme, text: str) -> None:
    assert await esme.bind(carrier.port, "transceiver", "secret")
    answers = await esme.submit("56900000001", text)
    assert {status for status, _ in answers} == {0}
    assert text_of(carrier, "56900000001") == text
    stats = carrier.stats()
    assert (stats["messages"], stats["long_unfinished"]) == (1, 0)
    assert len(receipts(await esme.delivered(len(answers)))) == len(answers)
    await esme.unbind()


async def test_a_refusal_is_understood(carrier: Simulator, esme: Esme) -> None:
    assert await esme.bind(carrier.port, "transceiver", "secret")
    assert await esme.submit("56900000011", "hola") == [(0x0B, "")]
    ((status, _),) = await esme.submit("56900000001", "hola")
    assert status == 0
    await esme.delivered(1)  # else it meets the answer to the unbind
    await esme.unbind()


async def test_a_refused_bind_is_understood(carrier: Simulator, esme: Esme) -> None:
    assert not await esme.bind(carrier.port, "transceiver", "wrong")
    assert carrier.stats()["binds_accepted"] == 0
    assert carrier.stats()["binds_refused"] >= 1


async def test_a_transmitter_and_a_receiver(carrier: Simulator, esme: Esme, tmp_path: Path) -> None:
    other = await Node.start(tmp_path) if isinstance(esme, Node) else type(esme)()
    try:
        assert await esme.bind(carrier.port, "transmitter", "secret")
        assert await other.bind(carrier.port, "receiver", "secret")
        await esme.submit("56900000001", "hola")
        assert len(receipts(await other.delivered(1))) == 1
        await esme.unbind()
        await other.unbind()
    finally:
        await other.close()


async def test_the_esme_asks_for_the_link(carrier: Simulator, asker: Esme) -> None:
    assert await asker.bind(carrier.port, "transceiver", "secret")
    await asker.enquire()
    await asker.unbind()


async def test_the_carrier_asks_for_the_link(
    carrier: Simulator, esme: Esme, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    read = Session.receive_data

    def listen(self: Session, data: bytes, now: float) -> list[Event]:
        heard.append(data)
        return read(self, data, now)

    monkeypatch.setattr(Session, "receive_data", listen)
    carrier.follow({"enquire_link_s": 0.05})
    assert await esme.bind(carrier.port, "transceiver", "secret")
    reading = asyncio.create_task(esme.delivered(1))

    async def answered() -> bool:
        return sum(ENQUIRE_LINK_RESP in data for data in heard) >= 2

    await until(answered)
    carrier.reply("1", "56900000001", "3450")
    (delivered,) = await reading
    assert delivered.text == "1"
    await esme.unbind()


async def test_the_carrier_parts(carrier: Simulator, esme: Esme) -> None:
    assert await esme.bind(carrier.port, "transceiver", "secret")
    carrier.unbind_links()
    await esme.parted()
