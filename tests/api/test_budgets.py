"""Budgets: counted with the messages, for a client's day and for a campaign; over them is said, or
they are held."""

from __future__ import annotations

import asyncio
import itertools
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


# --- a campaign's messages over its budget, held -------------------------------------------------

HOLD = {"over_budget": "hold"}


async def let_go(api: Running) -> list[str]:
    """The refs of what leaves for the lanes, in the order in which a carrier would get them."""
    while (await api.store.queue.promote(api.clock.now))[1] == 0:
        pass
    claimed = await api.store.queue.claim(["chile"], "n", 1000, api.clock.now, next(CLAIMS))
    return [item.message.ref for item in claimed]


CLAIMS = itertools.count(1)


async def budget_of(api: Running, campaign: str) -> dict[str, int]:
    found = (await api.call("GET", f"/v1/campaigns/{campaign}/report")).json["budget"]
    assert (await api.call("GET", f"/v1/campaigns/{campaign}")).json.get("used_segments") in (
        None,
        found["used"],
    )
    return dict(found)


async def state_of(api: Running, id: str) -> tuple[str, str | None]:
    found = (await api.call("GET", f"/v1/messages/{id}")).json
    return found["state"], found.get("reason")


async def test_over_a_campaigns_budget_it_waits_for_room(api: Running, post: Post) -> None:
    """Accepted and held; as the limit is raised they go in the order they came, and no further."""
    campaign = await api.campaign(max_segments=2, **HOLD)
    answers = [(await post(campaign=campaign, ref=f"r{n}")).json for n in range(7)]
    assert [(one["state"], one.get("reason")) for one in answers] == [
        *[("queued", None)] * 2,
        *[("scheduled", "over_budget")] * 5,
    ]
    assert await state_of(api, answers[4]["id"]) == ("scheduled", "over_budget")
    assert await budget_of(api, campaign) == {"used": 2, "limit": 2, "held": 5}
    assert await let_go(api) == ["r0", "r1"]
    raised = await api.call("PATCH", f"/v1/campaigns/{campaign}", {"max_segments": 5})
    assert (raised.json["max_segments"], raised.json["over_budget"]) == (5, "hold")
    assert await let_go(api) == ["r2", "r3", "r4"]
    assert await state_of(api, answers[4]["id"]) == ("submitting", None)
    assert await budget_of(api, campaign) == {"used": 5, "limit": 5, "held": 2}
    report = (await api.call("GET", f"/v1/campaigns/{campaign}/report")).json
    assert report["by_state"] == {"queued": 5, "scheduled": 2}
    assert await let_go(api) == []


async def test_nobody_overtakes_what_waits_for_room(api: Running, post: Post) -> None:
    """Not one that would fit, not without a limit any more; what never fits is refused."""
    campaign = await api.campaign(max_segments=3, **HOLD)
    await post(campaign=campaign, text=TWO, ref="a")
    assert (await post(campaign=campaign, text=TWO, ref="b")).json["state"] == "scheduled"
    small = (await post(campaign=campaign, ref="c")).json
    assert (small["state"], small["reason"]) == ("scheduled", "over_budget")
    tiny = await api.campaign(max_segments=1, **HOLD)
    refused = await post(campaign=tiny, text=TWO)
    assert (refused.status, refused.json["type"]) == (409, "over-budget")
    await api.call("PATCH", f"/v1/campaigns/{campaign}", {"max_segments": 0})
    assert (await post(campaign=campaign, ref="d")).json["state"] == "scheduled"
    assert await let_go(api) == ["a", "b", "c", "d"]
    assert await budget_of(api, campaign) == {"used": 6, "limit": None}
    assert (await post(campaign=campaign)).json["state"] == "queued"


async def test_a_repeat_of_what_is_held(api: Running, post: Post) -> None:
    """The same message, which waits once; other content is a conflict."""
    campaign = await api.campaign(max_segments=1, **HOLD)
    await post(campaign=campaign, ref="a")
    first = (await post(campaign=campaign, ref="b")).json
    again = await post(campaign=campaign, ref="b")
    assert (again.status, again.json["id"], again.json["state"]) == (202, first["id"], "scheduled")
    assert (await post(campaign=campaign, ref="b", text="x")).json["type"] == "ref-conflict"
    assert await budget_of(api, campaign) == {"used": 1, "limit": 1, "held": 1}


async def test_what_is_canceled_makes_room_for_what_is_held(api: Running, post: Post) -> None:
    """Its segments go to the first that waits; one that waited has none to give back."""
    campaign = await api.campaign(max_segments=2, **HOLD)
    first = (await post(campaign=campaign, text=TWO, ref="a")).json["id"]
    held = [(await post(campaign=campaign, ref=ref)).json["id"] for ref in "bcd"]
    await api.call("DELETE", f"/v1/messages/{held[0]}")
    assert await api.store.queue.promote(api.clock.now) == (0, -1)
    assert await budget_of(api, campaign) == {"used": 2, "limit": 2, "held": 2}
    await api.call("DELETE", f"/v1/messages/{first}")
    assert await let_go(api) == ["c", "d"]
    assert await budget_of(api, campaign) == {"used": 2, "limit": 2}


async def test_the_first_that_waits_is_canceled_and_the_next_is_smaller(
    api: Running, post: Post
) -> None:
    """There was room for it all the time."""
    campaign = await api.campaign(max_segments=3, **HOLD)
    await post(campaign=campaign, text=TWO, ref="a")
    large = (await post(campaign=campaign, text=TWO, ref="b")).json["id"]
    await post(campaign=campaign, ref="c")
    assert await let_go(api) == ["a"]
    await api.call("DELETE", f"/v1/messages/{large}")
    assert await let_go(api) == ["c"]


