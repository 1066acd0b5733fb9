"""Who may bind, and how a connection ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.simulator import Simulator
from gateway.smpp.pdu import BindReceiver, BindTransmitter, EnquireLink, Unbind
from gateway.smpp.session import Answered, Closed, SessionState, Unbound
from tests.simulator.conftest import Carrier
from tests.simulator.esme import Esme, submit

MakeEsme = Callable[[], Esme]

OK, BIND_FAILED, WRONG_PASSWORD, WRONG_SYSTEM_ID, ALREADY_BOUND = 0, 0x0D, 0x0E, 0x0F, 0x05
ACCOUNT = {"accounts": [{"system_id": "recado", "password": "secreto"}]}


async def test_without_accounts_anyone_may_bind(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    assert await esme().bind(simulator.port, system_id="quien") == OK
    assert simulator.stats()["accounts"]["quien"]["binds"] == 1


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [
        ("recado", "secreto", OK),
        ("recado", "otro", WRONG_PASSWORD),
        ("otro", "secreto", WRONG_SYSTEM_ID),
    ],
)
async def test_an_account_has_its_password(
    carrier: Carrier, esme: MakeEsme, system_id: str, password: str, status: int
) -> None:
    simulator = await carrier(**ACCOUNT)
    assert await esme().bind(simulator.port, system_id=system_id, password=password) == status


async def test_the_first_binds_are_refused_then_accepted(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(refuse_binds=2, refuse_status="ESME_RSYSERR")
    statuses = [await esme().bind(simulator.port) for _ in range(3)]
    assert statuses == [0x08, 0x08, OK]
    assert (simulator.door.refused, simulator.door.accepted) == (2, 1)


async def test_a_refused_connection_is_closed(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(accept_binds=False)
    refused = esme()
    assert await refused.bind(simulator.port) == BIND_FAILED
    await refused.closed()


async def test_a_running_carrier_can_be_told_to_refuse(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    simulator.follow({"accept_binds": False})
    assert await esme().bind(simulator.port) == BIND_FAILED
    simulator.follow({"accept_binds": True})
    assert await esme().bind(simulator.port) == OK


async def test_a_bind_too_many_is_already_bound(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(max_binds=1)
    first = esme()
    assert await first.bind(simulator.port) == OK
    assert await esme().bind(simulator.port) == ALREADY_BOUND
    first.send(Unbind())
    await first.closed()
    assert await esme().bind(simulator.port) == OK


async def test_a_silent_bind_is_not_answered_but_enquire_link_is(
    carrier: Carrier, esme: MakeEsme
) -> None:
    simulator = await carrier(silent_binds=True)
    waiting = await esme().connect(simulator.port)
    waiting.send(BindTransmitter(system_id="recado"))
    waiting.send(EnquireLink())
    await waiting.until(lambda: waiting.first(Answered))
    assert waiting.session.state is SessionState.BINDING


async def test_a_receiver_may_not_submit(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    receiver = esme()
    await receiver.bind(simulator.port, BindReceiver)
    assert receiver.session.state is SessionState.BOUND_RX
    assert simulator.stats()["accounts"]["recado"]["receivers"] == 1


async def test_the_carrier_parts_in_order_when_it_stops(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    bound = esme()
    await bound.bind(simulator.port)
    await simulator.stop()
    assert bound.first(Unbound) is not None
    assert not simulator.links


async def test_links_are_cut_every_so_often(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(drop_every_s=0.1)
    bound = esme()
    await bound.bind(simulator.port)
    await bound.closed()
    assert bound.first(Unbound) is None
    assert simulator.links_cut == 1


async def test_all_links_are_cut_at_once(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    both = [esme(), esme()]
    for one in both:
        await one.bind(simulator.port)
    assert simulator.cut_links() == 2
    for one in both:
        await one.closed()


async def test_a_link_is_cut_at_its_third_submit_which_is_taken(
    carrier: Carrier, esme: MakeEsme
) -> None:
    simulator = await carrier(drop_after=3, receipts={"form": "none"})
    bound = esme()
    await bound.bind(simulator.port)
    bound.send(*(submit(n) for n in range(5)))
    await bound.closed()
    assert [
        event.response.command_status for event in bound.seen if isinstance(event, Answered)
    ] == [
        OK,
        OK,
    ]
    assert [entry.status for entry in simulator.submissions] == [OK, OK, -1]


async def test_a_deaf_carrier_reads_nothing(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier()
    bound = esme()
    await bound.bind(simulator.port)
    simulator.follow({"deaf": True})
    bound.send(EnquireLink())
    other = await esme().connect(simulator.port)
    other.send(EnquireLink())
    simulator.follow({"deaf": False})
    await bound.until(lambda: bound.first(Answered))
    await other.until(lambda: other.first(Answered))


async def test_the_carrier_asks_an_idle_esme(carrier: Carrier, esme: MakeEsme) -> None:
    simulator = await carrier(enquire_link_s=0.05)
    bound = esme()
    await bound.bind(simulator.port)
    await bound.until(lambda: True if bound.heard > 3 else None)
    assert len(simulator.links) == 1


async def test_no_octets_break_it(carrier: Carrier, esme: MakeEsme) -> None:
    simulator: Simulator = await carrier()
    broken = await esme().connect(simulator.port)
    broken.write(b"\0\0\0\4GET / HTTP/1.1\r\n\r\n")
    assert isinstance(await broken.closed(), Closed)
    assert await esme().bind(simulator.port) == OK
