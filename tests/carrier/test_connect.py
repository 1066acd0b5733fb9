"""A connection that is given up while it is made leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from gateway.carrier import connect
from gateway.config import Carrier
from tests.carrier.conftest import until


async def test_a_connection_given_up_halfway_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The carrier's backlog is full: it takes no connection, and refuses none."""
    made: list[socket.socket] = []
    real = socket.socket

    def noted(*how: int) -> socket.socket:
        made.append(real(*how))
        return made[-1]

    with real() as full, real() as first, real() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        monkeypatch.setattr(connect.socket, "socket", noted)
        carrier = Carrier(
            name="andina", host="127.0.0.1", port=full.getsockname()[1], system_id="r", password="x"
        )
        task = asyncio.create_task(connect.connect(carrier, asyncio.Protocol))

        async def begun() -> bool:
            return bool(made)

        await until(begun)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert [one.fileno() for one in made] == [-1]
