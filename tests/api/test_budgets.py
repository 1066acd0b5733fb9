"""Budgets: counted with the messages, for a client's day and for a campaign; over them is said."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, Literal

import pytest

from gateway.store import Store
from gateway.store.types import Budget
from tests.api.conftest import Post, Running
from tests.redis_server import RedisServer

MIDNIGHT = "2025-11-23T05:00:00.000Z"
"""The next in Bogota: it is 22 November, 08:26:40 UTC."""
TWO = "x" * 200
"""Two segments."""


def limit(api: Running, segments: int, over: Literal["refuse", "hold"] = "refuse") -> None:
    """The client crm may use so many segments a day."""
    clients = api.api.context.config.clients
    crm = replace(clients[0], daily_segments=segments, over_budget=over)
    api.configure(clients=(crm, *clients[1:]))


async def used(api: Running) -> int:
    return int((await api.call("GET", "/v1/budget")).json["used"])


def lines(count: int, text: str = "hola", **more: Any) -> list[dict[str, Any]]:
    return [{"to": "+56912345678", "text": text, "ref": f"r{n}", **more} for n in range(count)]


def ndjson(items: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


async def test_a_client_without_a_budget(api: Running, post: Post) -> None:
    """Nothing is counted and nothing refused."""
    await post(text=TWO)
    found = (await api.call("GET", "/v1/budget")).json
    assert found == {
        "day": "2025-11-22", "zone": "America/Bogota", "resets_at": MIDNIGHT,
        "limit": None, "used": None, "left": None, "over_budget": "refuse",
    }  # fmt: skip


async def test_segments_are_counted_and_the_rest_refused(api: Running, post: Post) -> None:
    """A smaller one may still fit; the numbers and the time are in the problem."""
    limit(api, 3)
    assert (await post(text=TWO)).status == 202
    refused = await post(text=TWO)
    assert (refused.status, refused.json["type"]) == (409, "over-budget")
    assert refused.json["budget"] == {
        "of": "client", "used": 2, "limit": 3, "resets_at": MIDNIGHT,
    }  # fmt: skip
    assert (await post()).status == 202
    assert (await post()).status == 409
    assert await used(api) == 3
    assert (await post(key="other")).status == 202


async def test_the_next_day_begins_anew(api: Running, post: Post) -> None:
    """At midnight in the budget's zone."""
    limit(api, 1)
    await post()
    api.clock.now = 1_763_874_000_000 - 1  # 04:59:59.999 UTC
    assert (await post()).status == 409
    api.clock.now += 1
    assert (await post()).status == 202


async def test_a_repeat_costs_nothing(api: Running, post: Post) -> None:
    """Not by itself, not in its batch, and not in an array that is sent again."""
    limit(api, 3)
    first = await post(ref="a")
    assert (await post(ref="a")).json["id"] == first.json["id"]
    assert await used(api) == 1
    items = lines(2)
    assert (await api.call("POST", "/v1/messages", [*items, items[0]])).json["accepted"] == 3
    assert await used(api) == 3
    again = await api.call("POST", "/v1/messages", items)
    assert (again.status, again.json["accepted"]) == (202, 2)
    assert (await post(ref="b")).status == 409


async def test_what_goes_nowhere_costs_nothing(api: Running, post: Post) -> None:
    """A number without a route is blocked, budget or not."""
    limit(api, 1)
    for _ in range(3):
        assert (await post(to="+4412345678")).json["state"] == "blocked"
    assert await used(api) == 0


async def test_over_it_waits_for_the_next_day_with_room(api: Running, post: Post) -> None:
    """Held, it is scheduled for that day's beginning, and counts for that day."""
    limit(api, 2, "hold")
    answers = [(await post()).json for _ in range(5)]
    assert [(one["state"], one.get("not_before")) for one in answers] == [
        ("queued", None),
        ("queued", None),
        ("scheduled", MIDNIGHT),
        ("scheduled", MIDNIGHT),
        ("scheduled", "2025-11-24T05:00:00.000Z"),
    ]
    assert {one.get("reason") for one in answers[2:]} == {"over_budget"}
    read = (await api.call("GET", f"/v1/messages/{answers[4]['id']}")).json
    assert (read["state"], read["not_before"]) == ("scheduled", "2025-11-24T05:00:00.000Z")
    assert await used(api) == 2
    late = (await post(send_at="2025-11-30T12:00:00Z")).json
    assert late["not_before"] == "2025-11-30T12:00:00.000Z"
    assert (await post(text="x" * 400)).json["budget"]["limit"] == 2


async def test_an_array_is_refused_whole(api: Running) -> None:
    """It is measured before the first message; nothing of it is there."""
    limit(api, 5)
    refused = await api.call("POST", "/v1/messages", lines(3, TWO))
    assert (refused.status, refused.json["type"]) == (409, "over-budget")
    assert refused.json["budget"]["used"] == 0
    assert "6 segments" in refused.json["detail"]
    assert (await api.call("GET", "/v1/messages")).json["items"] == []
    assert (await api.call("POST", "/v1/messages", lines(5))).json["accepted"] == 5


