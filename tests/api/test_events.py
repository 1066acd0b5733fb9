"""Events and replies, by cursor and long poll."""

from __future__ import annotations

import asyncio

import pytest

from gateway.api import events
from gateway.message import Reply
from gateway.store import Store
from tests.api.conftest import Post, Running


async def blocked(post: Post, ref: str) -> str:
    """A message without a route: its event is there at once."""
    return str((await post(to="+5491123456789", ref=ref)).json["id"])


async def test_events_go_by_cursor(api: Running, post: Post) -> None:
    """``next`` goes on where the page ended, also at the end; others see nothing."""
    ids = [await blocked(post, f"r{number}") for number in range(3)]
    first = (await api.call("GET", "/v1/events?limit=2")).json
    rest = (await api.call("GET", f"/v1/events?limit=2&cursor={first['next']}")).json
    assert [event["id"] for event in first["items"] + rest["items"]] == ids
    event = first["items"][0]
    assert (event["kind"], event["ref"], event["to"]) == ("blocked", "r0", "+5491123456789")
    end = (await api.call("GET", f"/v1/events?cursor={rest['next']}")).json
    assert end == {"items": [], "next": rest["next"]}
    assert (await api.call("GET", "/v1/events", key="other")).json["items"] == []


async def test_a_long_poll_ends_with_the_event(api: Running, post: Post) -> None:
    """It answers as soon as there is one."""
    waiting = asyncio.ensure_future(api.call("GET", "/v1/events?wait=20"))
    id = await blocked(post, "r")
    async with asyncio.timeout(10):
        assert [event["id"] for event in (await waiting).json["items"]] == [id]


async def test_a_long_poll_ends_with_its_time(api: Running) -> None:
    """Nothing came."""
    answer = await api.call("GET", "/v1/events?wait=0.01")
    assert answer.json == {"items": [], "next": None}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/replies"])
async def test_a_long_poll_ends_with_the_server(api: Running, path: str) -> None:
    """A stop does not wait for those who wait."""
    waiting = asyncio.ensure_future(api.call("GET", f"{path}?wait=60"))
    await api.call("GET", path)
    async with asyncio.timeout(10):
        await api.api.stop()
        assert (await waiting).json["items"] == []


@pytest.mark.parametrize("path", ["/v1/events", "/v1/replies"])
@pytest.mark.parametrize(
    ("query", "type"),
    [
        ("cursor=x", "invalid-cursor"),
        ("wait=61", "invalid-parameter"),
        ("limit=0", "invalid-parameter"),
    ],
)
async def test_a_wrong_query(api: Running, path: str, query: str, type: str) -> None:
    """A cursor is one of this list's; the longest wait is a minute."""
    answer = await api.call("GET", f"{path}?{query}")
    assert (answer.status, answer.json["type"]) == (400, type)


async def reply(store: Store, text: str) -> None:
    await store.correlation.reply("andina", [Reply("56912345678", "3450", text, 0)], 1, "crm")


async def test_replies(api: Running, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By cursor, by campaign, and as they come."""
    monkeypatch.setattr(events, "REPLY_SECONDS", 0.01)
    await reply(store, "uno")
    await reply(store, "dos")
    first = (await api.call("GET", "/v1/replies?limit=1")).json
    assert [one["text"] for one in first["items"]] == ["uno"]
    one = first["items"][0]
    assert (one["from"], one["to"], one["carrier"]) == ("+56912345678", "3450", "andina")
    rest = (await api.call("GET", f"/v1/replies?cursor={first['next']}")).json
    assert [one["text"] for one in rest["items"]] == ["dos"]
    waiting = asyncio.ensure_future(api.call("GET", f"/v1/replies?cursor={rest['next']}&wait=20"))
    await reply(store, "tres")
    async with asyncio.timeout(10):
        assert [one["text"] for one in (await waiting).json["items"]] == ["tres"]
    campaign = await api.campaign()
    assert (await api.call("GET", f"/v1/replies?campaign={campaign}")).json["items"] == []
