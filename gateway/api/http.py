"""HTTP/1.1 on httptools' parser: connections, requests, their bodies, and the ways to answer.

aiohttp's server takes 35 us a request here, which is a third of what accepting a message alone
costs; the API needs none of its routing, and what is left of a server is this file. A request is
handed on when its head is whole; its body comes as the handler reads it, and what is not read
stops the socket. Requests of one connection are answered one after another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Container, Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl

import httptools
import msgspec

JSON = "application/json"

HEAD_OCTETS = 32 * 1024
"""The longest head of a request, its first line included; what the socket gives in one go may be
more, and is looked at in whole."""
BODY_OCTETS = 256 * 1024
"""Of a body, held for its reader before the socket is stopped."""
AHEAD = 16
"""Requests that may wait behind one before the socket is stopped."""
IDLE_SECONDS = 75.0
"""How long a connection is kept without a request."""
HEAD_SECONDS = 30.0
"""How long a head may take."""
STALL_SECONDS = 120.0
"""How long a body may bring nothing, or an answer find no reader."""
LINGER_SECONDS = 10.0
"""How long what is left of a refused body is thrown away before the connection ends: a caller
that writes all before it reads would lose the answer."""
SWEEP_SECONDS = 1.0

_encode = msgspec.json.Encoder().encode


class BodyError(Exception):
    """The body broke off, or was not what its head says."""


class Body:
    """A request's body as it comes."""

    __slots__ = (
        "_connection", "_discarding", "_error", "_expected", "_pieces", "_size", "_waiter",
        "awaited_since", "ended",
    )  # fmt: skip

    def __init__(self, connection: Connection, expected: bool) -> None:
        self.ended = False
        """Nothing more comes."""
        self.awaited_since: float | None = None
        """On the loop's clock; None while nobody waits for more of it."""
        self._connection = connection
        self._expected = expected
        self._pieces: list[bytes] = []
        self._size = 0
        self._error = ""
        self._discarding = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """Does so much wait that no more should be read?"""
        return self._size > BODY_OCTETS

    async def read(self) -> bytes:
        """What has come since the last time, at least one octet; empty at the end.

        Raises :class:`BodyError` when it broke off.
        """
        while not self._pieces:
            if self._error:
                raise BodyError(self._error)
            if self.ended:
                return b""
            if self._expected:  # RFC 9110, 10.1.1: the caller waits to be asked for it
                self._expected = False
                self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            loop = asyncio.get_running_loop()
            self._waiter, self.awaited_since = loop.create_future(), loop.time()
            try:
                await self._waiter
            finally:
                self._waiter = self.awaited_since = None
        return self.take()

    def take(self) -> bytes:
        """What has come, without waiting."""
        pieces, was_full = self._pieces, self.full
        self._pieces, self._size = [], 0
        if was_full:
            self._connection.pace()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    # The connection's side

    def feed(self, piece: bytes) -> None:
        """More of it."""
        if self._discarding:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self.awaited_since is not None:
            self.awaited_since = asyncio.get_running_loop().time()
        self._wake()

    def end(self) -> None:
        """That was all."""
        self.ended = True
        self._wake()

    def fail(self, error: str) -> None:
        """There will be no end."""
        if not self.ended and not self._error:
            self._error = error
            self._wake()

    def discard(self) -> None:
        """Nobody wants the rest."""
        self._discarding, self._pieces, self._size = True, [], 0

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Request:
    """The head of a request; header names are lower case, values of one name joined by commas."""

    __slots__ = ("body", "connection", "headers", "method", "path", "query_string", "version")

    def __init__(
        self,
        connection: Connection,
        method: str,
        target: str,
        version: str,
        headers: dict[str, str],
    ) -> None:
        self.connection = connection
        self.method = method
        self.version = version
        """``1.0`` or ``1.1``."""
        self.headers = headers
        if target[:1] != "/":
            target = _origin_form(target)
        self.path, _, self.query_string = target.partition("?")
        """As sent: percent signs are still there."""
        self.body = Body(connection, headers.get("expect", "").lower() == "100-continue")

    @property
    def content_length(self) -> int | None:
        """What the head says; None where it does not."""
        found = self.headers.get("content-length")
        return None if found is None else int(found)

    def query(self) -> list[tuple[str, str]]:
        """Names and values, decoded, in their order."""
        return parse_qsl(self.query_string, keep_blank_values=True, errors="replace")

    @property
    def keeps_alive(self) -> bool:
        """Would the caller go on with this connection? (RFC 9112, 9.3)"""
        asked = self.headers.get("connection")
        if asked is None:
            return self.version != "1.0"
        words = {word.strip() for word in asked.lower().split(",")}
        return "close" not in words and (self.version != "1.0" or "keep-alive" in words)