async def test_what_is_held_expires_by_its_ttl(api: Running, post: Post) -> None:
    """To the millisecond, with the reason, and with nothing taken from the budget."""
    campaign = await api.campaign(max_segments=3, **HOLD)
    await post(campaign=campaign, text=TWO, ref="a")
    brief = (await post(campaign=campaign, text=TWO, ref="b", ttl=60)).json["id"]
    await post(campaign=campaign, ref="c", ttl=61)
    moved: list[tuple[str, str, int]] = []
    api.store.queue.moved = lambda carrier, state, count: moved.append((carrier, state.name, count))
    api.clock.now += 59_999
    assert await let_go(api) == ["a"]
    assert (await state_of(api, brief))[0] == "scheduled"
    api.clock.now += 1
    assert await let_go(api) == ["c"]
    assert await state_of(api, brief) == ("expired", "over_budget")
    assert (await api.call("GET", f"/v1/messages/{brief}")).json["error"] == "ttl"
    assert moved.count(("", "expired", 1)) == 1
    assert await budget_of(api, campaign) == {"used": 3, "limit": 3}
    (event,) = (await api.call("GET", "/v1/events")).json["items"]
    assert (event["kind"], event["id"], event["data"]) == ("expired", brief, {"error": "ttl"})
    report = (await api.call("GET", f"/v1/campaigns/{campaign}/report")).json
    assert report["by_state"] == {"queued": 2, "expired": 1}
    assert report["by_error"] == {"ttl": 1}


async def test_what_is_held_keeps_its_own_time(api: Running, post: Post) -> None:
    """It waits for both; its segments are taken as there is room."""
    campaign = await api.campaign(max_segments=1, **HOLD)
    await post(campaign=campaign, ref="a")
    at = "2025-11-22T12:00:00.000Z"
    late = (await post(campaign=campaign, ref="b", send_at=at)).json
    assert (late["state"], late["reason"], late["not_before"]) == ("scheduled", "over_budget", at)
    await api.call("PATCH", f"/v1/campaigns/{campaign}", {"max_segments": 9})
    assert await let_go(api) == ["a"]
    assert await state_of(api, late["id"]) == ("scheduled", None)
    assert await budget_of(api, campaign) == {"used": 2, "limit": 9}
    api.clock.now = 1_763_812_800_000
    assert await let_go(api) == ["b"]


async def test_what_is_held_for_both_budgets(api: Running, post: Post) -> None:
    """The client's day is taken as it is accepted; it goes on that day, if there is room then."""
    limit(api, 2, "hold")
    campaign = await api.campaign(max_segments=1, **HOLD)
    answers = [(await post(campaign=campaign, ref=ref)).json for ref in "abc"]
    assert [one.get("not_before") for one in answers] == [None, None, MIDNIGHT]
    assert {one["reason"] for one in answers[1:]} == {"over_budget"}
    assert await used(api) == 2
    await api.call("DELETE", f"/v1/messages/{answers[1]['id']}")
    assert await used(api) == 1
    await api.call("PATCH", f"/v1/campaigns/{campaign}", {"max_segments": 9})
    assert await let_go(api) == ["a"]
    api.clock.now = 1_763_874_000_000
    assert await let_go(api) == ["c"]


async def test_a_canceled_campaign_ends_what_it_holds(
    api: Running, store: Store, post: Post
) -> None:
    """Nothing of it goes, whatever the limit says; none gives back segments it had not taken."""
    campaign = await api.campaign(max_segments=1, **HOLD)
    ids = [(await post(campaign=campaign, ttl=60)).json["id"] for _ in range(3)]
    change = {"max_segments": 9, "state": "canceled"}
    await api.call("PATCH", f"/v1/campaigns/{campaign}", change)
    assert await let_go(api) == []
    await store.queue.sweep_canceled("crm", campaign, api.clock.now)
    for id in ids:
        assert await state_of(api, id) == ("canceled", "campaign_canceled")
    assert await budget_of(api, campaign) == {"used": 0, "limit": 9}
    api.clock.now += 60_000
    assert await let_go(api) == []
    assert await state_of(api, ids[2]) == ("canceled", "campaign_canceled")


async def test_many_at_once_are_held_and_not_refused(api: Running, post: Post) -> None:
    """An array and an announced stream are taken whole; once refused is asked for, they are not."""
    campaign = await api.campaign(max_segments=2, **HOLD)
    whole = (await api.call("POST", "/v1/messages", lines(3, campaign=campaign))).json
    assert [one["state"] for one in whole["messages"]] == ["queued", "queued", "scheduled"]
    more = ndjson([{**line, "ref": f"s{line['ref']}"} for line in lines(3, campaign=campaign)])
    query = f"?messages=3&campaign={campaign}"
    assert (await api.stream(more, query)).json["accepted"] == 3
    assert await budget_of(api, campaign) == {"used": 2, "limit": 2, "held": 4}
    await api.call("PATCH", f"/v1/campaigns/{campaign}", {"over_budget": "refuse"})
    refused = await api.stream(more, query)
    assert (refused.status, refused.json["budget"]["of"]) == (409, "campaign")
    assert (await post(campaign=campaign)).status == 409
    assert await budget_of(api, campaign) == {"used": 2, "limit": 2, "held": 4}