async def test_a_stream_says_what_it_will_cost(api: Running) -> None:
    """Announced, it is refused before its first line; else line by line."""
    limit(api, 2)
    for query in ("?segments=3", "?messages=3", "?segments=1&messages=3"):
        refused = await api.stream(ndjson(lines(3)), query)
        assert (refused.status, refused.json["type"]) == (409, "over-budget")
    assert await used(api) == 0
    summary = (await api.stream(ndjson(lines(3)))).json
    assert (summary["accepted"], summary["rejected"]) == (2, 1)
    assert [(one["index"], one["type"]) for one in summary["errors"]] == [(2, "over-budget")]
    campaign = await api.campaign(max_segments=1)
    refused = await api.stream(ndjson([]), f"?segments=2&campaign={campaign}", key="crm")
    assert refused.json["budget"] == {"of": "campaign", "used": 0, "limit": 1}
    assert (await api.stream(ndjson([]), "?segments=-1")).status == 400


async def test_a_campaign_has_its_own(api: Running, post: Post) -> None:
    """What is over is refused until the limit is raised; what is used is shown."""
    campaign = await api.campaign(max_segments=3)
    await post(campaign=campaign, text=TWO)
    refused = await post(campaign=campaign, text=TWO)
    assert refused.json["budget"] == {"of": "campaign", "used": 2, "limit": 3}
    whole = await api.call("POST", "/v1/messages", lines(2, campaign=campaign))
    assert whole.json["budget"] == {"of": "campaign", "used": 2, "limit": 3}
    read = (await api.call("GET", f"/v1/campaigns/{campaign}")).json
    assert (read["max_segments"], read["used_segments"]) == (3, 2)
    report = (await api.call("GET", f"/v1/campaigns/{campaign}/report")).json
    assert report["budget"] == {"used": 2, "limit": 3}
    raised = await api.call("PATCH", f"/v1/campaigns/{campaign}", {"max_segments": 4})
    assert (raised.json["max_segments"], raised.json["used_segments"]) == (4, 2)
    assert (await post(campaign=campaign, text=TWO)).status == 202
    await api.call("PATCH", f"/v1/campaigns/{campaign}", {"max_segments": 0})
    assert (await post(campaign=campaign, text=TWO)).status == 202
    assert (await post(text=TWO)).status == 202


@pytest.mark.parametrize("scheduled", [False, True])
async def test_what_is_canceled_gives_its_segments_back(
    api: Running, post: Post, scheduled: bool
) -> None:
    """To the client's day and the campaign, once."""
    limit(api, 2)
    campaign = await api.campaign(max_segments=2)
    later = {"send_at": "2025-11-22T12:00:00Z"} if scheduled else {}
    message = (await post(campaign=campaign, text=TWO, **later)).json["id"]
    assert (await post(campaign=campaign)).status == 409
    for _ in range(2):
        assert (await api.call("DELETE", f"/v1/messages/{message}")).status == 200
    assert await used(api) == 0
    read = (await api.call("GET", f"/v1/campaigns/{campaign}")).json
    assert read["used_segments"] == 0
    assert (await post(campaign=campaign, text=TWO)).status == 202
    assert (await post()).status == 409


async def test_two_batches_race_for_the_last_segments(
    api: Running, store: Store, redis_server: RedisServer
) -> None:
    """Two nodes on one store: together they take no more than there is."""
    limit(api, 150)
    other = Store(redis_server.url)
    await other.open()
    context = api.api.context
    other.queue.budgets = {"crm": Budget(150)}
    other.queue.days = store.queue.days
    made = await asyncio.gather(*(_put(context, node, 100, n) for n, node in
                                  enumerate((store, other, store, other))))  # fmt: skip
    await other.close()
    kinds = [result.kind for results in made for result in results]
    assert (kinds.count("new"), kinds.count("client-over-budget")) == (150, 250)
    assert await used(api) == 150


async def _put(context: Any, node: Store, count: int, who: int) -> Any:
    from gateway.api.intake import Origin
    from gateway.api.shapes import MessageIn

    puts = [
        context.intake.put(
            MessageIn(to="+56912345678", text="hola", ref=f"{who}-{n}"),
            None, Origin("crm"), n, context.clock(),
        )
        for n in range(count)
    ]  # fmt: skip
    return await node.queue.put(puts)


async def test_the_metrics_have_it_by_client(api: Running, store: Store, post: Post) -> None:
    """Used and allowed, of those that have one."""
    limit(api, 9)
    await post(text=TWO)
    assert await store.budgets(api.clock.now) == {"crm": (2, 9)}
