"""A line to Redis: commands go out as they come, and answers return in their order.

Scripts run thousands of times a second, and there redis-py's own connections are most of what a
call costs. Where Redis is, and with which credentials and certificates, is still redis-py's to say.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import hiredis
import msgspec
from redis.asyncio.connection import DefaultParser
from redis.exceptions import AskError, ReadOnlyError

Word = str | bytes | int | float
_MORE = object()
"""What the reader answers when an answer has not come in whole."""
_pack: Callable[[tuple[Word, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where Redis listens, and the commands with which every connection to it begins."""

    host: str = ""
    port: int = 0
    path: str = ""
    """Of a unix socket; else ``host`` and ``port``."""
    tls: ssl.SSLContext | None = None
    greeting: Sequence[tuple[Word, ...]] = ()


class Line(asyncio.Protocol):
    """One connection, for one life: once ``lost``, whoever has more to say opens another.

    Opens by itself, to where ``find`` says; commands given meanwhile wait. A command that is not
    answered in ``timeout`` seconds, opening included, ends the line: a late answer would be taken
    for the next one's. Then everyone who waits gets TimeoutError, and ConnectionError if the line
    is lost otherwise; errors that Redis answers are redis-py's.
    """

    def __init__(self, find: Callable[[], Awaitable[Place]], timeout: float) -> None:
        self.lost = False
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._reader = hiredis.Reader(replyError=DefaultParser.parse_error, notEnoughData=_MORE)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        """In the order of the answers, each with its deadline."""
        self._unsent: list[bytes] | None = []
        """What was said before the line was open; None from then on."""
        self._timer: asyncio.TimerHandle | None = None
        self._opening = self._loop.create_task(self._open(find))

    def call(self, *words: Word) -> asyncio.Future[Any]:
        """Send one command; the future may be cancelled, its answer is then thrown away."""
        return self.pipeline((words,))[0]

    def pipeline(self, commands: Sequence[tuple[Word, ...]]) -> list[asyncio.Future[Any]]:
        """Send several commands at once; the last is answered last."""
        if self.lost:
            raise ConnectionError("the line is lost")
        packed = b"".join([_pack(words) for words in commands])
        deadline = self._loop.time() + self._timeout
        futures = [self._loop.create_future() for _ in commands]
        self._waiting.extend([(future, deadline) for future in futures])
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._watch)
        if self._unsent is None:
            assert self._transport is not None
            self._transport.write(packed)
        else:
            self._unsent.append(packed)
        return futures

    async def close(self) -> None:
        """End the line and whatever waits on it."""
        self._drop(ConnectionError, "the line was closed")
        await asyncio.wait([self._opening])
        await asyncio.sleep(0)  # a transport closes its socket in the loop's next turn

    async def _open(self, find: Callable[[], Awaitable[Place]]) -> None:
        deadline = self._loop.time() + self._timeout
        try:
            place = await find()
            if place.path:
                await self._loop.create_unix_connection(lambda: self, place.path)
            else:
                await self._loop.create_connection(
                    lambda: self, place.host, place.port, ssl=place.tls
                )
            assert self._transport is not None
            for words in place.greeting:
                answer = self._loop.create_future()
                self._waiting.appendleft((answer, deadline))
                self._transport.write(_pack(words))
                await answer
        except Exception as error:
            self._drop(ConnectionError, str(error) or repr(error))
        else:
            self._transport.write(b"".join(self._unsent or ()))
            self._unsent = None

    def _watch(self) -> None:
        """One timer for all: it looks at the oldest, and sleeps until that one is due."""
        self._timer = None
        if not self._waiting:
            return
        deadline = self._waiting[0][1]
        if deadline <= self._loop.time():
            self._drop(TimeoutError, f"no answer in {self._timeout:g} s")
        else:
            self._timer = self._loop.call_at(deadline, self._watch)

    def _drop(self, kind: type[OSError], why: str) -> None:
        if self.lost:
            return
        self.lost = True
        self._opening.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        for future, _ in self._waiting:
            if not future.done():
                future.set_exception(kind(why))
        self._waiting.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport's: there is a connection."""
        self._transport = cast(asyncio.Transport, transport)
        if self.lost:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport's: there is none any more."""
        self._drop(ConnectionError, str(exc or "the connection was lost"))

    def data_received(self, data: bytes) -> None:
        """The transport's: answers, or parts of one."""
        self._reader.feed(data)
        try:
            while not self.lost and (answer := self._reader.gets()) is not _MORE:
                self._answered(answer)
        except hiredis.ProtocolError as error:
            self._drop(ConnectionError, str(error))

    def _answered(self, answer: Any) -> None:
        if not self._waiting:
            self._drop(ConnectionError, f"an answer that nobody asked for: {answer!r}")
            return
        future, _ = self._waiting.popleft()
        if not isinstance(answer, Exception):
            if not future.done():
                future.set_result(answer)
            return
        if not future.done():
            future.set_exception(answer)
        if isinstance(answer, AskError | ReadOnlyError):
            self._drop(ConnectionError, "another server is the master of our keys now")
