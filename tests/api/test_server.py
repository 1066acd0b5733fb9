"""The server's manners: paths, methods, connections, health, and what it does with a fault."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging

import pytest

from gateway.api import server
from gateway.errors import StoreUnavailable
from gateway.store import Store
from tests.api.conftest import Running

MESSAGE = json.dumps({"to": "+56912345678", "text": "Hola"}).encode()
HEAD = (
    b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-key\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(MESSAGE)
)


class Raw:
    """A connection, octet by octet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, api: Running) -> Raw:
        return cls(*await asyncio.open_connection("127.0.0.1", api.port))

    async def answer(self) -> tuple[bytes, bytes]:
        """The next answer's head and body."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            return head, await self.reader.readexactly(int(fields.get(b"Content-Length", 0)))

    async def end(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    def close(self) -> None:
        self.writer.close()


async def test_paths_and_methods(api: Running) -> None:
    """404 where nothing is; 405 says what is allowed."""
    for path in ("/", "/v1", "/v1/message", "/v1/messages/", "/v1/campaigns/a/b", "//v1/events"):
        answer = await api.call("GET", path)
        assert (answer.status, answer.json["type"]) == (404, "unknown-path")
    answer = await api.call("PUT", "/v1/campaigns/x", {})
    assert (answer.status, answer.json["type"]) == (405, "wrong-method")
    assert answer.headers["Allow"] == "GET, HEAD, PATCH"


async def test_head_has_no_body(api: Running) -> None:
    """HEAD is GET without it, and the connection goes on."""
    raw = await Raw.open(api)
    raw.writer.write(
        b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    async with asyncio.timeout(10):
        head = await raw.reader.readuntil(b"\r\n\r\n")
    assert b"Content-Length: 15" in head
    assert (await raw.answer())[1] == b'{"status":"ok"}'
    raw.close()


async def test_requests_may_be_pipelined(api: Running) -> None:
    """Answers come in order."""
    raw = await Raw.open(api)
    raw.writer.write((HEAD + b"\r\n" + MESSAGE) * 20)
    ids = {json.loads((await raw.answer())[1])["id"] for _ in range(20)}
    assert len(ids) == 20
    raw.close()


async def test_a_caller_may_ask_to_close(api: Running) -> None:
    """Connection: close, and HTTP/1.0 with and without keep-alive."""
    raw = await Raw.open(api)
    raw.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Connection: close" in await raw.end()
    raw.close()
    raw = await Raw.open(api)
    raw.writer.write(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"Connection: keep-alive" in (await raw.answer())[0]
    raw.writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert b'{"status":"ok"}' in await raw.end()
    raw.close()


async def test_a_caller_that_expects_100(api: Running) -> None:
    """It is told to go on, but not without a key."""
    raw = await Raw.open(api)
    raw.writer.write(HEAD + b"Expect: 100-continue\r\n\r\n")
    assert (await raw.answer())[0].startswith(b"HTTP/1.1 100 ")
    raw.writer.write(MESSAGE)
    assert (await raw.answer())[0].startswith(b"HTTP/1.1 202 ")
    raw.close()
    raw = await Raw.open(api)
    head = HEAD.replace(b"crm-key", b"nobody")
    raw.writer.write(head + b"Expect: 100-continue\r\n\r\n")
    assert (await raw.answer())[0].startswith(b"HTTP/1.1 401 ")
    raw.close()


async def test_a_body_in_pieces(api: Running) -> None:
    """Chunked, compressed, and slow."""
    packed = gzip.compress(MESSAGE)
    raw = await Raw.open(api)
    raw.writer.write(
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-key\r\n"
        b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for octet in packed:
        raw.writer.write(b"1\r\n%c\r\n" % octet)
        await raw.writer.drain()
    raw.writer.write(b"0\r\n\r\n")
    assert (await raw.answer())[0].startswith(b"HTTP/1.1 202 ")
    raw.close()


async def test_a_refused_body_is_not_read(api: Running) -> None:
    """Too large by its own word: refused before it comes."""
    raw = await Raw.open(api)
    raw.writer.write(HEAD.replace(b"Length: %d" % len(MESSAGE), b"Length: 100001") + b"\r\n{")
    head, body = await raw.answer()
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["type"] == "body-too-large"
    raw.close()


async def test_what_is_no_http(api: Running) -> None:
    """400, and the connection ends."""
    raw = await Raw.open(api)
    raw.writer.write(b"\x16\x03\x01 what\r\n\r\n")
    assert (await raw.end()).startswith(b"HTTP/1.1 400 ")
    raw.close()


async def test_health_and_readiness(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alive while it answers; ready while it is meant to be and the store answers."""
    assert (await api.call("GET", "/healthz", key=None)).json == {"status": "ok"}
    assert (await api.call("GET", "/readyz", key=None)).json == {"status": "ok"}
    api.ready = False
    answer = await api.call("GET", "/readyz", key=None)
    assert (answer.status, answer.json["status"]) == (503, "not-ready")
    api.ready = True

    async def away() -> float:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(store, "ping", away)
    answer = await api.call("GET", "/readyz", key=None)
    assert (answer.status, answer.json["type"]) == (503, "store-unavailable")
    assert (await api.call("GET", "/healthz", key=None)).status == 200


