"""Receipts and replies on a real socket, and what an ESME may do to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.simulator import Simulator
from gateway.smpp.pdu import (
    BindReceiver,
    BindTransmitter,
    DeliverSm,
    SubmitSmResp,
    Tlv,
)
from gateway.smpp.session import Answered, Received
from tests.simulator.conftest import Carrier
from tests.simulator.esme import Esme, submit

MakeEsme = Callable[[], Esme]

REFERENCE = (int(Tlv.USER_MESSAGE_REFERENCE), b"\x00\x2a")
TRY_LATER = 0x64


def said(receipt: DeliverSm) -> tuple[str, str]:
    """The id and the word of a receipt."""
    found = re.match(r"id:(\S+) .*stat:(\S+)", receipt.short_message.decode())
    assert found is not None
    return found[1], found[2]


async def sent(simulator: Simulator, bound: Esme, number: int, **fields: Any) -> list[str]:
    """The ids of so many submits."""
    if not bound.session.state.bound:
        await bound.bind(simulator.port)
    bound.send(*(submit(n, **fields) for n in range(number)))
    return [r.message_id for r in await bound.responses(number) if isinstance(r, SubmitSmResp)]


def order(bound: Esme) -> list[str]:
    """What came, as letters: a response or a receipt."""
    kinds = {Answered: "response", Received: "receipt"}
    return [kinds[type(event)] for event in bound.seen if type(event) in kinds]


async def test_every_message_has_its_receipt(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(), esme()
    ids = await sent(simulator, bound, 500, tlvs=(REFERENCE,))
    receipts = await bound.delivered(500)
    assert sorted(said(r) for r in receipts) == sorted((id, "DELIVRD") for id in ids)
    assert {r.tlvs for r in receipts} == {(REFERENCE,)}
    await bound.heard_out()
    deliveries = simulator.stats()["accounts"]["recado"]["deliveries"]
    assert (deliveries["sent"], deliveries["statuses"]) == (500, {"ESME_ROK": 500})


@pytest.mark.parametrize("settings", [{"form": "none"}, {"share": 0}])
async def test_none_where_none_are_wanted(
    carrier: Carrier, esme: MakeEsme, settings: dict[str, Any]
) -> None:
    simulator, bound = await carrier(receipts=settings), esme()
    await sent(simulator, bound, 3)
    stats = simulator.stats()
    assert (stats["planned"], stats["accounts"]["recado"]["deliveries"]["waiting"]) == (0, 0)


async def test_none_where_none_were_asked_for(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(), esme()
    await sent(simulator, bound, 3, registered_delivery=0)
    assert simulator.stats()["planned"] == 0


async def test_hexadecimal_in_the_receipt(carrier: Carrier, esme: MakeEsme) -> None:
    ids = {"form": "decimal-hex", "receipt_upper": True, "start": 0xBEEF}
    simulator, bound = await carrier(ids=ids), esme()
    assert await sent(simulator, bound, 1) == ["48879"]
    assert said((await bound.delivered(1))[0])[0] == "BEEF"


async def test_an_early_receipt_is_before_its_response(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(receipts={"early_share": 1}), esme()
    await sent(simulator, bound, 2)
    assert order(bound) == ["receipt", "receipt", "response", "response"]


async def test_a_receipt_follows_even_a_late_response(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(delay_ms=20), esme()
    await sent(simulator, bound, 1)
    await bound.delivered(1)
    assert order(bound) == ["response", "receipt"]


async def test_enroute_before_and_after_and_twice(carrier: Carrier, esme: MakeEsme) -> None:
    receipts = {"enroute_share": 1, "disorder_share": 1, "repeat_share": 1, "repeat_delay_ms": 20}
    simulator, bound = await carrier(receipts=receipts), esme()
    await sent(simulator, bound, 1)
    words = [said(receipt)[1] for receipt in await bound.delivered(4)]
    assert words == ["ENROUTE", "DELIVRD", "ENROUTE", "DELIVRD"]


async def test_a_number_has_its_outcome_and_its_reply(carrier: Carrier, esme: MakeEsme) -> None:
    rule = {"to": "1$", "outcome": "UNDELIV", "reply": "ya pagué"}
    simulator, bound = await carrier(numbers=[rule], replies={"delay_ms": 20}), esme()
    await sent(simulator, bound, 2)
    one, two, reply = await bound.delivered(3)
    assert {one.source_addr: said(one)[1], two.source_addr: said(two)[1]} == {
        "56900000000": "DELIVRD",
        "56900000001": "UNDELIV",
    }
    assert (reply.source_addr, reply.destination_addr) == ("56900000001", "3450")
    assert (reply.esm_class, reply.short_message) == (0, b"ya pagu\x05")


async def test_on_another_bind(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(receipts={"other_bind_share": 1})
    one, other = esme(), esme()
    await other.bind(simulator.port)
    await sent(simulator, one, 3)
    await other.delivered(3)
    assert one.deliveries() == []


async def test_to_the_bind_it_came_from(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    one, other = esme(), esme()
    await other.bind(simulator.port)
    await sent(simulator, one, 3)
    await one.delivered(3)
    assert other.deliveries() == []


async def test_a_transmitters_receipts_wait_for_a_receiver(
    carrier: Carrier, esme: MakeEsme
) -> None:
    simulator = await carrier()
    transmitter, receiver, stranger = esme(), esme(), esme()
    await transmitter.bind(simulator.port, BindTransmitter)
    await stranger.bind(simulator.port, system_id="otro")
    await sent(simulator, transmitter, 3)
    await receiver.bind(simulator.port, BindReceiver)
    await receiver.delivered(3)
    assert stranger.deliveries() == []


async def test_unanswered_ones_come_again_after_the_link_was_lost(
    carrier: Carrier, esme: MakeEsme
) -> None:
    simulator = await carrier()
    mute, next_one = esme(), esme()
    mute.answer = lambda _: None
    ids = await sent(simulator, mute, 3)
    await mute.delivered(3)
    simulator.cut_links()
    await mute.closed()
    await next_one.bind(simulator.port)
    assert [said(receipt)[0] for receipt in await next_one.delivered(3)] == ids
    assert simulator.stats()["accounts"]["recado"]["deliveries"]["resent"] == 3


async def test_a_status_that_asks_for_it_brings_it_again(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(receipts={"resend_delay_ms": 10}), esme()
    statuses = iter([TRY_LATER, TRY_LATER, 0])
    bound.answer = lambda _: next(statuses)
    await sent(simulator, bound, 1)
    receipts = await bound.delivered(3)
    assert len({receipt.short_message for receipt in receipts}) == 1


async def test_any_other_status_is_final(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(), esme()
    bound.answer = lambda _: 0x0B
    await sent(simulator, bound, 1)
    await bound.delivered(1)
    await bound.heard_out()
    assert (dropped(simulator), simulator.stats()["planned"]) == (1, 0)


def dropped(simulator: Simulator) -> int:
    number: int = simulator.stats()["accounts"]["recado"]["deliveries"]["dropped"]
    return number


async def test_resending_ends(carrier: Carrier, esme: MakeEsme) -> None:
    receipts = {"resend_delay_ms": 1, "resend_limit": 2}
    simulator, bound = await carrier(receipts=receipts), esme()
    bound.answer = lambda _: TRY_LATER
    await sent(simulator, bound, 1)
    await bound.delivered(3)
    await bound.heard_out()
    assert (dropped(simulator), simulator.stats()["planned"]) == (1, 0)


async def test_no_answer_in_time_brings_it_again(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(receipts={"unanswered_s": 0.05}), esme()
    bound.answer = lambda _: None
    await sent(simulator, bound, 1)
    await bound.delivered(2)


async def test_its_window_of_deliveries_is_kept(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(receipts={"window": 2}), esme()
    bound.answer = lambda _: None
    await sent(simulator, bound, 5)
    await bound.delivered(2)
    assert simulator.stats()["accounts"]["recado"]["deliveries"]["sent"] == 2
    bound.acknowledge()
    await bound.delivered(4)


async def test_a_storm_brings_a_receipt_for_each_of_the_last(
    carrier: Carrier, esme: MakeEsme
) -> None:
    simulator, bound = await carrier(receipts={"form": "none"}), esme()
    ids = await sent(simulator, bound, 300)
    simulator.follow({"receipts": {"form": "text"}})
    assert simulator.storm(250) == 250
    assert [said(receipt)[0] for receipt in await bound.delivered(250)] == ids[50:]


async def test_debtors_answer_by_their_share(carrier: Carrier, esme: MakeEsme) -> None:
    replies = {"share": 0.5, "delay_ms": 0, "texts": ["1", "BAJA"]}
    simulator, bound = await carrier(receipts={"form": "none"}, replies=replies), esme()
    await sent(simulator, bound, 200)
    texts = [reply.short_message for reply in await bound.delivered(80)]
    assert set(texts) == {b"1", b"BAJA"}


async def test_a_long_reply_comes_in_parts(carrier: Carrier, esme: MakeEsme) -> None:
    simulator, bound = await carrier(receipts={"form": "none"}), esme()
    await sent(simulator, bound, 1)
    assert simulator.reply("x" * 200)
    parts = await bound.delivered(2)
    assert [part.esm_class for part in parts] == [0x40, 0x40]
    assert sum(len(part.short_message) - 7 for part in parts) == 200


async def test_nobody_to_reply_to(carrier: Carrier) -> None:
    simulator = await carrier()
    assert not simulator.reply("hola")


async def test_nothing_is_sent_to_or_read_from_a_peer_that_does_not_read(
    carrier: Carrier, esme: MakeEsme
) -> None:
    simulator, bound = await carrier(receipts={"form": "none"}), esme()
    await sent(simulator, bound, 2)
    [link] = simulator.links
    link.pause_writing()
    simulator.storm(2)
    assert simulator.stats()["accounts"]["recado"]["deliveries"]["waiting"] == 2
    assert not link.transport.is_reading()
    simulator.follow({"deaf": True})
    simulator.follow({"deaf": False})
    assert not link.transport.is_reading()
    link.resume_writing()
    await bound.delivered(2)
    await bound.heard_out()
