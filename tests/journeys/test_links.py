"""The carrier drops connections, falls silent, goes deaf, refuses the bind, hangs up at once."""

from __future__ import annotations

import asyncio
import socket
import struct

from tests.journeys.stage import (
    BINDS,
    TWO_WINDOWS,
    WINDOW,
    Carrier,
    Gateway,
    Stage,
    all_ended,
    messages,
    until,
)

SIZE = 400


async def test_a_carrier_that_drops_connections(stage: Stage) -> None:
    """Every link is cut again and again while messages flow: each cut leaves a window in doubt at
    most, and receipts settle it."""
    carrier = await stage.carrier(delay_ms=40, drop_every_s=0.7, receipts={"delay_ms": 300})
    gateway = await stage.gateway(carrier, account={"rate": 200})
    campaign = await gateway.campaign()
    await gateway.upload(messages(SIZE, campaign))
    await carrier.until_submits(SIZE * 3 // 4)
    await carrier.set(drop_every_s=0)
    await all_ended(gateway, carrier, campaign, SIZE)
    cuts = (await carrier.stats())["links_cut"]
    assert cuts >= BINDS
    assert await gateway.ever_in_doubt() <= cuts * WINDOW


async def test_a_carrier_that_takes_and_does_not_answer(stage: Stage) -> None:
    """Its silence lasts several response times: what is in doubt stays within two windows a
    bind, the rest waits, and when it answers again the rest goes out."""
    carrier = await stage.carrier(delay_ms=5, silence_after=200, receipts={"delay_ms": 800})
    gateway = await stage.gateway(carrier, account={"response_seconds": 0.33})
    campaign = await gateway.campaign()
    await gateway.upload(messages(SIZE, campaign))

    async def in_doubt() -> bool:
        return await gateway.ever_in_doubt() >= WINDOW

    await until(in_doubt, "submits to come into doubt")
    began = asyncio.get_running_loop().time()

    async def later() -> bool:
        assert await gateway.ever_in_doubt() <= TWO_WINDOWS
        return asyncio.get_running_loop().time() - began > 1.7

    await until(later, "five response times")
    await carrier.set(silence_after=0)
    await all_ended(gateway, carrier, campaign, SIZE)
    assert await gateway.ever_in_doubt() <= TWO_WINDOWS


async def test_a_carrier_that_reads_nothing(stage: Stage) -> None:
    """A deaf carrier is found out by enquire_link, its links are dropped, and all goes on when
    it hears again."""
    carrier = await stage.carrier(delay_ms=20, receipts={"delay_ms": 800})
    gateway = await stage.gateway(
        carrier, account={"enquire_link_seconds": 0.3, "response_seconds": 0.5, "rate": 300}
    )
    campaign = await gateway.campaign()
    await gateway.upload(messages(SIZE, campaign))
    await carrier.until_submits(SIZE // 4)
    await carrier.set(deaf=True)

    async def given_up() -> bool:
        lost = gateway.program.events("connection lost")
        return {line["bind"] for line in lost} == set(range(BINDS))

    await until(given_up, "the links to be given up")
    await carrier.set(deaf=False)
    await all_ended(gateway, carrier, campaign, SIZE)


async def test_a_bind_refused_several_times(stage: Stage) -> None:
    """It is tried again until it is accepted, and then everything leaves; nothing is in doubt."""
    carrier = await stage.carrier(refuse_binds=6)
    gateway = await stage.gateway(carrier)
    campaign = await gateway.campaign()
    await gateway.upload(messages(100, campaign))
    await gateway.until_states(campaign, delivered=100)
    assert (await carrier.stats())["binds_refused"] == 6
    assert await gateway.ever_in_doubt() == 0


async def test_a_carrier_that_hangs_up_at_once(stage: Stage) -> None:
    """What a proxy before a dead carrier does: each connection is reset as soon as it is made.
    The binds go on trying, and hold when the carrier is there."""
    carrier = Carrier(stage, {})
    hung_up = 0

    def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hung_up
        hung_up += 1
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    proxy = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    carrier.port = proxy.sockets[0].getsockname()[1]
    gateway: Gateway = await stage.gateway(
        carrier, account={"rebind_min_seconds": 0.01, "rebind_max_seconds": 0.02}
    )
    campaign = await gateway.campaign()
    await gateway.upload(messages(10, campaign))

    async def often() -> bool:
        return hung_up >= 60

    await until(often, "many attempts")
    proxy.close()
    await proxy.wait_closed()
    await carrier.start()
    await gateway.until_states(campaign, delivered=10)

    async def all_bound() -> bool:
        return bool((await carrier.stats())["links"] == BINDS)

    await until(all_bound, "every bind to hold")
