"""The Redis wire as thin as it gets: one pipelined connection, one future a call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import hiredis

Word = str | bytes | int
RedisError = hiredis.HiredisError


_pack: Callable[[tuple[Word, ...]], bytes] = cast(Any, hiredis.pack_command)
"""Its type hints speak of a tuple of one; it takes any."""


class RedisLine(asyncio.Protocol):
    """A pipelined RESP connection on a unix socket; answers come in the order of the calls."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            future = self._waiting.popleft()
            if isinstance(answer, RedisError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(ConnectionError("the store closed the connection"))
        self._waiting.clear()

    def call(self, *words: Word) -> asyncio.Future[Any]:
        """Send one command; the future holds its answer, or raises the server's error."""
        assert self._transport is not None
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(future)
        self._transport.write(_pack(words))
        return future

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.close()


async def connect(socket: Path) -> RedisLine:
    """Open a connection to the server that listens on the unix socket."""
    _, line = await asyncio.get_running_loop().create_unix_connection(RedisLine, str(socket))
    return line


async def info(socket: Path, section: str) -> dict[str, str]:
    """One section of INFO as a dict of strings."""
    line = await connect(socket)
    try:
        text: bytes = await line.call("INFO", section)
    finally:
        line.close()
    rows = (row.partition(":") for row in text.decode().splitlines() if ":" in row)
    return {name: value for name, _, value in rows}
