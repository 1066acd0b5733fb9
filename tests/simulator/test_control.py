"""The control endpoint, on real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from gateway.simulator.control import Control
from gateway.simulator.simulator import Simulator
from tests.simulator.conftest import Carrier
from tests.simulator.esme import Esme, submit

MakeEsme = Callable[[], Esme]


@pytest.fixture
async def simulator(carrier: Carrier) -> Simulator:
    return await carrier(receipts={"form": "none"})


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    control = Control(simulator)
    await control.start("127.0.0.1:0")
    timeout = aiohttp.ClientTimeout(total=5)
    base = f"http://127.0.0.1:{control.port}"
    async with aiohttp.ClientSession(base, timeout=timeout) as session:
        yield session
    await control.stop()


@pytest.fixture
async def bound(simulator: Simulator, http: aiohttp.ClientSession, esme: MakeEsme) -> Esme:
    one = esme()
    await one.bind(simulator.port)
    one.send(*(submit(n, b"\5\0\3\7\2%cma\x7dana" % (n + 1), esm_class=0x40) for n in range(2)))
    await one.responses(2)
    return one


async def test_stats(http: aiohttp.ClientSession, bound: Esme) -> None:
    async with http.get("/stats") as answer:
        stats = await answer.json()
    assert (stats["submits"], stats["taken"], stats["links"]) == (2, 2, 1)
    assert set(stats["response_delay"]) == {"mean_ms", "p50_ms", "p99_ms", "number"}


async def test_submits_are_lines(http: aiohttp.ClientSession, bound: Esme) -> None:
    async with http.get("/submits") as answer:
        lines = [json.loads(line) for line in (await answer.text()).splitlines()]
    at = lines[1].pop("at_ns")
    assert at > 0
    assert lines[1] == {
        "account": "recado",
        "from": "3450",
        "to": "56900000001",
        "text": "mañana",
        "reference": 7,
        "part": 2,
        "total": 2,
        "status": "ESME_ROK",
    }


async def test_submits_in_pages(http: aiohttp.ClientSession, bound: Esme) -> None:
    async with http.get("/submits?after=1&limit=5") as answer:
        assert len((await answer.text()).splitlines()) == 1


async def test_set_changes_the_running_script(
    http: aiohttp.ClientSession, bound: Esme, simulator: Simulator
) -> None:
    async with http.post("/set", json={"statuses": {"ESME_RTHROTTLED": 1}}) as answer:
        assert answer.status == 200
    bound.send(submit(9))
    assert (await bound.responses(3))[2].command_status == 0x58
    async with http.get("/script") as answer:
        assert (await answer.json())["statuses"] == {"ESME_RTHROTTLED": 1.0}


async def test_set_refuses_what_is_wrong_and_changes_nothing(
    http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    before = simulator.script
    async with http.post("/set", json={"rate": 5, "windw": 1}) as answer:
        assert answer.status == 400
        assert await answer.json() == {
            "problems": ["set: windw: unknown key; did you mean 'window'?"]
        }
    assert simulator.script == before


async def test_set_drops_links(http: aiohttp.ClientSession, bound: Esme) -> None:
    async with http.post("/set", json={"drop_links": True, "accept_binds": False}) as answer:
        assert (await answer.json())["links_cut"] == 1
    await bound.closed()


async def test_set_unbinds_links(http: aiohttp.ClientSession, bound: Esme) -> None:
    async with http.post("/set", json={"unbind_links": True}) as answer:
        assert (await answer.json())["links_unbound"] == 1
    await bound.closed()


async def test_a_storm(http: aiohttp.ClientSession, bound: Esme) -> None:
    async with http.post("/storm?count=10") as answer:
        assert await answer.json() == {"receipts": 2}
    await bound.delivered(2)


async def test_a_reply_from_the_last_debtor_and_from_another(
    http: aiohttp.ClientSession, bound: Esme
) -> None:
    for order in ({}, {"text": "BAJA", "from": "56999999999", "to": "777"}):
        async with http.post("/reply", json=order) as answer:
            assert await answer.json() == {"replies": 1}
    one, other = await bound.delivered(2)
    assert (one.source_addr, one.short_message) == ("56900000001", b"1")
    assert (other.source_addr, other.destination_addr) == ("56999999999", "777")


async def test_nobody_to_reply_to(http: aiohttp.ClientSession) -> None:
    async with http.post("/reply") as answer:
        assert answer.status == 409


@pytest.mark.parametrize(
    ("call", "body"),
    [("/set", "[]"), ("/set", "{"), ("/reply", '{"txt": "1"}'), ("/storm?count=x", "")],
)
async def test_what_cannot_be_read_is_refused(
    http: aiohttp.ClientSession, call: str, body: str
) -> None:
    async with http.post(call, data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["problems"]
