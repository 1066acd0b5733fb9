"""Carriers of others, an account of ours at each, and ends to both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.store import Store
from tests.carrier.conftest import Line, bound
from tests.foreign.carriers import Carrier, NodeCarrier, RustCarrier
from tests.store.conftest import store as store

Bound = Callable[..., Awaitable[Line]]


@pytest.fixture(params=["node", "rust"])
async def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Carrier]:
    """Each of the carriers, listening."""
    made: Carrier = await (
        NodeCarrier.start(tmp_path) if request.param == "node" else RustCarrier.start()
    )
    yield made
    await made.close()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeCarrier]:
    """The one that can be told most."""
    made = await NodeCarrier.start(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def at(store: Store, tmp_path: Path) -> AsyncIterator[Bound]:
    """Makes a line to a carrier: ``await at(carrier, window=5)``, ended before it."""
    async with AsyncExitStack() as stack:

        async def make(carrier: Carrier, **settings: Any) -> Line:
            account = await bound(stack, store, tmp_path, carrier.port, **settings)
            return Line(store, carrier, account)

        yield make
