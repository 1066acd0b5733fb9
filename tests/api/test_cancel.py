"""Cancelling while a message has not left."""

from __future__ import annotations

import json

import pytest

from gateway.store import Store
from tests.api.conftest import Post, Running


async def test_a_waiting_message_is_canceled(api: Running, post: Post) -> None:
    """DELETE answers its last state; again is no error."""
    id = (await post()).json["id"]
    for _ in range(2):
        answer = await api.call("DELETE", f"/v1/messages/{id}")
        assert (answer.status, answer.json["state"]) == (200, "canceled")


async def test_what_has_left_or_ended_stays(api: Running, post: Post, store: Store) -> None:
    """409 after it was claimed, or came to its end."""
    id = (await post()).json["id"]
    await store.queue.claim(["chile"], "n", 1, api.clock.now, 1)
    answer = await api.call("DELETE", f"/v1/messages/{id}")
    assert (answer.status, answer.json["type"]) == (409, "already-left")
    id = (await post(to="+5491123456789")).json["id"]
    answer = await api.call("DELETE", f"/v1/messages/{id}")
    assert (answer.status, answer.json["type"]) == (409, "already-final")
    answer = await api.call("DELETE", f"/v1/messages/{id}", key="other")
    assert (answer.status, answer.json["type"]) == (404, "unknown-message")


async def test_cancel_by_refs_and_ids(api: Running, post: Post) -> None:
    """One object: what was not canceled is told, with the reason."""
    campaign = await api.campaign()
    for ref in "ab":
        await post(ref=ref, campaign=campaign)
    blocked = await post(ref="c", campaign=campaign, to="+5491123456789", **{"from": "3450"})
    single = (await post()).json["id"]
    body = {"campaign": campaign, "refs": ["a", "c", "z"], "ids": [single]}
    said = (await api.call("POST", "/v1/messages/cancel", body)).json
    assert {k: said[k] for k in ("canceled", "not_found", "left", "final")} == {
        "canceled": 2,
        "not_found": 1,
        "left": 0,
        "final": 1,
    }
    assert [(one["index"], one["ref"], one["why"]) for one in said["items"]] == [
        (1, "c", "final"),
        (2, "z", "not-found"),
    ]
    assert said["items"][0]["id"] == blocked.json["id"]
    found = await api.call("GET", f"/v1/messages?campaign={campaign}&state=queued")
    assert [one["ref"] for one in found.json["items"]] == ["b"]


async def test_cancel_by_a_stream(api: Running, post: Post) -> None:
    """A line a message; a bad one never sinks its neighbours."""
    id = (await post()).json["id"]
    lines = []
    for number in range(300):
        await post(ref=f"r{number}")
        lines.append({"ref": f"r{number}"})
    lines += [{"id": id}, {"id": "x"}, {}, {"reff": "x"}]
    body = "\n".join(map(json.dumps, lines)).encode() + b"\n\nno"
    answer = await api.call("POST", "/v1/messages/cancel", body, kind="application/x-ndjson")
    assert answer.json["canceled"] == 301
    assert [(one["index"], one["type"]) for one in answer.json["errors"]] == [
        (301, "invalid-field"),
        (302, "missing-field"),
        (303, "unknown-field"),
        (305, "not-json"),
    ]


@pytest.mark.parametrize(
    ("body", "type"),
    [
        ({"refs": "a"}, "invalid-field"),
        ({"ids": ["x"]}, "invalid-field"),
        ({"refs": ["a", ""]}, "invalid-ref"),
        ({"ref": ["x"]}, "unknown-field"),
        ({"refs": ["x"] * 10_001}, "too-many-items"),
    ],
)
async def test_a_wrong_cancel(api: Running, body: dict[str, object], type: str) -> None:
    """Nothing is canceled."""
    answer = await api.call("POST", "/v1/messages/cancel", body)
    assert answer.json["type"] == type
