"""Two gateways on one store; one that others have declared dead."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.journeys.stage import BINDS, TWO_WINDOWS, Gateway, Stage, all_ended, messages, until
from tests.redis_server import RedisServer

SIZE = 800


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A store for several."""
    made = RedisServer()
    yield made
    made.close()


async def binds(gateway: Gateway) -> list[int]:
    """How many binds of its account are bound, are its own, and are another's."""
    (account,) = (await gateway.call("GET", "/v1/carriers"))["items"]
    up = sum(bind["state"] == "bound" for bind in account["binds"])
    return [up, account["slots"]["held"], account["slots"]["others"]]


async def shared(one: Gateway, two: Gateway) -> None:
    """Wait until each has one of the two binds."""

    async def look() -> bool:
        return await binds(one) == await binds(two) == [1, 1, 1]

    await until(look, "each to have one bind")


async def test_two_gateways_share_the_work(stage: Stage, server: RedisServer) -> None:
    """Both send, nothing goes out twice, and receipts are tied whichever bind they come on."""
    carrier = await stage.carrier(delay_ms=30, receipts={"delay_ms": 200, "other_bind_share": 0.5})
    one = await stage.gateway(carrier, url=server.url, name="n1")
    two = await stage.gateway(carrier, url=server.url, name="n2")
    await shared(one, two)
    campaign = await one.campaign()
    await one.upload(messages(SIZE, campaign))
    rates = {}
    for gateway in (one, two):

        async def sends(gateway: object = gateway) -> bool:
            (account,) = (await gateway.call("GET", "/v1/carriers"))["items"]  # type: ignore[attr-defined]
            return bool(account["sending_rate"] > 0)

        rates[gateway.name] = await until(sends, f"{gateway.name} to send")
    await all_ended(two, carrier, campaign, SIZE)
    assert (await one.states(campaign))["delivered"] == SIZE
    assert await one.ever_in_doubt() == 0


async def test_the_other_gateway_goes_on_after_a_crash(stage: Stage, server: RedisServer) -> None:
    """One of two is killed: the other sends the rest; what the dead one held is in doubt as soon
    as it is started again, and its receipts settle it."""
    carrier = await stage.carrier(delay_ms=30, receipts={"delay_ms": 1_000})
    one = await stage.gateway(carrier, url=server.url, name="n1")
    two = await stage.gateway(carrier, url=server.url, name="n2")
    await shared(one, two)
    campaign = await one.campaign()
    await one.upload(messages(SIZE, campaign))
    await carrier.until_submits(SIZE // 4)
    await one.kill()

    async def the_rest() -> bool:
        return (await two.states(campaign))["queued"] <= TWO_WINDOWS

    await until(the_rest, "the other to send the rest")
    await one.start()
    await all_ended(two, carrier, campaign, SIZE)
    assert await two.ever_in_doubt() <= TWO_WINDOWS


async def test_the_binds_of_a_dead_gateway_are_taken_over(
    stage: Stage, server: RedisServer
) -> None:
    """The carrier allows two binds: each gateway has one; within 20 s of the death of one the other
    has both, and what the dead one held is in doubt and settled by its receipts."""
    carrier = await stage.carrier(delay_ms=30, max_binds=BINDS, receipts={"delay_ms": 1_000})
    one = await stage.gateway(carrier, url=server.url, name="n1")
    two = await stage.gateway(carrier, url=server.url, name="n2")

    await shared(one, two)
    assert (await carrier.stats())["binds_refused"] == 0
    campaign = await one.campaign()
    await one.upload(messages(SIZE, campaign))
    await carrier.until_submits(SIZE // 4)
    await one.kill()
    died = time.monotonic()

    async def taken() -> bool:
        return await binds(two) == [2, 2, 0]

    await until(taken, "the other to have both binds")
    assert time.monotonic() - died <= 20.0
    await all_ended(two, carrier, campaign, SIZE)
    assert await two.ever_in_doubt() <= TWO_WINDOWS


async def test_a_gateway_declared_dead_ends(stage: Stage, server: RedisServer) -> None:
    """Its lease had ended and another node has put into doubt what it held: it says so and ends
    with status 1, for the service manager to start it again; the next one sends."""
    carrier = await stage.carrier()
    gateway = await stage.gateway(carrier, url=server.url)
    with Redis.from_url(server.url) as store:
        (member,) = store.smembers("recado:{0}:nodes")
        store.srem("recado:{0}:nodes", member)
    assert await gateway.program.ended() == 1
    assert any("declared dead" in line for line in gateway.program.complaints())
    await gateway.start()
    campaign = await gateway.campaign()
    await gateway.upload(messages(50, campaign))
    await all_ended(gateway, carrier, campaign, 50)


async def test_the_same_name_on_one_store_is_refused(stage: Stage, server: RedisServer) -> None:
    """Two gateways of one name with folders of their own would each declare the other dead: the
    second is refused while the first lives, and the first goes on undisturbed."""
    carrier = await stage.carrier(receipts={"delay_ms": 100})
    one = await stage.gateway(carrier, url=server.url, name="n1")
    two = Gateway(stage, [carrier], url=server.url, name="n2")
    two.settings["node"] = {"name": "n1"}
    await two.launch()
    assert await two.program.ended() == 1
    (line,) = two.program.complaints()
    assert "n1" in line
    assert "[node] name" in line
    campaign = await one.campaign()
    await one.upload(messages(100, campaign))
    await all_ended(one, carrier, campaign, 100)
    assert await one.ever_in_doubt() == 0
