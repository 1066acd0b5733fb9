"""A carrier's wire over HTTP: told to the operator alone, ended in time, holding nothing up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from gateway.api import trace as module
from gateway.api.server import STOP_SECONDS, Api
from gateway.carrier import account
from gateway.metrics import Metrics
from gateway.smpp.pdu import SubmitSm, Tlv, encode
from tests.api.conftest import KEYS, Carriers, Clock, Running, config
from tests.carrier.conftest import CHILE, LIMIT, Line, until
from tests.carrier.conftest import line as line
from tests.store.conftest import store as store

HEADERS = {"Authorization": f"Bearer {KEYS['crm']}"}
PATH = "/v1/carriers/andina/trace"
MakeLine = Callable[..., Awaitable[Line]]


class Wire(Running):
    """An API over an account that is bound to a simulated carrier."""

    line: Line

    @property
    def tapped(self) -> bool:
        return any(bind.tap is not None for bind in self.line.account.binds)

    async def until(self, look: Callable[[], bool]) -> None:
        async def looked() -> bool:
            return look()

        await until(looked)


@pytest.fixture
async def wire(line: MakeLine, tmp_path: Path) -> AsyncIterator[Wire]:
    """Bound, and called over HTTP."""
    made = await line(window=5)
    carriers = account.Carriers([made.account], [CHILE])
    api = Api(config(tmp_path), made.store, carriers, Metrics(), lambda: True)
    await api.start()
    running = Wire(api, made.store, Carriers(), Clock())
    running.line = made
    await running.until(lambda: made.account.binds[0].bound)
    async with ClientSession(auto_decompress=False) as session:
        running.session = session
        yield running
    await api.stop()


async def test_pdus_are_told_until_there_are_enough(wire: Wire) -> None:
    """From submit to receipt, over real sockets; each line is as it is described."""
    asking = asyncio.create_task(wire.call("GET", f"{PATH}?count=4"))
    await wire.until(lambda: wire.tapped)
    await wire.line.put(1)
    answer = await asking
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    first, *pdus, end = answer.lines
    assert (first["event"], first["state"]) == ("bind", "bound")
    assert sorted((one["pdu"], one["direction"]) for one in pdus) == [
        ("deliver_sm", "in"),
        ("deliver_sm_resp", "out"),
        ("submit_sm", "out"),
        ("submit_sm_resp", "in"),
    ]
    assert (end["event"], end["reason"], end["pdus"]) == ("end", "count", 4)
    assert b"56900000001" not in answer.body
    await wire.until(lambda: not wire.tapped)


async def test_no_more_are_told_than_were_asked_for(wire: Wire) -> None:
    """However many come in one read."""
    asking = asyncio.create_task(wire.call("GET", f"{PATH}?count=2"))
    await wire.until(lambda: wire.tapped)
    tap = wire.line.account.binds[0].tap
    assert tap is not None
    tap.octets("in", encode(SubmitSm(1)) * 5)
    answer = await asking
    assert sum("pdu" in one for one in answer.lines) == answer.lines[-1]["pdus"] == 2


async def test_what_is_asked_for_is_shown(wire: Wire) -> None:
    query = "count=1&numbers=true&texts=true&octets=true"
    asking = asyncio.create_task(wire.call("GET", f"{PATH}?{query}"))
    await wire.until(lambda: wire.tapped)
    await wire.line.put(1, text="Su cuota")
    (said,) = [one for one in (await asking).lines if "pdu" in one]
    assert said["fields"]["destination_addr"] == "56900000001"
    assert said["text"] == "Su cuota"
    octets = bytes.fromhex(said["octets"])
    assert (len(octets), octets[:4]) == (said["length"], said["length"].to_bytes(4, "big"))
    assert b"56900000001" in octets


async def test_a_trace_ends_in_time(wire: Wire) -> None:
    answer = await wire.call("GET", f"{PATH}?seconds=0.05")
    assert (answer.lines[-1]["event"], answer.lines[-1]["reason"]) == ("end", "seconds")
    assert not wire.tapped


async def test_a_quiet_wire_is_told_to_be_alive(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that proxies and readers notice a dead link."""
    monkeypatch.setattr(module, "ALIVE_SECONDS", 0.01)
    answer = await wire.call("GET", f"{PATH}?seconds=0.3")
    assert {"alive"} < {one["event"] for one in answer.lines}


