"""Receipts in every form that the simulated carrier can play, from its socket to the record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from gateway.api.shapes import CarrierView, UnreadView
from gateway.carrier.account import Carriers
from gateway.carrier.inbound import Inbound, habits_of
from gateway.carrier.unread import KEPT, Unread
from gateway.config import Carrier
from gateway.message import Receipt, ReceiptState
from gateway.metrics import Metrics
from gateway.smpp.learning import SURE
from gateway.smpp.pdu import DataSm, DeliverSm, Tlv
from gateway.smpp.receipt import read
from gateway.store import Store
from gateway.store.correlation import Found
from tests.carrier.conftest import CHILE, Line, until

MakeLine = Callable[..., Awaitable[Line]]

LIST = r"(?P<stat>[^,]+),(?P<done>\d+),\d+,(?P<err>[^,]*),\d+,(?P<id>[^,\s]+)"
WORDS = {"DELIVRD": "00", "UNDELIV": "07"}
OURS = (("00", "DELIVRD"), ("07", "UNDELIV"))


@pytest.mark.parametrize("layout", ["standard", "seconds", "century", "minimal"])
@pytest.mark.parametrize(
    ("receipts", "settings"),
    [
        ({"form": "text"}, {}),
        ({"form": "tlv"}, {}),
        ({"form": "both"}, {}),
        ({"form": "payload"}, {}),
        ({"form": "ucs2"}, {}),
        ({"form": "data_sm"}, {}),
        ({"form": "text", "words": WORDS}, {"receipt_states": OURS}),
        ({"form": "list", "words": WORDS}, {"receipt_states": OURS, "receipt_pattern": LIST}),
        ({"form": "list"}, {"receipt_pattern": LIST}),
        (
            {"form": "vendor", "words": WORDS},
            {"receipt_states": OURS, "receipt_id_tlv": 0x1400, "receipt_state_tlv": 0x1401},
        ),
        ({"form": "text", "esm_class": 0}, {"receipts_by": "either"}),
        ({"form": "ucs2", "esm_class": 0}, {"receipts_by": "text"}),
        ({"form": "list", "esm_class": 0}, {"receipts_by": "text", "receipt_pattern": LIST}),
        ({"form": "text", "intermediate": True, "enroute_share": 1.0}, {}),
    ],
)
async def test_every_form_of_receipt(
    line: MakeLine, receipts: dict[str, Any], settings: dict[str, Any], layout: str
) -> None:
    script = {
        "receipts": {**receipts, "layout": layout, "reference": False},
        "numbers": [{"to": "3$", "outcome": "UNDELIV"}],
    }
    made = await line(script, **settings)
    await made.put(*range(1, 6))
    await made.until(delivered=4, undelivered=1)
    assert made.account.inbound.unread.view() == []
    assert (await made.store.records.replies("crm")).items == []
    if receipts["form"] not in ("tlv", "vendor"):
        events = (await made.store.events.read("crm", None)).items
        assert all("done_at" in event.data for event in events)


async def test_what_is_not_marked_is_a_reply(line: MakeLine) -> None:
    made = await line({"receipts": {"esm_class": 0}})
    await made.put(1)

    async def replied() -> bool:
        return len((await made.store.records.replies("crm")).items) == 1

    await until(replied)
    await made.until(submitted=1)


@pytest.mark.parametrize("form", ["decimal", "uuid", "hex", "hex-decimal", "decimal-hex"])
async def test_auto_learns_the_form_of_ids(line: MakeLine, form: str) -> None:
    """From matches; it is shown, and then the first reading finds every message."""
    made = await line({"ids": {"form": form, "start": 1_000_000}})
    await made.put(*range(SURE * 2))
    await made.until(delivered=SURE * 2)
    learned = form if "-" in form else "same"
    (status,) = Carriers([made.account], [CHILE]).status()
    assert status["message_id"] == {"mode": "auto", "learned": learned, "agreeing": SURE}
    msgspec.convert(status, CarrierView)
    made.account.metrics.accounts = Carriers([made.account], [CHILE]).status
    page = generate_latest(made.account.metrics.registry).decode()
    assert f'recado_message_id_form{{carrier="andina",form="{learned}"}} 1.0' in page
    commits = 0
    commit = made.store.correlation.commit

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal commits
        commits += args[1] == []
        answer = await commit(*args, **kwargs)
        assert all(met.found is not Found.unread for met in answer)
        return answer

    made.store.correlation.commit = counted  # type: ignore[method-assign]
    await made.put(*range(SURE * 2, SURE * 3))
    await made.until(delivered=SURE * 3)


async def test_what_was_learned_is_forgotten_when_the_carrier_changes(line: MakeLine) -> None:
    made = await line({"ids": {"form": "hex-decimal", "start": 1_000_000}})
    await made.put(*range(SURE))
    await made.until(delivered=SURE)
    learner = made.account.inbound.learner
    assert learner is not None

    async def has_learned(form: str, agreeing: int) -> None:
        async def reached() -> bool:
            return (learner.learned, learner.agreeing) == (form, agreeing)

        await until(reached)  # it hears what has been committed after the store has it

    await has_learned("hex-decimal", SURE)
    made.carrier.follow({"ids": {"form": "decimal"}})
    await made.put(*range(SURE, SURE + 5))
    await made.until(delivered=SURE + 5)
    await has_learned("", 5)


async def test_a_stated_form_learns_nothing(line: MakeLine) -> None:
    made = await line(message_id="same")
    await made.put(*range(3))
    await made.until(delivered=3)
    assert made.account.status()["message_id"] == {"mode": "same", "learned": None, "agreeing": 0}


async def test_what_could_not_be_read_is_counted_and_kept(line: MakeLine) -> None:
    """A comma list of a carrier without a pattern, and a word in no table."""
    made = await line({"receipts": {"form": "list"}})
    await made.put(1)

    async def kept() -> bool:
        return len(made.account.inbound.unread.view()) == 1

    await until(kept)
    (one,) = Carriers([made.account], [CHILE]).unread("andina") or []
    assert (one["what"], one["from"], one["to"]) == ("nothing", "569*****001", "3450")
    assert "569*****001" in one["text"]
    assert "56900000001" not in str(one)
    assert Carriers([made.account], [CHILE]).unread("other") is None
    made.account.metrics.accounts = Carriers([made.account], [CHILE]).status
    page = generate_latest(made.account.metrics.registry).decode()
    assert 'recado_receipts_unread_total{carrier="andina",what="nothing"} 1.0' in page
    assert 'recado_receipts_unread_total{carrier="andina",what="date"} 0.0' in page


def receipt_of(pdu: DeliverSm | DataSm) -> Receipt:
    found = read(pdu)
    assert isinstance(found, Receipt)
    return found


def shown(pdu: DeliverSm | DataSm) -> dict[str, Any]:
    unread = Unread()
    unread.keep(1, "no_id", pdu, receipt_of(pdu))
    return unread.view()[0]


def test_ids_are_shown_numbers_and_quoted_texts_are_not() -> None:
    pdu = DeliverSm(
        esm_class=4,
        source_addr="+56912345678",
        destination_addr="3450",
        short_message=b"id:1891273321 msisdn:912345678 stat:WEIRD text:Sr. Perez, debe 300",
        tlvs=((0x1400, b"56912345678\0"), (0x1401, b"\x02")),
    )
    one = shown(pdu)
    assert one["text"] == "id:1891273321 msisdn:912***678 stat:WEIRD text:<19 chars>"
    assert one["tlvs"] == {"0x1400": "569*****678", "0x1401": "0x02"}
    assert one["read"] == {
        "id": "1891273321",
        "stat": "WEIRD",
        "state": ReceiptState.UNKNOWN.value,
        "error": "",
        "done": "",
    }


def test_a_payload_is_the_text() -> None:
    payload = (int(Tlv.MESSAGE_PAYLOAD), b"\x05\0\x03\x07\x01\x01a,b")
    one = shown(DataSm(esm_class=0x44, tlvs=(payload,)))
    assert (one["pdu"], one["text"], one["tlvs"]) == ("data_sm", "a,b", {})


def test_so_many_are_kept_the_newest_first() -> None:
    unread = Unread()
    pdu = DeliverSm(esm_class=4)
    for number in range(KEPT + 5):
        unread.keep(number, "nothing", pdu, receipt_of(pdu))
    kept = [one["at_ms"] for one in unread.view()]
    assert kept == list(range(KEPT + 4, 4, -1))


octets = st.binary(max_size=99) | st.lists(
    st.sampled_from([b"id:5 ", b"stat:", b"DELIVRD", b" done date:", b"2611220000", b",", b"\0"]),
    max_size=9,
).map(b"".join)
carriers = st.builds(
    Carrier,
    name=st.just("andina"),
    host=st.just("h"),
    system_id=st.just("s"),
    password=st.just("p"),
    message_id=st.sampled_from(["auto", "same", "hex-decimal", "decimal-hex"]),
    default_alphabet=st.sampled_from(["gsm7", "latin1", "ascii"]),
    receipts_by=st.sampled_from(["esm_class", "text", "either"]),
    receipt_pattern=st.sampled_from(["", LIST, r"(?P<id>\d*)(?P<stat>.*)(?P<done>)?"]),
    receipt_states=st.sampled_from([(), OURS]),
    receipt_id_tlv=st.sampled_from([0, 0x1400]),
    receipt_state_tlv=st.sampled_from([0, 0x1400, 0x1401]),
)
tlvs = st.lists(
    st.tuples(st.sampled_from([0x1400, 0x1401, 0x9999, *map(int, Tlv)]), octets), max_size=4
).map(tuple)
kinds = st.sampled_from([DeliverSm, DataSm])
addresses = st.text(st.characters(max_codepoint=0xFF), max_size=20)


@given(carriers, kinds, octets, st.integers(0, 255), st.integers(0, 255), tlvs, addresses)
def test_nothing_that_a_carrier_sends_raises(
    carrier: Carrier,
    kind: type[DeliverSm] | type[DataSm],
    body: bytes,
    esm_class: int,
    data_coding: int,
    extra: tuple[tuple[int, bytes], ...],
    address: str,
) -> None:
    """From its octets to what goes into the store, and what the operator is shown."""
    fields: dict[str, Any] = {"short_message": body} if kind is DeliverSm else {}
    sent = kind(
        source_addr=address,
        destination_addr=address[::-1],
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=extra,
        **fields,
    )
    inbound = Inbound(carrier, cast(Store, None), Metrics(), "crm", lambda hold: None)
    found = read(sent, carrier.default_alphabet, habits_of(carrier))
    if not isinstance(found, Receipt):
        return
    item = inbound._item(sent, found)
    stored = (item.key, item.done_at, found.to, found.sender, found.error, found.carrier_message_id)
    assert "".join(stored).isprintable()
    for one in inbound.unread.view():
        msgspec.json.encode(msgspec.convert({**one, "at": ""}, UnreadView))
