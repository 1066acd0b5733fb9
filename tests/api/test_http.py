"""The HTTP server by itself: what may come, in what pieces, and how long it may take."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import cast

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.api import http
from gateway.api.http import Answer, BodyError, Connection, HttpServer, Request, StreamedAnswer
from gateway.api.problems import fault, problem_answer


def refuse(kind: str, detail: str) -> Answer:
    return problem_answer(fault(kind, detail))


async def echo(request: Request) -> Answer | StreamedAnswer:
    """What came, as JSON; ``/stream`` piece by piece; ``/no`` without reading it."""
    if request.path == "/no":
        return Answer(413)
    if request.path == "/stream":
        answer = StreamedAnswer(request, 200, "text/plain")
        await answer.begin()
        while piece := await request.body.read():
            await answer.write(piece)
        await answer.end()
        return answer
    body = b""
    try:
        while piece := await request.body.read():
            body += piece
    except BodyError as error:
        return Answer(400, str(error).encode())
    said = [request.method, request.path, request.query(), body.decode("latin-1")]
    return Answer(200, json.dumps(said).encode())


class Raw:
    """A connection, read by h11, which is nobody's relative here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._rest = b""

    async def answer(self, method: str = "GET") -> tuple[int, bytes, dict[bytes, bytes]]:
        """The next answer: status, body, headers."""
        ours = h11.Connection(h11.CLIENT)
        ours.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        ours.send(h11.EndOfMessage())
        if self._rest:
            ours.receive_data(self._rest)
        status, body, headers = 0, b"", {}
        async with asyncio.timeout(10):
            while True:
                event = ours.next_event()
                if event is h11.NEED_DATA:
                    ours.receive_data(await self.reader.read(65536))
                elif isinstance(event, h11.Response):
                    status, headers = event.status_code, dict(event.headers)
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    self._rest = ours.trailing_data[0]
                    return status, body, headers
                else:
                    raise AssertionError(event)

    async def end(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(10):
            return self._rest + await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


Open = Callable[[], Awaitable[Raw]]


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    made = HttpServer(echo, refuse)
    await made.start("127.0.0.1", 0)
    yield made
    await made.stop(1.0)


@pytest.fixture
async def connect(server: HttpServer) -> AsyncIterator[Open]:
    opened: list[Raw] = []

    async def connect() -> Raw:
        raw = Raw(*await asyncio.open_connection("127.0.0.1", server.addresses[0][1]))
        opened.append(raw)
        return raw

    yield connect
    for raw in opened:
        await raw.close()


async def the_connection(server: HttpServer) -> Connection:
    async with asyncio.timeout(10):
        while not server.connections:
            await asyncio.sleep(0)
    (one,) = server.connections
    return one


async def test_targets(connect: Open) -> None:
    """The origin form and the absolute form; a query in any encoding."""
    raw = await connect()
    raw.writer.write(b"GET /a%20b?x=1&x=%C3%B1&y=a+b&z HTTP/1.1\r\nHost: x\r\n\r\n")
    said = json.loads((await raw.answer())[1])
    assert said[1:3] == ["/a%20b", [["x", "1"], ["x", "ñ"], ["y", "a b"], ["z", ""]]]
    raw.writer.write(b"GET http://host/path?q=%FF HTTP/1.1\r\nHost: x\r\n\r\n")
    assert json.loads((await raw.answer())[1])[1:3] == ["/path", [["q", "\ufffd"]]]


async def test_a_streamed_answer_to_either_version(connect: Open) -> None:
    """Chunks for 1.1; for 1.0 the connection's end."""
    raw = await connect()
    raw.writer.write(b"POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nhola")
    status, body, headers = await raw.answer()
    assert (status, body, headers[b"transfer-encoding"]) == (200, b"hola", b"chunked")
    raw.writer.write(
        b"POST /stream HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nhola"
    )
    assert (await raw.end()).endswith(b"Connection: close\r\n\r\nhola")


async def test_what_is_no_request_is_refused_after_what_was_asked(connect: Open) -> None:
    """The good request before it is answered first."""
    raw = await connect()
    raw.writer.write(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\x00\x01 nonsense\r\n\r\n")
    assert (await raw.answer())[0] == 200
    status, body, headers = await raw.answer()
    assert (status, json.loads(body)["type"]) == (400, "bad-request")
    assert headers[b"connection"] == b"close"
    assert await raw.end() == b""


@pytest.mark.parametrize("where", ["target", "header", "headers"])
async def test_a_head_without_end_is_refused(connect: Open, where: str) -> None:
    """However it is too long."""
    raw = await connect()
    long = b"x" * (http.HEAD_OCTETS + 1)
    raw.writer.write(
        {
            "target": b"GET /" + long,
            "header": b"GET / HTTP/1.1\r\nHost: " + long * 30,
            "headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000,
        }[where]
    )
    status, body, _ = await raw.answer()
    assert (status, json.loads(body)["type"]) == (431, "head-too-large")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 0x10\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length : 4\r\n",
    ],
)
async def test_two_ways_to_read_a_body_are_none(connect: Open, framing: bytes) -> None:
    """What two servers could understand differently (RFC 9112, 11.2)."""
    raw = await connect()
    raw.writer.write(b"POST /a HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n0\r\n\r\n")
    assert (await raw.end()).count(b"HTTP/1.1 400 ") == 1