_names: dict[bytes, str] = {}


def _name(name: bytes) -> str:
    """A header's name in lower case; there are few, and each request has the same."""
    text = name.decode("latin-1").lower()
    if len(_names) < 256 and len(name) < 64:
        _names[name] = text
    return text


def _origin_form(target: str) -> str:
    """The path and query of an absolute form (RFC 9112, 3.2.2)."""
    _, scheme, rest = target.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path if scheme else target


class Answer:
    """A response with all of its body: one write, head and body together."""

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.content = body
        self.type = content_type
        self.headers = headers

    def octets(self, request: Request | None, close: bool) -> bytes:
        """On the wire, in answer to ``request`` (None: to something that was none)."""
        parts = [
            _heads.get((self.status, self.type)) or _head(self.status, self.type),
            b"Content-Length: %d\r\n" % len(self.content),
        ]
        if self.headers:
            parts += [
                f"{name}: {text}\r\n".encode("latin-1") for name, text in self.headers.items()
            ]
        parts += (_persistence(request, close), b"\r\n")
        if request is None or request.method != "HEAD":
            parts.append(self.content)
        return b"".join(parts)


_heads: dict[tuple[int, str], bytes] = {}


def _head(status: int, content_type: str) -> bytes:
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {content_type}\r\n"
    ).encode("latin-1")
    _heads[status, content_type] = head
    return head


def _persistence(request: Request | None, close: bool) -> bytes:
    if close:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if request and request.version == "1.0" else b""


def json_answer(value: Any, status: int = 200) -> Answer:
    """A value as JSON."""
    return Answer(status, _encode(value))


class StreamedAnswer:
    """A response that is written piece by piece: of a known length, or chunked.

    To a caller of HTTP/1.0, which knows no chunks, its end is the connection's.
    """

    def __init__(
        self, request: Request, status: int, content_type: str, length: int | None = None
    ) -> None:
        self.status = status
        self._request = request
        self._type = content_type
        self._length = length
        self._chunked = length is None and request.version != "1.0"

    async def begin(self) -> None:
        """Write the head."""
        connection = self._request.connection
        if self._length is None and not self._chunked:
            connection.closing = True
        size = b"Transfer-Encoding: chunked\r\n"
        if not self._chunked:
            size = b"" if self._length is None else b"Content-Length: %d\r\n" % self._length
        close = connection.closes_after(self._request)
        head = _head(self.status, self._type) + size + _persistence(self._request, close) + b"\r\n"
        connection.write(head)
        await connection.room()

    async def write(self, piece: bytes) -> None:
        """Write a piece of the body; returns when the caller has room for more."""
        if not piece:
            return
        connection = self._request.connection
        connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)
        await connection.room()

    async def end(self, last: bytes = b"") -> None:
        """Write a last piece, whether the caller has room for it or not, and the end."""
        if self._chunked:
            last = (b"%x\r\n%b\r\n" % (len(last), last) if last else b"") + b"0\r\n\r\n"
        if last:
            self._request.connection.write(last)


Handler = Callable[[Request], Awaitable[Answer | StreamedAnswer]]
Refuse = Callable[[str, str], Answer]
"""From a problem's type and detail to its answer, for what never became a request."""


