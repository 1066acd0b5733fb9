"""SIGTERM in the middle of a drain; what systemd is told."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.stage import PAUSE, Carrier, Gateway, Stage, gone, messages, until

SIZE = 200


async def _says_that_it_stops(gateway: Gateway) -> None:
    """To whoever balances load, to who watches and to who sends."""
    ready = await gateway.ask("GET", "/readyz")
    assert (ready.status, ready.json()["reason"]) == (503, "stopping")
    assert (await gateway.ask("GET", "/healthz")).status == 200
    assert (await gateway.ask("GET", "/metrics")).status == 200
    refused = await gateway.ask("POST", "/v1/messages", {"to": "+56912345678", "text": "Hola"})
    assert (refused.status, refused.json()["type"]) == (503, "stopping")


async def test_an_orderly_stop_leaves_nothing_in_doubt(stage: Stage) -> None:
    """Quiet, drain, unbind, exit 0, the embedded store last; a restart sends the rest."""
    carrier = await stage.carrier(delay_ms=400, receipts={"delay_ms": 500})
    gateway = await stage.gateway(carrier)
    campaign = await gateway.campaign()
    await gateway.upload(messages(SIZE, campaign))
    await carrier.until_submits(SIZE // 3)
    store = gateway.store_pid()
    gateway.program.send(signal.SIGTERM)
    await gateway.program.until_event("stopping")
    await _says_that_it_stops(gateway)
    assert await gateway.program.ended() == 0
    assert gone(store)
    (said,) = gateway.program.events("stopped")
    assert said["drained"] is True
    assert (await carrier.stats())["links"] == 0
    taken = await carrier.nothing_twice()
    await carrier.set(accept_binds=False)
    await gateway.start()
    states = await gateway.states(campaign)
    assert states["in_doubt"] == 0
    assert states["queued"] == SIZE - taken > 0
    await carrier.set(accept_binds=True, delay_ms=0)
    await gateway.until_states(campaign, delivered=SIZE)
    assert await carrier.nothing_twice() == SIZE
    assert await gateway.ever_in_doubt() == 0


async def test_a_stop_under_a_stream_of_receipts_is_quick(stage: Stage) -> None:
    """Receipts that keep coming do not hold up a stop: what is not acknowledged comes again."""
    carrier = await stage.carrier(record={"taken": 500}, receipts={"share": 0.0})
    gateway = await stage.gateway(carrier)
    campaign = await gateway.campaign()
    await gateway.upload(messages(500, campaign))
    await gateway.until_states(campaign, submitted=500)

    async def storms() -> None:
        while True:
            if (await carrier.deliveries())["waiting"] < 5_000:
                await carrier.storm(500)
            await asyncio.sleep(PAUSE)

    storming = asyncio.create_task(storms())
    await until(lambda: _many(carrier), "the stream to flow")
    assert await gateway.stop(6.0) == 0
    storming.cancel()
    await asyncio.wait([storming])
    (said,) = gateway.program.events("stopped")
    assert said["drained"] is True


async def _many(carrier: Carrier) -> bool:
    return await carrier.acknowledged() > 1_000


async def test_a_stop_waits_no_longer_than_told_for_a_silent_carrier(stage: Stage) -> None:
    """After drain_seconds it ends all the same, status 0; what was not answered is in doubt."""
    carrier = await stage.carrier(silence=True, receipts={"form": "none"})
    gateway = await stage.gateway(carrier, lifecycle={"drain_seconds": 0.5})
    campaign = await gateway.campaign()
    await gateway.upload(messages(100, campaign))
    await carrier.until_submits(20)  # two binds, and no more of a window until it is answered
    assert await gateway.stop(10.0) == 0
    await carrier.set(accept_binds=False)
    await gateway.start()
    taken = await carrier.nothing_twice()
    await gateway.until_states(campaign, in_doubt=taken, queued=100 - taken)


async def test_a_stop_while_the_store_is_not_there(stage: Stage) -> None:
    """A gateway that still waits for its store ends at once when told to."""
    gateway = Gateway(stage, [], url=f"unix://{stage.folder}/nobody.sock")
    await gateway.launch()
    await gateway.program.until_event("waiting for the store")
    gateway.program.send(signal.SIGTERM)
    assert await gateway.program.ended(5.0) in (0, 1)


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.words: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def read(self) -> list[str]:
        """Everything heard so far."""
        while True:
            try:
                self.words += self._socket.recv(4_096).decode().splitlines()
            except BlockingIOError:
                return self.words

    async def heard(self, word: str, times: int = 1) -> None:
        """Wait for a word."""

        async def look() -> bool:
            return self.read().count(word) >= times

        await until(look, f"{word} {times} times")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(stage: Stage) -> Iterator[Manager]:
    """A service manager that listens."""
    made = Manager(stage.folder / "notify")
    yield made
    made.close()


async def test_systemd_is_told(stage: Stage, manager: Manager) -> None:
    """READY=1 when the API listens, WATCHDOG=1 while the loop turns, STOPPING=1 on SIGTERM."""
    gateway = Gateway(stage, [await stage.carrier()])
    await gateway.launch({"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "2000000"})
    await manager.heard("READY=1")
    ready = gateway.program.events("ready")
    assert "STOPPING=1" not in manager.words
    gateway.base = f"http://{(ready or [await gateway.program.until_event('ready')])[0]['listen']}"
    assert (await gateway.ask("GET", "/readyz")).status == 200
    await manager.heard("WATCHDOG=1", 2)
    assert await gateway.stop() == 0
    await manager.heard("STOPPING=1")
    words = manager.read()
    assert words.index("READY=1") < words.index("WATCHDOG=1") < words.index("STOPPING=1")
    assert words.count("READY=1") == words.count("STOPPING=1") == 1


async def test_a_gateway_that_does_not_start_is_never_ready(stage: Stage, manager: Manager) -> None:
    """Its address is taken: no READY=1, and an exit status that is not 0."""
    first = await stage.gateway()
    second = Gateway(stage, [], name="n2", http={"listen": first.base.removeprefix("http://")})
    await second.launch({"NOTIFY_SOCKET": str(manager.path)})
    assert await second.program.ended() == 1
    assert "READY=1" not in manager.read()
