"""Streams: NDJSON and CSV of any size, answered in three ways."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest

from gateway.api import pipeline
from gateway.errors import StoreUnavailable
from gateway.message import MessageState
from gateway.store import Store
from gateway.store.types import Put, PutResult
from tests.api.conftest import Running


def line(index: int, **fields: object) -> bytes:
    message = {"to": f"+569{index:08d}", "text": f"Hola {index}", "ref": f"r{index}", **fields}
    return json.dumps(message).encode() + b"\n"


def failing(store: Store, monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """The store takes so many batches, then is away."""
    put, taken = store.queue.put, 0

    async def limited(messages: list[Put]) -> list[PutResult]:
        nonlocal taken
        taken += 1
        if taken > batches:
            raise StoreUnavailable("gone")
        return await put(messages)

    monkeypatch.setattr(store.queue, "put", limited)


async def test_a_stream_is_counted(api: Running) -> None:
    """202 says how many were taken, and why others were not."""
    lines = [line(i) for i in range(1000)]
    lines[3] = b"{}\n"
    lines[998] = line(998, to="12345678")
    answer = await api.stream(b"".join(lines))
    assert answer.status == 202
    said = answer.json
    assert (said["accepted"], said["rejected"], said["segments"]) == (998, 2, 998)
    assert [(e["index"], e["type"], e.get("field")) for e in said["errors"]] == [
        (3, "missing-field", "to"),
        (998, "invalid-number", "to"),
    ]
    assert said["errors"][1]["ref"] == "r998"


async def test_the_first_thousand_errors(api: Running) -> None:
    """The answer of a stream is bounded, whatever it had."""
    said = (await api.stream(b"no\n" * 1500)).json
    assert (said["accepted"], said["rejected"], len(said["errors"])) == (0, 1500, 1000)


async def test_the_same_stream_again_makes_the_same_messages(api: Running) -> None:
    """With refs, or under a key where lines have none."""
    body = b"".join(line(i) for i in range(300))
    first = (await api.stream(body, "?answers=lines")).lines
    assert (await api.stream(body, "?answers=lines")).lines == first
    body = b'{"to":"+56912345678","text":"Hola"}\n' * 5
    headers = {"Idempotency-Key": "job"}
    first = (await api.stream(body, "?answers=lines", headers=headers)).lines
    assert len({one["id"] for one in first}) == 5
    assert (await api.stream(body, "?answers=lines", headers=headers)).lines == first
    headers = {"Idempotency-Key": "other job"}
    other = (await api.stream(body, "?answers=lines", headers=headers)).lines
    assert not {one["id"] for one in first} & {one["id"] for one in other}


async def test_a_line_for_each_line(api: Running) -> None:
    """?answers=lines: in order, each with its index, after all is committed."""
    body = line(0) + b"no\n\n" + line(3, text="í" * 71) + line(4, to="+5491123456789")
    answer = await api.stream(body, "?answers=lines")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    one, two, four, five = answer.lines
    assert (one["index"], one["state"], one["segments"], one["encoding"]) == (
        0,
        "queued",
        1,
        "gsm7",
    )
    assert two["index"] == 1
    assert two["error"]["type"] == "not-json"
    assert (four["index"], four["segments"], four["encoding"]) == (3, 2, "ucs2")
    assert (five["state"], five["reason"]) == ("blocked", "no_route")


async def test_lines_that_do_not_fit_memory_wait_in_a_file(
    api: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer by lines is spooled."""
    monkeypatch.setattr("gateway.api.stream.SPOOL_OCTETS", 1000)
    answer = await api.stream(b"".join(line(i) for i in range(500)), "?answers=lines")
    assert [one["index"] for one in answer.lines] == list(range(500))


async def test_answers_come_while_the_body_goes(api: Running) -> None:
    """?answers=stream: the first line is answered before the last is sent."""
    heard = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield line(0)
        await heard.wait()
        yield line(1)

    url = f"http://127.0.0.1:{api.port}/v1/messages?answers=stream"
    headers = {"Authorization": "Bearer crm-key", "Content-Type": "application/x-ndjson"}
    async with asyncio.timeout(30):
        async with api.session.post(url, data=body(), headers=headers) as answer:
            assert answer.status == 202
            assert json.loads(await answer.content.readline())["index"] == 0
            heard.set()
            assert json.loads(await answer.content.readline())["index"] == 1
            assert await answer.content.read() == b""


