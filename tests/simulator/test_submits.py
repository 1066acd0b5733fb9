"""Submits on a real socket: answered, limited, delayed, and in the record."""

from __future__ import annotations

from collections.abc import Callable

from gateway.simulator import Simulator
from gateway.smpp.pdu import QuerySm, SubmitSmResp
from gateway.smpp.session import Answered, Received
from tests.simulator.conftest import Carrier
from tests.simulator.esme import Esme, submit

MakeEsme = Callable[[], Esme]

THROTTLED, QUEUE_FULL = 0x58, 0x14


async def answered(simulator: Simulator, bound: Esme, number: int) -> list[int]:
    """The statuses of so many submits written at once."""
    await bound.bind(simulator.port)
    bound.send(*(submit(n) for n in range(number)))
    return [response.command_status for response in await bound.responses(number)]


async def test_each_submit_has_an_id_of_its_own(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(ids={"form": "hex", "upper": True, "start": 0xABCD})
    bound = esme()
    assert await answered(simulator, bound, 3) == [0, 0, 0]
    ids = [r.message_id for r in await bound.responses(3) if isinstance(r, SubmitSmResp)]
    assert ids == ["ABCD", "ABCE", "ABCF"]


async def test_the_record_has_what_came(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(receipts={"form": "none"})
    await answered(simulator, esme(), 2)
    entry = simulator.submissions[1]
    assert (entry.account, entry.sender, entry.recipient) == ("recado", "3450", "56900000001")
    assert (entry.text, entry.part, entry.total, entry.status) == (b"hola", 1, 1, 0)


async def test_a_seed_repeats_the_statuses(carrier: Carrier, esme: MakeEsme) -> None:
    runs = []
    for seed in (7, 7, 8):
        statuses = {"ESME_RTHROTTLED": 0.3, "0x0400": 0.2}
        simulator = await carrier(seed=seed, statuses=statuses, receipts={"form": "none"})
        runs.append(await answered(simulator, esme(), 100))
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {0, THROTTLED, 0x400}
    assert 15 <= runs[0].count(THROTTLED) <= 45


async def test_beyond_the_rate_it_throttles(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(rate=10, receipts={"form": "none"})
    statuses = await answered(simulator, esme(), 15)
    assert statuses == [0] * 10 + [THROTTLED] * 5
    account = simulator.stats()["accounts"]["recado"]
    assert (account["most_in_a_second"], account["most_admitted_in_a_second"]) == (15, 10)


async def test_the_rate_is_the_accounts_over_its_binds(carrier: Carrier, esme: MakeEsme) -> None:
    accounts = [{"system_id": "recado", "rate": 4}, {"system_id": "libre", "rate": 0}]
    simulator = await carrier(rate=1, accounts=accounts, receipts={"form": "none"})
    first = await answered(simulator, esme(), 3)
    second = await answered(simulator, esme(), 3)
    assert (first + second).count(THROTTLED) == 2
    free = esme()
    await free.bind(simulator.port, system_id="libre")
    free.send(*(submit(n) for n in range(9)))
    assert {r.command_status for r in await free.responses(9)} == {0}


async def test_a_rate_only_recorded_lets_all_through(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(rate=1, over_rate="record", receipts={"form": "none"})
    assert await answered(simulator, esme(), 5) == [0] * 5
    assert simulator.stats()["most_in_a_second"] == 5


async def test_beyond_the_window_the_queue_is_full(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(window=4, receipts={"form": "none"})
    bound = esme()
    assert await answered(simulator, bound, 6) == [0] * 4 + [QUEUE_FULL] * 2
    bound.send(*(submit(n) for n in range(6, 10)))
    assert [r.command_status for r in (await bound.responses(10))[6:]] == [0] * 4
    assert simulator.stats()["accounts"]["recado"]["most_unanswered"] == 6


async def test_delayed_responses_fill_the_window_too(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(window=4, delay_ms=30, receipts={"form": "none"})
    bound = esme()
    await bound.bind(simulator.port)
    bound.send(*(submit(n) for n in range(3)))
    bound.send(*(submit(n) for n in range(3, 6)))
    assert sum(r.command_status == 0 for r in await bound.responses(6)) == 4


async def test_a_response_is_delayed_and_the_delay_measured(
    carrier: Carrier, esme: MakeEsme
) -> None:
    simulator = await carrier(delay_ms=30, receipts={"form": "none"})
    await answered(simulator, esme(), 5)
    measured = simulator.stats()["response_delay"]
    assert measured["number"] == 5
    assert measured["p50_ms"] >= 30
    assert 30 <= measured["mean_ms"] < 1_000


async def test_random_delays_change_the_order(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(delay_ms=[0, 40], receipts={"form": "none"})
    bound = esme()
    await answered(simulator, bound, 30)
    order = [event.sequence_number for event in bound.seen if isinstance(event, Answered)]
    assert sorted(order) == list(range(2, 32))
    assert order != sorted(order)


async def test_a_silent_carrier_takes_and_does_not_answer(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    bound = esme()
    await answered(simulator, bound, 1)
    simulator.follow({"silence": True})
    bound.send(submit(7))
    receipts = await bound.delivered(2)
    assert receipts[1].source_addr == "56900000007"
    assert len(await bound.responses(1)) == 1
    assert simulator.stats()["unanswered"] == 1


async def test_what_it_does_not_know_is_refused(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    bound = esme()
    await bound.bind(simulator.port)
    bound.send(QuerySm(message_id="1"))
    [response] = await bound.responses(1)
    assert response.command_status == 0x03
    assert bound.first(Received) is None


async def test_an_address_too_long_for_a_receipt_is_refused(
    carrier: Carrier, esme: MakeEsme
) -> None:
    """One over 20 octets (4.4.1) is read, but cannot be written back; the session goes on."""
    simulator = await carrier()
    bound = esme()
    await bound.bind(simulator.port)
    too_long = bytes.fromhex(
        "0000003e 00000004 00000000 00000007 00 00 00 3334353000 01 01"
        "353639303030303030303030303030303030303132 00 00 00 00 00 00 01 00 00 00 04 686f6c61"
    )
    swapped = bytes.fromhex(
        "0000003e 00000004 00000000 00000008 00 00 00"
        "353639303030303030303030303030303030303132 00 01 01 3334353000"
        "00 00 00 00 00 01 00 00 00 04 686f6c61"
    )
    bound.write(too_long + swapped)
    bound.send(submit(1))
    assert len(await bound.delivered(1)) == 1
    assert list(simulator.record.statuses) == [0x0B, 0x0A, 0]
