"""A real server for the store's tests: one for all of them, emptied before each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.message import Campaign
from gateway.store import Store
from tests.redis_server import RedisServer

NOW = 1_763_800_000_000


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[Store]:
    """An empty store with the running campaign ``c1`` of the client ``crm``."""
    store = Store(redis_server.url)
    await store.redis.call("FLUSHALL")
    await store.open()
    await store.records.create_campaign(
        Campaign(id="c1", client="crm", name="mora dia 3", created_ms=NOW)
    )
    yield store
    await store.close()
