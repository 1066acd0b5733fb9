"""Two nodes with one account at a carrier that allows so many binds and no more."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.carrier import slots
from gateway.carrier.account import Account
from gateway.carrier.dispatch import Limit
from gateway.carrier.session import BindState
from gateway.config import Carrier
from gateway.metrics import Metrics
from gateway.simulator.script import Script
from gateway.simulator.simulator import Simulator
from gateway.store import Store
from gateway.store.node import Node
from tests.carrier.conftest import Line, until


class Peer:
    """A node and its account, renewed when the test says so."""

    def __init__(self, node: Node, account: Account) -> None:
        self.node, self.account = node, account

    @property
    def bound(self) -> int:
        return sum(bind.bound for bind in self.account.binds)

    async def renew(self) -> None:
        (holding,) = await self.node.renew([self.account.wish()])
        self.account.hold(holding)


MakePeer = Callable[[str], Awaitable[Peer]]


@pytest.fixture
async def carrier() -> AsyncIterator[Simulator]:
    script = {"listen": "127.0.0.1:0", "seed": 1, "max_binds": 2, "delay_ms": 5}
    async with Simulator(msgspec.convert(script, Script)) as made:
        yield made


@pytest.fixture
async def peer(
    store: Store, tmp_path: Path, carrier: Simulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakePeer]:
    monkeypatch.setattr(slots, "LAST_SECONDS", 0.0)
    async with AsyncExitStack() as stack:

        async def make(name: str) -> Peer:
            node = Node(store.redis, name, tmp_path / name)
            await node.join()
            settings: dict[str, Any] = {"rebind_min_seconds": 0.02, "rebind_max_seconds": 0.05}
            settings |= {"host": "127.0.0.1", "system_id": "recado", "password": "secret"}
            settings |= {"binds": 2, "rate": 1000, "already_bound_seconds": 0.05}
            c = Carrier(name="andina", port=carrier.port, window=5, **settings)
            account = Account(c, store, node, Metrics(), "crm")
            account.pump.routes = lambda: ["chile"]
            account.start()

            async def end() -> None:
                await account.quiet()
                await account.unbind(1.0)

            stack.push_async_callback(end)
            return Peer(node, account)

        yield make


async def shared(one: Peer, two: Peer, *wanted: int) -> None:
    """Renew both until each has so many binds."""

    async def reached() -> bool:
        await one.renew()
        await two.renew()
        return (one.bound, two.bound) == wanted

    await until(reached)


async def test_a_bind_is_handed_over_in_the_middle_of_a_campaign(
    store: Store, carrier: Simulator, peer: MakePeer
) -> None:
    one = await peer("n1")
    await one.renew()
    line = Line(store, carrier, one.account)
    await line.put(*range(400))
    two = await peer("n2")
    await two.renew()
    assert two.account.status()["state"] == "standby"
    assert two.account.pump.limited_by is Limit.standby
    await shared(one, two, 1, 1)
    two.account.pump.wake()
    await line.until(delivered=400)
    assert set(line.taken().values()) == {1}
    assert carrier.stats()["binds_refused"] == 0
    assert two.account.pump.sent_total > 0
    assert await store.redis.call("ZCARD", store.redis.keys("doubt")) == 0
    status = one.account.status()
    assert status["slots"] == {"held": 1, "others": 1, "allowed": 2}
    assert [bind["state"] for bind in status["binds"]].count("stopped") == 1


async def test_the_rate_is_divided_by_the_binds_held(peer: MakePeer) -> None:
    one, two = await peer("n1"), await peer("n2")
    await one.renew()

    async def whole() -> bool:
        return one.account.pump.pacer.rate == 1000

    await until(whole)
    await shared(one, two, 1, 1)

    async def halves() -> bool:
        return one.account.pump.pacer.rate == two.account.pump.pacer.rate == 500

    await until(halves)


async def test_the_rate_falls_before_a_bind_is_handed_over(peer: MakePeer) -> None:
    one, two = await peer("n1"), await peer("n2")
    await one.renew()
    await two.renew()
    await one.renew()
    assert (len(one.account.slots.in_use), len(one.account.slots.held)) == (1, 2)
    assert [bind.retiring for bind in one.account.binds].count(True) == 1


async def test_a_node_that_cannot_renew_unbinds_and_comes_back(
    store: Store, carrier: Simulator, peer: MakePeer
) -> None:
    one = await peer("n1")
    await shared(one, one, 2, 2)
    one.account.slots.let_go()
    one.account.slots.let_go()  # asked again and again until it is done

    async def gone() -> bool:
        return not one.account.slots.held

    await until(gone)
    assert [bind.state for bind in one.account.binds] == [BindState.stopped] * 2
    assert carrier.door.account("recado").binds == []
    for second in range(40):  # the carrier has done nothing
        one.account.look(1_000.0 + second)
    assert one.account.out == ""
    await shared(one, one, 2, 2)
    line = Line(store, carrier, one.account)
    await line.put(1)
    await line.until(delivered=1)


async def test_a_bind_that_unbinds_by_itself_is_let_go_of_all_the_same(peer: MakePeer) -> None:
    """The timer for inactivity has just asked for it, and the carrier has not answered."""
    one = await peer("n1")
    await shared(one, one, 2, 2)
    for bind in one.account.binds:
        bind.session.unbind(time.monotonic())
    one.account.slots.let_go()

    async def gone() -> bool:
        return not one.account.slots.held

    await until(gone)
    await shared(one, one, 2, 2)


async def test_a_bind_that_another_has_taken_is_dropped_at_once(
    store: Store, peer: MakePeer
) -> None:
    one, two = await peer("n1"), await peer("n2")
    await shared(one, one, 2, 2)
    key = store.redis.keys("slots", "andina")
    value = f"{two.node.incarnation}\x1f9999999999999\x1f"
    await store.redis.call("HSET", key, 1, value)
    await one.renew()
    assert one.account.slots.held == [0]
    assert one.account.binds[1].reason == slots.ELSEWHERE
    assert one.account.binds[1].state is BindState.stopped


async def test_when_a_node_leaves_the_other_has_all(carrier: Simulator, peer: MakePeer) -> None:
    one, two = await peer("n1"), await peer("n2")
    await one.renew()
    await shared(one, two, 1, 1)
    await one.account.quiet()
    await one.account.unbind()
    await one.node.renew([one.account.wish()], leaving=True)
    await shared(two, two, 2, 2)
    assert carrier.stats()["binds_refused"] == 0


async def test_a_standby_that_takes_over_is_in_service_at_once(
    store: Store, peer: MakePeer
) -> None:
    """That it had no bind while others had all of them says nothing of the carrier."""
    one, two = await peer("n1"), await peer("n2")
    await shared(one, one, 2, 2)
    await two.renew()
    assert two.account.status()["state"] == "standby"
    for second in range(40):
        two.account.look(1_000.0 + second)
    await one.account.quiet()
    await one.account.unbind()
    await one.node.renew([one.account.wish()], leaving=True)
    await shared(two, two, 2, 2)
    two.account.look(1_041.0)
    assert two.account.out == ""
    assert two.account.wish().out == ""


async def test_a_standby_takes_the_word_of_who_holds_the_binds(peer: MakePeer) -> None:
    one, two = await peer("n1"), await peer("n2")
    await shared(one, one, 2, 2)
    await two.renew()
    assert (one.account.out, two.account.out) == ("", "")
    one.account.pump.pause(True)
    await one.renew()
    await two.renew()
    assert (one.account.out, two.account.out) == ("paused", "unbound")
    one.account.pump.pause(False)
    await one.renew()
    await two.renew()
    assert (one.account.out, two.account.out) == ("", "")