async def test_a_gateway_that_stops_says_so(api: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health and metrics answer to the end; every other call is 503, on open connections too."""
    raw = await Raw.open(api)
    raw.writer.write(HEAD + b"\r\n" + MESSAGE)
    assert (await raw.answer())[0].startswith(b"HTTP/1.1 202 ")
    polling = asyncio.create_task(api.call("GET", "/v1/events?wait=30&cursor=9999999999999-0"))
    uploading = await Raw.open(api)
    uploading.writer.write(HEAD.replace(b"Length: %d" % len(MESSAGE), b"Length: 1000") + b"\r\n{")
    await asyncio.sleep(0.1)
    monkeypatch.setattr(server, "STOP_SECONDS", 0.2)
    await api.api.quiet()
    assert (await polling).status == 200
    assert await uploading.end() == b""
    assert (await api.call("GET", "/healthz", key=None)).json == {"status": "ok"}
    for port in (api.port, api.metrics_port):
        answer = await api.call("GET", "/readyz", key=None, port=port)
        assert answer.status == 503
        assert answer.json == {"status": "not-ready", "reason": "stopping"}
        assert (await api.call("GET", "/metrics", key=None, port=port)).status == 200
    for method, path in (("GET", "/v1/events"), ("POST", "/v1/campaigns"), ("GET", "/docs")):
        answer = await api.call(method, path)
        assert (answer.status, answer.json["type"]) == (503, "stopping")
        assert answer.headers["Retry-After"] == "5"
    raw.writer.write(HEAD + b"\r\n" + MESSAGE)
    head, body = await raw.answer()
    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(body)["type"] == "stopping"
    for connection in (raw, uploading):
        connection.close()


async def test_metrics_are_on_both_addresses(api: Running) -> None:
    """The second address has them, health, and nothing else."""
    await api.call("GET", "/v1/campaigns/7")
    await api.call("GET", "/nowhere")
    await api.call("POST", "/v1/messages", MESSAGE, kind="application/json")
    for port in (api.port, api.metrics_port):
        answer = await api.call("GET", "/metrics", key=None, port=port)
        assert answer.headers["Content-Type"].startswith("text/plain")
        page = answer.body.decode()
        labels = 'method="GET",path="/v1/campaigns/{id}",status="404"'
        assert f"recado_http_requests_total{{{labels}}} 1.0" in page
        assert 'method="GET",path="-",status="404"' in page
        assert 'recado_accepted_messages_total{state="queued"} 1.0' in page
    for path in ("/healthz", "/readyz"):
        assert (await api.call("GET", path, key=None, port=api.metrics_port)).status == 200
    assert (await api.call("GET", "/v1/campaigns", port=api.metrics_port)).status == 404


async def test_a_fault_is_ours(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500, a line in the log, and no word of it to the caller."""

    async def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(store.records, "campaigns", broken)
    with caplog.at_level(logging.ERROR):
        answer = await api.call("GET", "/v1/campaigns")
    assert (answer.status, answer.json["type"]) == (500, "fault")
    assert b"secret" not in answer.body
    assert "secret" in caplog.text


async def test_a_read_from_a_store_that_is_away(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, whatever the call."""

    async def away(*_: object) -> None:
        raise StoreUnavailable("gone", 5)

    monkeypatch.setattr(store.records, "campaigns", away)
    answer = await api.call("GET", "/v1/campaigns")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
