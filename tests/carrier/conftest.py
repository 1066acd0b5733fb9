"""A real store, a simulated carrier on a real socket, and an account of ours between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.carrier.account import Account
from gateway.clock import wall_ms
from gateway.config import Carrier, Route
from gateway.metrics import Metrics
from gateway.simulator.script import Script
from gateway.simulator.simulator import Simulator
from gateway.store import Store
from gateway.store.node import Node
from tests.store.conftest import store as store
from tests.store.test_queue import put

LIMIT = 20.0
CHILE = Route(name="chile", prefixes=("+56",), carriers=("andina",))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something another task brings about; fail when it does not come."""
    async with asyncio.timeout(LIMIT):
        while not await condition():
            await asyncio.sleep(0)


class Line:
    """Everything between a store and a carrier."""

    def __init__(self, store: Store, carrier: Any, account: Account) -> None:
        self.store, self.carrier, self.account = store, carrier, account

    async def put(self, *numbers: int, **settings: Any) -> None:
        """Accept messages numbered so, now."""
        settings.setdefault("accepted_ms", wall_ms())
        await self.store.queue.put([put(number, **settings) for number in numbers])
        self.account.pump.wake()

    async def states(self) -> Counter[str]:
        """How many messages of the campaign are in each state."""
        report = await self.store.records.report("crm", "c1")
        assert report is not None
        return Counter(report.by_state)

    async def until(self, **wanted: int) -> None:
        """Wait until the campaign's messages are in these states."""

        async def reached() -> bool:
            return await self.states() == Counter(wanted)

        try:
            await until(reached)
        except TimeoutError:
            raise AssertionError(f"wanted {wanted}, found {await self.states()}") from None

    def taken(self) -> Counter[str]:
        """How often each recipient's message was taken by the carrier."""
        return Counter(s.recipient for s in self.carrier.submissions if s.status <= 0)


async def bound(
    stack: AsyncExitStack, store: Store, folder: Path, port: int, **settings: Any
) -> Account:
    """An account of ours at the carrier on ``port``; the stack ends it."""
    node = Node(store.redis, "n1", folder)
    await node.join()
    settings = {
        "name": "andina",
        "host": "127.0.0.1",
        "system_id": "recado",
        "password": "secret",
        "rebind_min_seconds": 0.02,
        "rebind_max_seconds": 0.05,
        "already_bound_seconds": 0.05,
    } | settings
    account = Account(Carrier(port=port, **settings), store, node, Metrics(), "crm")
    account.pump.routes = lambda: ["chile"]
    account.start()
    for holding in await node.renew([account.wish()]):
        account.hold(holding)

    async def end() -> None:
        await account.quiet()
        await account.unbind(1.0)

    stack.push_async_callback(end)
    return account


@pytest.fixture
async def line(store: Store, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Line]]]:
    """Makes a :class:`Line`: ``await line(script={...}, window=5)``, ended after the test."""
    async with AsyncExitStack() as stack:

        async def make(script: dict[str, Any] | None = None, **settings: Any) -> Line:
            import msgspec

            wanted = {"listen": "127.0.0.1:0", "seed": 1} | (script or {})
            carrier = await stack.enter_async_context(Simulator(msgspec.convert(wanted, Script)))
            account = await bound(stack, store, tmp_path, carrier.port, **settings)
            return Line(store, carrier, account)

        yield make