async def test_a_broken_chunk_ends_the_body(connect: Open) -> None:
    """Its reader hears of it, and the connection ends."""
    raw = await connect()
    raw.writer.write(
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\nzz\r\n"
    )
    status, body, headers = await raw.answer()
    assert (status, headers[b"connection"]) == (400, b"close")
    assert b"chunk" in body.lower()
    assert await raw.end() == b""


async def test_the_rest_of_a_refused_body_is_thrown_away(connect: Open, server: HttpServer) -> None:
    """A caller that writes all before it reads still gets the answer; then it is over."""
    raw = await connect()
    raw.writer.write(b"POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
    for _ in range(30):
        raw.writer.write(b"x" * 100_000)
        await raw.writer.drain()
    status, _, headers = await raw.answer()
    assert (status, headers[b"connection"]) == (413, b"close")
    assert await raw.end() == b""


async def test_a_refused_body_that_does_not_end(connect: Open, server: HttpServer) -> None:
    """Lingering has its term."""
    raw = await connect()
    raw.writer.write(b"POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\nx")
    assert (await raw.answer())[0] == 413
    one = await the_connection(server)
    now = asyncio.get_running_loop().time()
    one.look(now + http.LINGER_SECONDS / 2)
    assert one in server.connections
    one.look(now + http.LINGER_SECONDS + 1)
    with contextlib.suppress(ConnectionResetError):
        assert await raw.end() == b""


async def test_an_upgrade_is_not_taken_up(connect: Open) -> None:
    """The request is answered as it is, and the connection ends (RFC 9110, 7.8)."""
    raw = await connect()
    raw.writer.write(
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nwhatever"
    )
    status, _, headers = await raw.answer()
    assert (status, headers[b"connection"]) == (200, b"close")
    assert await raw.end() == b""


async def test_idle_and_slow_callers_end(connect: Open, server: HttpServer) -> None:
    """A connection without a request; a head, and a body, that do not come on."""
    now = asyncio.get_running_loop().time()
    raw = await connect()
    (await the_connection(server)).look(now + http.IDLE_SECONDS + 1)
    assert await raw.end() == b""
    raw = await connect()
    raw.writer.write(b"GET / HTTP/1.1\r\nHo")
    one = await the_connection(server)
    async with asyncio.timeout(10):
        while one._head_since is None:
            await asyncio.sleep(0)
    one.look(now + http.HEAD_SECONDS + 10)
    status, body, _ = await raw.answer()
    assert (status, json.loads(body)["type"]) == (408, "slow-request")
    assert await raw.end() == b""
    raw = await connect()
    raw.writer.write(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhola")
    one = await the_connection(server)
    async with asyncio.timeout(10):
        while one._answering is None or one._answering.body.awaited_since is None:
            await asyncio.sleep(0)
    one.look(now + http.STALL_SECONDS + 10)
    status, body, _ = await raw.answer()
    assert (status, body) == (400, b"nothing came for 120 s")


async def test_a_caller_that_writes_no_more_may_still_read(connect: Open) -> None:
    """Half closed: what was whole is answered."""
    raw = await connect()
    raw.writer.write(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    raw.writer.write_eof()
    assert (await raw.end()).count(b"HTTP/1.1 200 OK") == 3


async def test_a_body_waits_at_the_socket_until_it_is_read() -> None:
    """However much is sent, no more than a bounded part of it is held."""
    go, most = asyncio.Event(), 0

    async def slow(request: Request) -> Answer:
        nonlocal most
        await go.wait()
        got = 0
        while piece := await request.body.read():
            most, got = max(most, len(piece)), got + len(piece)
        return Answer(200, str(got).encode())

    server = HttpServer(slow, refuse)
    await server.start("127.0.0.1", 0)
    raw = Raw(*await asyncio.open_connection("127.0.0.1", server.addresses[0][1]))
    raw.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n")
    raw.writer.write(b"x" * 40_000_000)
    one = await the_connection(server)
    async with asyncio.timeout(10):
        while one._transport is None or one._transport.is_reading():
            await asyncio.sleep(0)
    go.set()
    assert (await raw.answer())[1] == b"40000000"
    assert most <= http.BODY_OCTETS + 512 * 1024
    await raw.close()
    await server.stop(1.0)


class Wire:
    """A transport that keeps what is written, for feeding a connection by hand."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.reading = True

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading


async def fed(pieces: list[bytes]) -> bytes:
    """What a connection writes that gets these pieces one after another."""
    server = HttpServer(echo, refuse)
    connection, wire = Connection(server), Wire()
    connection.connection_made(cast(asyncio.Transport, wire))
    for piece in pieces:
        connection.data_received(piece)
        for _ in range(5):
            await asyncio.sleep(0)
    connection.connection_lost(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert connection._task is None or connection._task.done()
    return wire.written


SEVERAL = (
    b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nhola"
    b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2;e=1\r\nho\r\n2\r\nla\r\n0\r\nTrailer: t\r\n\r\n"
    b"GET /c HTTP/1.1\r\nHost: x\r\n\r\n"
)


@given(st.lists(st.integers(0, len(SEVERAL)), max_size=12))
async def test_it_does_not_matter_how_requests_are_cut(cuts: list[int]) -> None:
    """The answers are the same."""
    ends = sorted({0, *cuts, len(SEVERAL)})
    pieces = [SEVERAL[a:b] for a, b in pairwise(ends)]
    assert await fed(pieces) == await fed([SEVERAL])


PARTS = st.sampled_from(
    [
        b"GET /a HTTP/1.1\r\n", b"POST /stream HTTP/1.1\r\n", b"HEAD / HTTP/1.0\r\n", b"\r\n",
        b"Host: x\r\n", b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n", b"hola",
        b"0\r\n\r\n", b"4\r\nhola\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"\xff\xfe", b" ",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET http:// HTTP/1.1\r\n", b"?", b"a: b",
    ]
)  # fmt: skip


@given(st.lists(PARTS | st.binary(max_size=40), max_size=15))
@settings(suppress_health_check=[HealthCheck.too_slow])
async def test_nothing_that_comes_raises(pieces: list[bytes]) -> None:
    """Whatever it is: answered, refused, or the end."""
    await fed(pieces)
