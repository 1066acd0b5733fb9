"""The store is away in the middle of submits, sends and receipts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.journeys.stage import (
    Answer,
    Carrier,
    Gateway,
    Json,
    Stage,
    all_ended,
    message,
    messages,
    until,
)
from tests.redis_server import RedisServer

BULK = 400
RECEIPTS = {"delay_ms": 400, "resend_delay_ms": 300}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A store that is not the gateway's own."""
    made = RedisServer()
    yield made
    made.close()


def _with_ref(number: int, campaign: str) -> Json:
    return message(number, campaign, ref=f"r{number}")


class Caller:
    """Posts one message after another, each with a ref, and again after a 503."""

    def __init__(self, gateway: Gateway, campaign: str) -> None:
        self.accepted = 0
        self.refused: list[Answer] = []
        self.strange: list[Answer] = []
        self._gateway = gateway
        self._campaign = campaign
        self._stopped = False

    async def run(self) -> None:
        """Until told to stop; the message under way is accepted first."""
        while not self._stopped:
            await self._accept(_with_ref(50_000 + self.accepted, self._campaign))
            self.accepted += 1

    async def _accept(self, body: dict[str, object]) -> None:
        while True:
            answer = await self._gateway.ask("POST", "/v1/messages", body)
            if answer.status == 202:
                return
            (self.refused if answer.status == 503 else self.strange).append(answer)
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._stopped = True


async def _freeze(server: RedisServer) -> None:
    server.send(signal.SIGSTOP)


async def _thaw(server: RedisServer) -> None:
    server.send(signal.SIGCONT)


async def _kill(server: RedisServer) -> None:
    server.stop(signal.SIGKILL)


async def _start(server: RedisServer) -> None:
    server.start()


@pytest.mark.parametrize(
    ("leave", "come_back"), [(_freeze, _thaw), (_kill, _start)], ids=["frozen", "killed"]
)
async def test_a_store_that_is_away(
    stage: Stage, server: RedisServer, leave: object, come_back: object
) -> None:
    """Callers get 503 with Retry-After, the carrier's receipts are not said to be kept, and when
    the store is back all goes on by itself: nothing lost, nothing twice."""
    assert callable(leave)
    assert callable(come_back)
    carrier = await stage.carrier(delay_ms=5, receipts=RECEIPTS)
    gateway = await stage.gateway(carrier, url=server.url, account={"rate": 400})
    campaign = await gateway.campaign()
    await gateway.upload(messages(BULK, campaign))
    caller = Caller(gateway, campaign)
    calling = asyncio.create_task(caller.run())
    await carrier.until_submits(BULK // 4)
    await leave(server)
    await _receipts_wait(carrier)
    before = await carrier.acknowledged()
    readiness = asyncio.create_task(gateway.ask("GET", "/readyz"))
    await until(lambda: _said(caller, 1), "callers to be told")
    assert (await readiness).status == 503
    assert (await gateway.ask("GET", "/healthz")).status == 200
    assert await carrier.acknowledged() == before
    (account,) = (await gateway.call("GET", "/v1/carriers"))["items"]
    assert account["limited_by"] == "store"
    await come_back(server)
    had = caller.accepted
    await until(lambda: _more(caller, had), "callers to be served again")
    caller.stop()
    await calling
    assert not caller.strange
    for answer in caller.refused:
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "store-unavailable"
    await all_ended(gateway, carrier, campaign, BULK + caller.accepted)
    assert (await gateway.states(campaign))["in_doubt"] == 0
    assert (await gateway.ask("GET", "/readyz")).status == 200


async def _acknowledged(carrier: Carrier, number: int) -> bool:
    return await carrier.acknowledged() == number


async def _receipts_wait(carrier: Carrier) -> None:
    """Until the carrier has sent receipts that nobody answers."""

    async def look() -> bool:
        found = await carrier.deliveries()
        return bool(found["sent"] - sum(Counter(found["statuses"]).values()) >= 20)

    await until(look, "receipts without an answer")


async def _said(caller: Caller, times: int) -> bool:
    return len(caller.refused) >= times


async def _more(caller: Caller, had: int) -> bool:
    return caller.accepted > had + 5


async def test_receipts_are_not_said_to_be_kept_before_they_are(
    stage: Stage, server: RedisServer
) -> None:
    """Hundreds come while the store is away, and none is acknowledged; the gateway dies before
    the store is back, and they come again and are kept."""
    carrier = await stage.carrier(receipts={"share": 0.0})
    gateway = await stage.gateway(carrier, url=server.url)
    campaign = await gateway.campaign()
    await gateway.upload(messages(BULK, campaign))
    await gateway.until_states(campaign, submitted=BULK)
    server.stop(signal.SIGKILL)
    assert await carrier.storm(BULK) == BULK
    await _receipts_wait(carrier)
    await gateway.program.until_event("store away")
    assert await carrier.acknowledged() == 0
    await gateway.kill()
    server.start()
    await gateway.start()
    await gateway.until_states(campaign, delivered=BULK)
    await until(lambda: _acknowledged(carrier, BULK), "the carrier to read the last answers")


async def test_an_embedded_store_that_dies_is_started_again(stage: Stage) -> None:
    """kill -9 of the private server: the gateway brings it back, and nothing is lost or twice."""
    carrier = await stage.carrier(delay_ms=5, receipts=RECEIPTS)
    gateway = await stage.gateway(carrier, account={"rate": 400})
    campaign = await gateway.campaign()
    await gateway.upload(messages(BULK, campaign))
    await carrier.until_submits(BULK // 4)
    first = gateway.store_pid()
    os.kill(first, signal.SIGKILL)
    await all_ended(gateway, carrier, campaign, BULK)
    assert gateway.store_pid() != first


async def test_a_stream_that_the_store_breaks_off_may_be_sent_again(
    stage: Stage, server: RedisServer
) -> None:
    """503 with the lines that are committed; all of it again, with refs, makes nothing twice."""
    carrier = await stage.carrier(receipts={"form": "none"})
    gateway = await stage.gateway(carrier, url=server.url)
    campaign = await gateway.campaign()
    lines = [_with_ref(number, campaign) for number in range(2_000)]
    server.stop(signal.SIGKILL)
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    answer = await gateway.ask("POST", "/v1/messages", body, kind="application/x-ndjson")
    assert answer.status == 503, answer
    assert answer.json()["committed_lines"] == 0
    server.start()
    await gateway.upload(lines)
    await gateway.upload(lines)
    await gateway.until_states(campaign, submitted=len(lines))
    assert await carrier.nothing_twice() == len(lines)
