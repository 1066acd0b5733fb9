"""HTTP/1.1 on raw sockets: keep-alive connections that send prebuilt requests.

An HTTP client library would be the bottleneck of these benchmarks, and its time would be taken
from the two cores that the gateway, its store and the carrier share with the load.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import orjson


@dataclass(slots=True)
class Answer:
    """One response; times are of the monotonic clock."""

    status: int
    body: bytes
    sent_at: float
    answered_at: float
    headers: bytes = b""

    def json(self) -> Any:
        """The body, decoded."""
        return orjson.loads(self.body)

    def header(self, name: str) -> str | None:
        """One header's value."""
        for row in self.headers.split(b"\r\n")[1:]:
            key, _, value = row.partition(b":")
            if key.decode().lower() == name.lower():
                return value.strip().decode()
        return None


@dataclass(frozen=True)
class Address:
    """Where the gateway listens, and the key that opens it."""

    port: int
    key: str

    def request(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> bytes:
        """A whole request with its Content-Length."""
        head = self.head(method, path, kind)
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def head(self, method: str, path: str, kind: str) -> bytes:
        """The request's first lines, still open."""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: {kind}\r\n"
        ).encode()


Whole = tuple[int, bytes, bytes, int]
"""status, headers, body, size."""


def _read(buffer: bytearray) -> Whole | None:
    """The first whole response in the buffer, else None."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end])
    lower = head.lower()
    place = lower.find(b"content-length:")
    if place < 0:
        return _read_chunked(buffer, head, end + 4)
    stop = lower.find(b"\r\n", place)
    length = int(lower[place + 15 : stop if stop > 0 else None])
    size = end + 4 + length
    if len(buffer) < size:
        return None
    return int(buffer[9:12]), head, bytes(buffer[end + 4 : size]), size


def _read_chunked(buffer: bytearray, head: bytes, start: int) -> Whole | None:
    if b"chunked" not in head.lower():
        return int(buffer[9:12]), head, b"", start
    body: list[bytearray] = []
    while (stop := buffer.find(b"\r\n", start)) >= 0:
        length = int(buffer[start:stop], 16)
        start = stop + 2 + length + 2
        if len(buffer) < start:
            return None
        if not length:
            return int(buffer[9:12]), head, b"".join(body), start
        body.append(buffer[stop + 2 : start - 2])
    return None


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time; ``heard`` gets each answer."""

    def __init__(self, heard: Callable[[Connection, Answer], None]) -> None:
        self._heard = heard
        self._buffer = bytearray()
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes) -> None:
        """Write a whole request, or a part of one."""
        assert self._transport is not None
        self._sent_at = time.monotonic()
        self._transport.write(request)

    async def room(self) -> None:
        """Return when the socket takes more."""
        await self._writable.wait()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        found = _read(self._buffer)
        if found is None:
            return
        status, headers, body, size = found
        del self._buffer[:size]
        self._heard(self, Answer(status, body, self._sent_at, time.monotonic(), headers))

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.close()


class Client:
    """Requests one after another, each awaited; for everything that is not the load itself."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Connection | None = None
        self._answer: asyncio.Future[Answer] | None = None

    async def ask(self, method: str, path: str, body: Any = None, seconds: float = 30.0) -> Answer:
        """One request and its answer; raises OSError when the connection breaks."""
        data = b"" if body is None else orjson.dumps(body)
        return await self._exchange([self._address.request(method, path, data)], seconds)

    async def upload(self, path: str, chunks: Iterable[bytes], seconds: float, kind: str) -> Answer:
        """One chunked request, its body written as fast as the gateway reads it."""
        head = self._address.head("POST", path, kind) + b"Transfer-Encoding: chunked\r\n\r\n"
        return await self._exchange(_chunked(head, chunks), seconds)

    async def _exchange(self, parts: Iterable[bytes], seconds: float) -> Answer:
        connection = await self._open()
        self._answer = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(seconds):
            for part in parts:
                if self._answer.done():
                    break
                connection.send(part)
                await connection.room()
            ended: list[asyncio.Future[Any]] = [self._answer, connection.closed]
            await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
        if not self._answer.done():
            self._connection = None
            raise ConnectionResetError("the gateway closed the connection")
        return self._answer.result()

    async def _open(self) -> Connection:
        if self._connection is None or self._connection.closed.done():
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(
                lambda: Connection(self._heard), "127.0.0.1", self._address.port
            )
        return self._connection

    def _heard(self, _: Connection, answer: Answer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


def _chunked(head: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    for chunk in chunks:
        yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"


@dataclass
class Posters:
    """Connections that post prebuilt requests as fast as they are answered."""

    requests: Iterator[bytes]
    patience: float = 0.0
    """How long to wait after a refusal before the next request, in seconds."""
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    """How long each answer took."""
    refusals: list[bytes] = field(default_factory=list)
    """The first few answers that were not 202."""
    retry_after: list[str | None] = field(default_factory=list)
    """The Retry-After of each 503."""
    _stopped: bool = False

    async def run(self, port: int, connections: int) -> None:
        """Post until the requests are used up or :meth:`stop` is called."""
        loop = asyncio.get_running_loop()
        opened = []
        for _ in range(connections):
            _, line = await loop.create_connection(
                lambda: Connection(self._heard), "127.0.0.1", port
            )
            opened.append(line)
        for line in opened:
            self._next(line)
        await asyncio.gather(*(line.closed for line in opened))

    @property
    def accepted(self) -> int:
        """How many were answered with 202."""
        return self.statuses.get(202, 0)

    def stop(self) -> None:
        """Let each connection end after its running request."""
        self._stopped = True

    def _next(self, line: Connection) -> None:
        request = None if self._stopped else next(self.requests, None)
        if request is None:
            line.close()
        else:
            line.send(request)

    def _heard(self, line: Connection, answer: Answer) -> None:
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        self.seconds.append(answer.answered_at - answer.sent_at)
        if answer.status == 202:
            self._next(line)
        else:
            self._refused(line, answer)

    def _refused(self, line: Connection, answer: Answer) -> None:
        if len(self.refusals) < 5:
            self.refusals.append(answer.body[:300])
        if answer.status == 503:
            self.retry_after.append(answer.header("Retry-After"))
        asyncio.get_running_loop().call_later(self.patience, self._next, line)