class Connection(asyncio.Protocol):
    """One connection: parses what comes, has it answered in its order."""

    def __init__(self, server: HttpServer) -> None:
        self.closing = False
        """It ends with the answer that is under way."""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Request] = deque()
        self._incoming: Request | None = None
        """The request whose body is coming."""
        self._answering: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked: asyncio.Future[None] | None = None
        """What the task waits for between two requests."""
        self._left = False
        self._deaf = False
        """What still comes is not looked at."""
        self._refusal: tuple[str, str] | None = None
        self._room: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._stuck_since = 0.0
        self._linger_until = 0.0
        self._heard_at = self._loop.time()
        self._head_since: float | None = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_octets = 0

    @property
    def idle(self) -> bool:
        """Is nothing being answered?"""
        return self._answering is None and not self._waiting

    @property
    def answering(self) -> Request | None:
        """The request that is being answered."""
        return self._answering

    # What an answer needs

    def write(self, data: bytes) -> None:
        """Write; raises ConnectionResetError when the caller has gone."""
        if self._transport is None:
            raise ConnectionResetError("the caller has gone")
        self._transport.write(data)

    async def room(self) -> None:
        """Return when the caller has read enough of what was written."""
        if self._room is not None:
            await asyncio.shield(self._room)

    def gone(self) -> asyncio.Future[None]:
        """Done when the caller has closed the connection, or at least its own side of it."""
        if self._gone is None:
            self._gone = self._loop.create_future()
            if self._transport is None or self._left:
                self._gone.set_result(None)
        return self._gone

    def closes_after(self, request: Request) -> bool:
        """Does the connection end with this request's answer?"""
        if self.closing or not request.body.ended or not request.keeps_alive:
            return True
        return self._deaf and not self._waiting and self._refusal is None

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not isinstance: uvloop's transports are asyncio's by shape alone.
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._leave()
        self._server.connections.discard(self)
        self._waiting.clear()
        if self._asked is not None:
            self._asked.set_result(None)
            self._asked = None
        for request in (self._incoming, self._answering):
            if request is not None:
                request.body.fail("the connection was lost")
        if self._room is not None and not self._room.done():
            self._room.set_exception(ConnectionResetError("the caller has gone"))
            self._room.exception()  # perhaps nobody waits

    def pause_writing(self) -> None:
        self._room, self._stuck_since = self._loop.create_future(), self._loop.time()

    def resume_writing(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._deaf:
            return
        within = self._head_since
        try:
            self._parser.feed_data(data)
            if self._head_since is not None:
                if self._head_since == within:
                    self._head_octets += len(data)  # a field that does not end is not told of
                if self._head_octets > HEAD_OCTETS:
                    raise ValueError("the head is too long")
        except httptools.HttpParserUpgrade:
            # We know no other protocol, and may go on with this one; but the parser does not.
            self._deaf = True
            self.on_message_complete()
        except (httptools.HttpParserCallbackError, ValueError):
            self._no_request("head-too-large", f"at most {HEAD_OCTETS} octets")
        except httptools.HttpParserError as error:
            self._no_request("bad-request", str(error) or type(error).__name__)
        self.pace()

    def eof_received(self) -> bool:
        """The caller writes no more, but may well read: what is whole is answered."""
        self._deaf = True
        self._leave()
        if self._incoming is not None:
            self._incoming.body.fail("the connection was closed within it")
        return not self.idle

    def _leave(self) -> None:
        self._left = True
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    # The parser's side

    def on_message_begin(self) -> None:
        """A head begins."""
        self._target, self._headers, self._head_octets = b"", {}, 0
        self._head_since = self._heard_at

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        self._target += url
        self._head_octets += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of a trailer, which is nothing to us."""
        self._head_octets += len(name) + len(value)
        key = _names.get(name) or _name(name)
        text = value.decode("latin-1")
        if key in self._headers:
            text = f"{self._headers[key]}, {text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._head_octets > HEAD_OCTETS:
            raise ValueError("the head is too long")
        self._head_since = None
        request = Request(
            self,
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            self._parser.get_http_version(),
            self._headers,
        )
        self._incoming = request
        self._waiting.append(request)
        if self._asked is not None:
            self._asked.set_result(None)
            self._asked = None
        elif self._task is None:
            self._task = self._loop.create_task(self._run())

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._incoming is not None:
            self._incoming.body.feed(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._incoming is not None:
            self._incoming.body.end()
            self._incoming = None
            if self._linger_until:
                self._close()

    # Answering

    async def _run(self) -> None:
        """Answer one request after another: a task for each would cost more than its parsing."""
        try:
            while not self._linger_until:
                if self._waiting:
                    request = self._answering = self._waiting.popleft()
                    await self._answer(request)
                    self._answering = None
                    self.pace()
                elif self._ended():
                    return
                else:
                    asked = self._asked = self._loop.create_future()
                    await asked
        except ConnectionError:
            self._abort()
        except BaseException:
            self._abort()
            raise
        finally:
            self._answering = self._asked = None

    async def _answer(self, request: Request) -> None:
        answer = await self._server.handler(request)
        close = self.closes_after(request)
        if isinstance(answer, Answer):
            self.write(answer.octets(request, close))
            if self._room is not None:
                await self.room()
        if close:
            self._finish(request)

    def _ended(self) -> bool:
        """Nothing more will be asked: say what was wrong, if anything was, and close."""
        if self._refusal is None and not (self.closing or self._deaf):
            return self._transport is None
        if self._refusal is not None and self._transport is not None:
            self._transport.write(self._server.refuse(*self._refusal).octets(None, True))
        self._close()
        return True

    def _finish(self, request: Request) -> None:
        """This was the last answer."""
        self._waiting.clear()
        if request.body.ended or self._deaf:
            self._close()
        else:
            request.body.discard()
            self._linger_until = self._loop.time() + LINGER_SECONDS

    def _no_request(self, kind: str, detail: str) -> None:
        """What came is no HTTP: that is said after what was asked before it, and is the end."""
        self._deaf = True
        if self._incoming is not None:  # within a body: its reader hears of it
            self._incoming.body.fail(detail)
            return
        self._refusal = kind, detail
        self._settle()

    def _settle(self) -> None:
        """End it if nothing is under way."""
        if self.idle:
            self._ended()

    def pace(self) -> None:
        """Read on, or not: as bodies and waiting requests have room."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        incoming = self._incoming
        if len(self._waiting) > AHEAD or (incoming is not None and incoming.body.full):
            transport.pause_reading()
        elif not transport.is_reading():
            transport.resume_reading()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # Time

    def look(self, now: float) -> None:
        """End what has taken too long; called now and then by the server."""
        request = self._answering
        if self._room is not None and now - self._stuck_since > STALL_SECONDS:
            self._abort()
        elif self._linger_until:
            if now > self._linger_until:
                self._abort()
        elif self._head_since is not None and now - self._head_since > HEAD_SECONDS:
            self._head_since = None
            self._no_request("slow-request", f"the head took over {HEAD_SECONDS:g} s")
        elif request is not None:
            since = request.body.awaited_since
            if since is not None and now - since > STALL_SECONDS:
                request.body.fail(f"nothing came for {STALL_SECONDS:g} s")
        elif now - self._heard_at > IDLE_SECONDS:
            self._close()

    async def end(self) -> None:
        """Close as soon as nothing is under way."""
        self.closing = self._deaf = True
        self._settle()
        if self._task is not None:
            await asyncio.wait([self._task])

    def drop(self) -> None:
        """Close at once."""
        if self._task is not None:
            self._task.cancel()
        self._abort()


class HttpServer:
    """Listens, and has each request answered by ``handler``, which never raises."""

    def __init__(self, handler: Handler, refuse: Refuse) -> None:
        self.handler = handler
        self.refuse = refuse
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen; raises OSError where that cannot be."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=1024)
        self._sweeping = asyncio.create_task(self._sweep())

    async def quiet(self, seconds: float, spared: Container[str]) -> None:
        """Wait so long for the answers under way, but those to ``spared`` paths; then drop them."""
        late = self._under_way(spared)
        deadline = asyncio.get_running_loop().time() + seconds
        while late and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
            late &= self._under_way(spared)
        for connection, _ in late:
            connection.drop()

    def _under_way(self, spared: Container[str]) -> set[tuple[Connection, Request]]:
        return {
            (one, request)
            for one in self.connections
            if (request := one.answering) is not None and request.path not in spared
        }

    async def stop(self, seconds: float) -> None:
        """Listen no more; what is under way may take so long."""
        if self._server is None or self._sweeping is None:
            return
        self._server.close()
        ending = [asyncio.ensure_future(one.end()) for one in self.connections]
        if ending:
            await asyncio.wait(ending, timeout=seconds)
        for connection in list(self.connections):
            connection.drop()
        await asyncio.gather(*ending, return_exceptions=True)
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        self._server = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """(host, port) of each socket, as the system gave it."""
        if self._server is None:
            return []
        names = [socket.getsockname() for socket in self._server.sockets]
        return [(name[0], name[1]) for name in names]

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = loop.time()
            for connection in list(self.connections):
                connection.look(now)
