"""Messages over their campaign's budget: whoever promotes, and whatever dies, each goes once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from gateway.message import Campaign, OverBudget
from gateway.store import Store
from tests.redis_server import RedisServer
from tests.store.conftest import NOW
from tests.store.test_queue import claimed_numbers, put

MANY = 500


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server that may be killed."""
    made = RedisServer()
    yield made
    made.close()


async def holding(server: RedisServer, most: int) -> Store:
    """A store with the campaign ``c2`` and so many segments for it."""
    store = Store(server.url)
    await store.redis.call("FLUSHALL")
    await store.open()
    await make(store, "c2", most)
    return store


async def make(store: Store, id: str, most: int) -> None:
    """A campaign that holds what is over so many segments."""
    hold = OverBudget.hold
    await store.records.create_campaign(
        Campaign(id=id, client="crm", name="x", created_ms=NOW, max_segments=most, over_budget=hold)
    )


async def test_nodes_that_promote_together(redis_server: RedisServer) -> None:
    """In the order of acceptance, each once, up to the limit."""
    nodes = [await holding(redis_server, 10), Store(redis_server.url), Store(redis_server.url)]
    first = nodes[0]
    for start in range(0, MANY, 100):
        await first.queue.put([put(n, campaign="c2") for n in range(start, start + 100)])
    await first.records.update_campaign("crm", "c2", max_segments=MANY - 7)
    while any(wait == 0 for _, wait in await asyncio.gather(
        *(node.queue.promote(NOW, 40) for node in nodes)
    )):  # fmt: skip
        pass
    assert await claimed_numbers(first, MANY) == list(range(MANY - 7))
    assert await first.records.campaign_used("c2") == MANY - 7
    report = await first.records.report("crm", "c2")
    assert report is not None
    assert report.held == 7
    for node in nodes:
        await node.close()


async def test_steps_are_bounded_over_all_campaigns(redis_server: RedisServer) -> None:
    """However many have room, one step lets go no more than it is asked to."""
    store = await holding(redis_server, 1)
    for campaign in ("c3", "c4"):
        await make(store, campaign, 1)
    for campaign in ("c2", "c3", "c4"):
        await store.queue.put([put(n, campaign=campaign) for n in range(30)])
        await store.records.update_campaign("crm", campaign, max_segments=30)
    steps = []
    while not steps or steps[-1][1] == 0:
        steps.append(await store.queue.promote(NOW, 20))
    assert steps == [(20, 0), (20, 0), (20, 0), (20, 0), (7, -1)]
    await store.close()


async def test_a_store_that_is_killed_while_they_go(server: RedisServer) -> None:
    """What was raised is raised, what was held is held, and the rest goes after the restart."""
    store = await holding(server, 10)
    await store.queue.put([put(n, campaign="c2", expires_ms=NOW + 9) for n in range(MANY)])
    await store.records.update_campaign("crm", "c2", max_segments=MANY - 7)
    assert await store.queue.promote(NOW, 40) == (40, 0)
    await store.close()
    server.stop(signal.SIGKILL)
    server.start()
    store = Store(server.url)
    await store.open()
    while (await store.queue.promote(NOW, 200))[1] == 0:
        pass
    assert await claimed_numbers(store, MANY) == list(range(MANY - 7))
    assert await store.queue.promote(NOW + 9) == (7, -1)
    report = await store.records.report("crm", "c2")
    assert report is not None
    assert (report.budget, report.held) == (MANY - 7, 0)
    assert report.by_state == {"queued": MANY - 7, "expired": 7}
    assert await store.redis.call("KEYS", store.redis.keys("over") + "*") == []
    assert await store.redis.call("EXISTS", store.redis.keys("body"), store.redis.keys("room")) == 0
    await store.close()