@pytest.mark.parametrize("query", ["", "?answers=lines", "?answers=stream"])
async def test_a_store_that_fails_midway(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """503 says how many lines from the start are committed; sending the rest is safe."""
    failing(store, monkeypatch, batches=2)
    lines = [line(i) for i in range(1000)]
    answer = await api.stream(b"".join(lines), query)
    if query == "?answers=stream":
        assert answer.status == 202
        last = answer.lines[-1]
        committed = last["committed_lines"]
        assert last["error"]["type"] == "store-unavailable"
        assert [one["index"] for one in answer.lines[:-1]] == list(range(committed))
    else:
        assert (answer.status, answer.json["type"]) == (503, "store-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        committed = answer.json["committed_lines"]
        assert answer.json["accepted"] == committed
    assert 0 < committed < 1000
    monkeypatch.undo()
    again = (await api.stream(b"".join(lines[committed:]))).json
    assert (again["accepted"], again["rejected"]) == (1000 - committed, 0)
    found = await api.call("GET", "/v1/messages?limit=1000")
    assert len({one["id"] for one in found.json["items"]}) == 1000


async def test_a_store_that_is_away_from_the_start(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ?answers=stream, too, the status still says so."""
    failing(store, monkeypatch, batches=0)
    answer = await api.stream(line(0), "?answers=stream")
    assert (answer.status, answer.json["committed_lines"]) == (503, 0)


async def test_a_campaign_that_cannot_be_read(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look-up needs the store as well."""

    async def away(client: str, id: str) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(store.records, "campaign", away)
    answer = await api.stream(line(0, campaign="c1"))
    assert (answer.status, answer.json["committed_lines"]) == (503, 0)


async def test_campaigns_of_a_stream(api: Running) -> None:
    """Each line has its own; a foreign or unknown one sinks that line alone."""
    mine, foreign = await api.campaign(), await api.campaign(key="other")
    body = b"".join(line(i, campaign=c) for i, c in enumerate([mine, foreign, "none", mine]))
    said = (await api.stream(body)).json
    assert said["accepted"] == 2
    assert [e["type"] for e in said["errors"]] == ["foreign-campaign", "unknown-campaign"]
    report = (await api.call("GET", f"/v1/campaigns/{mine}/report")).json
    assert (report["messages"], report["by_state"]) == (2, {"queued": 2})


async def test_csv(api: Running) -> None:
    """A header names the fields; quoting as in RFC 4180."""
    body = b'to,text,ref\r\n+56911111111,"Hola, Ana:\n""hoy""",a\r\n1,x,b\r\n'
    answer = await api.call("POST", "/v1/messages", body, kind="text/csv; charset=utf-8")
    said = answer.json
    assert (said["accepted"], said["rejected"]) == (1, 1)
    assert said["errors"][0]["ref"] == "b"
    bad = await api.call("POST", "/v1/messages", b"to,text,colour\n", kind="text/csv")
    assert (bad.status, bad.json["type"], bad.json["field"]) == (422, "unknown-field", "colour")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_stream(api: Running, coding: str) -> None:
    """gzip and deflate."""
    body = b"".join(line(i) for i in range(300))
    packed = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    answer = await api.stream(packed, headers={"Content-Encoding": coding})
    assert answer.json["accepted"] == 300


@pytest.mark.parametrize(
    ("coding", "body", "status", "type"),
    [
        ("br", b"", 415, "unsupported-media-type"),
        ("gzip", b"not gzip at all", 400, "bad-compression"),
        ("gzip", gzip.compress(b"x" * 200_000), 413, "body-too-large"),
    ],
)
async def test_a_wrong_compression(
    api: Running, coding: str, body: bytes, status: int, type: str
) -> None:
    """One message is bounded as it expands."""
    headers = {"Content-Encoding": coding}
    answer = await api.call("POST", "/v1/messages", body, kind="application/json", headers=headers)
    assert (answer.status, answer.json["type"]) == (status, type)


async def test_a_stream_holds_no_more_than_a_few_batches(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 MB of messages go through in less than half of that, and few batches at once."""
    under_way = most = 0

    async def quick(messages: list[Put]) -> list[PutResult]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return [PutResult("new", MessageState.queued)] * len(messages)

    async def body() -> AsyncIterator[bytes]:
        piece = b"".join(line(i, text="x" * 400) for i in range(200))
        for _ in range(100):
            yield piece

    monkeypatch.setattr(store.queue, "put", quick)
    await api.stream(line(0))
    tracemalloc.start()
    try:
        said = (await api.stream(body())).json
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said["accepted"] == 20_000
    assert peak < 4_500_000
    assert most <= pipeline.UNDER_WAY


async def test_a_caller_that_hangs_up(api: Running) -> None:
    """What it sent whole is kept, and the next caller is served."""
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crm-key\r\n"
        b"Content-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n"
        + line(0, to="+5491123456789")
        + b"{"
    )
    await writer.drain()
    assert (await api.call("GET", "/v1/events?wait=10")).status == 200
    assert (await api.call("GET", "/v1/messages?ref=r0")).json["items"]
    writer.close()
    await writer.wait_closed()
    assert (await api.stream(line(1))).json["accepted"] == 1
