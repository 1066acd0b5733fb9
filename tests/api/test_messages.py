"""Messages are read and looked up by their client alone."""

from __future__ import annotations

import pytest

from gateway.clock import wall_ms
from tests.api.conftest import Post, Running


async def test_a_message_is_its_clients(api: Running, post: Post) -> None:
    """Nobody else's key finds it, and what is no id finds nothing."""
    id = (await post()).json["id"]
    assert (await api.call("GET", f"/v1/messages/{id}")).status == 200
    for path, key in ((id, "other"), ("0" * 24, "crm"), ("x", "crm"), ("%2F%00", "crm")):
        answer = await api.call("GET", f"/v1/messages/{path}", key=key)
        assert (answer.status, answer.json["type"]) == (404, "unknown-message")


async def test_looking_up(api: Running, post: Post) -> None:
    """By ref, campaign, recipient and state, and several of them."""
    api.clock.now = wall_ms()  # recipients are found by day
    campaign = await api.campaign()
    first = (await post(ref="a", campaign=campaign)).json["id"]
    second = (await post(ref="b", to="+56987654321")).json["id"]
    third = (await post(ref="c", campaign=campaign, to="+56987654321")).json["id"]
    await post(key="other", ref="a")

    async def found(query: str) -> list[str]:
        answer = await api.call("GET", f"/v1/messages?{query}")
        assert answer.status == 200, answer.body
        return [one["id"] for one in answer.json["items"]]

    assert await found("ref=a") == [first]
    assert await found(f"ref=a&campaign={campaign}") == [first]
    assert await found("ref=nobody") == []
    assert await found(f"campaign={campaign}") == [first, third]
    assert await found("to=%2B56987654321") == [second, third]
    assert await found(f"to=%2B56987654321&campaign={campaign}") == [third]
    assert await found("state=in_doubt") == []
    assert sorted(await found("state=queued")) == sorted([first, second, third])


@pytest.mark.parametrize("filter", ["", "campaign", "to"])
async def test_lists_go_by_pages(api: Running, post: Post, filter: str) -> None:
    """A cursor goes on where the page ended, oldest first."""
    api.clock.now = wall_ms()
    campaign = await api.campaign()
    sent = [(await post(campaign=campaign)).json["id"] for _ in range(5)]
    query = {"": "", "campaign": f"&campaign={campaign}", "to": "&to=%2B56912345678"}[filter]
    found, cursor = [], ""
    for _ in range(5):
        answer = (await api.call("GET", f"/v1/messages?limit=2{query}{cursor}")).json
        found += [one["id"] for one in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert found == sent


@pytest.mark.parametrize(
    ("query", "type", "field"),
    [
        ("reff=a", "unknown-parameter", "reff"),
        ("ref=a&ref=b", "invalid-parameter", None),
        ("limit=0", "invalid-parameter", "limit"),
        ("limit=x", "invalid-parameter", "limit"),
        ("state=sent", "invalid-parameter", "state"),
        ("to=123", "invalid-number", "to"),
        ("cursor=x", "invalid-cursor", "cursor"),
        ("cursor=3&to=%2B56912345678", "invalid-cursor", "cursor"),
        ("cursor=a/1-1&state=in_doubt", "invalid-cursor", "cursor"),
        ("campaign=none", "unknown-campaign", "campaign"),
    ],
)
async def test_a_wrong_query(api: Running, query: str, type: str, field: str | None) -> None:
    """Says which parameter, and what is allowed."""
    answer = await api.call("GET", f"/v1/messages?{query}")
    assert (answer.json["type"], answer.json.get("field")) == (type, field)
    assert answer.status in (400, 404, 422)


async def test_a_call_without_parameters_takes_none(api: Running) -> None:
    """A mistyped filter is not passed over in silence."""
    answer = await api.call("GET", "/v1/carriers?name=andina")
    assert (answer.status, answer.json["type"]) == (400, "unknown-parameter")