async def test_a_caller_who_goes_takes_the_tap_along(wire: Wire) -> None:
    """At once: nothing has to be told for it to be noticed."""
    answer = await wire.session.get(f"http://127.0.0.1:{wire.port}{PATH}", headers=HEADERS)
    await answer.content.readline()
    assert wire.tapped
    answer.close()
    await wire.until(lambda: not wire.tapped)
    assert wire.api.context.traces == 0


async def test_one_who_does_not_read_holds_nothing_up(wire: Wire) -> None:
    """Neither messages nor the stop, which ends every trace at once."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.setblocking(False)
    await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", wire.port))
    head = f"GET {PATH}?octets=true HTTP/1.1\r\nHost: x\r\nAuthorization: "
    deaf.send(f"{head}{HEADERS['Authorization']}\r\n\r\n".encode())
    await wire.until(lambda: wire.tapped)
    tap = wire.line.account.binds[0].tap
    assert tap is not None
    large = encode(SubmitSm(tlvs=((int(Tlv.MESSAGE_PAYLOAD), bytes(60_000)),)))
    (connection,) = wire.api._servers[0].connections

    def full() -> bool:
        """Does the caller's side hold no more? That is when the connection has no room."""
        tap.octets("out", large)
        return connection._room is not None

    await wire.until(full)
    await wire.line.put(*range(50))
    await wire.line.until(delivered=50)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await wire.api.quiet()
    assert loop.time() - began < STOP_SECONDS / 2
    assert not wire.tapped
    deaf.close()


async def test_the_stop_ends_a_trace_in_order(wire: Wire) -> None:
    """Its last line says why."""
    asking = asyncio.create_task(wire.call("GET", PATH))
    await wire.until(lambda: wire.tapped)
    await wire.api.quiet()
    end = (await asking).lines[-1]
    assert (end["event"], end["reason"]) == ("end", "stopping")


async def test_who_may_and_what_may_be_asked(api: Running) -> None:
    assert (await api.call("GET", PATH, key="reader")).status == 403
    assert (await api.call("GET", PATH, key=None)).status == 401
    answer = await api.call("GET", "/v1/carriers/sur/trace")
    assert (answer.status, answer.json["type"]) == (404, "unknown-carrier")
    assert "andina" in answer.json["detail"]
    for query in ("seconds=3601", "seconds=-1", "seconds=nan", "count=0", "numbers=yes", "texts=1"):
        answer = await api.call("GET", f"{PATH}?{query}")
        assert (answer.status, answer.json["type"]) == (400, "invalid-parameter"), query
    answer = await api.call("GET", f"{PATH}?second=1")
    assert (answer.status, answer.json["type"]) == (400, "unknown-parameter")


async def test_a_head_asks_for_no_trace(api: Running) -> None:
    url = f"http://127.0.0.1:{api.port}{PATH}"
    async with asyncio.timeout(LIMIT), api.session.head(url, headers=HEADERS) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_there_are_no_more_than_a_process_has(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    asking = asyncio.create_task(wire.call("GET", f"{PATH}?count=1"))
    await wire.until(lambda: wire.tapped)
    answer = await wire.call("GET", PATH)
    assert (answer.status, answer.json["type"]) == (429, "too-many-traces")
    assert int(answer.headers["Retry-After"]) > 0
    await wire.line.put(1)
    await asking


async def test_it_is_logged_who_watches(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    """To show numbers and texts is no small thing."""
    with caplog.at_level("INFO", "gateway.api.trace"):
        await wire.call("GET", f"{PATH}?seconds=0&texts=true")
    (said,) = [vars(record) for record in caplog.records if record.msg == "trace begins"]
    assert (said["client"], said["carrier"]) == ("crm", "andina")
    assert said["shows"] == {"numbers": False, "texts": True, "octets": False}
