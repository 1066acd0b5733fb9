"""What the contact rules said is shown with the message, and told in its events."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import policies
from gateway.policy.calendars import HELD, Calendars
from gateway.policy.decide import UNKNOWN_ZONE, Discard, Listed, Outcome, Wait
from gateway.policy.packed import pack
from gateway.store import Store
from gateway.store.correlation import Kind, Settle
from tests.api.conftest import NOW, Post, Running

UNTIL = NOW + 3_600_000


@pytest.fixture
async def calendar(store: Store) -> str:
    """A calendar of another process: the store knows it, this one does not."""
    calendars = Calendars(policies.load(None))
    name = calendars.name(calendars.book.places.find("56981234567"), "prudent")
    await store.queue.define(calendars.fresh)
    return name


async def settled(api: Running, post: Post, packed: str, **settle: Any) -> str:
    """A message with this decision, and what its settle did with it."""
    id = str((await post(to="+56981234567", ref="r-1")).json["id"])
    (claimed,) = await api.store.queue.claim(["chile"], "n1/a:andina", 10, NOW, 1)
    one = Settle(
        lane=claimed.lane,
        entry=claimed.entry,
        message=claimed.message,
        decision=packed,
        **{"kind": Kind.release, "ids": [], **settle},
    )
    await api.store.correlation.commit("andina", [one], [], NOW)
    return id


def packed(outcome: Outcome, calendar: str, **more: Any) -> str:
    return pack(NOW, outcome, "cc61594d51914314", calendar, **more)


async def test_a_message_that_waits(api: Running, post: Post, calendar: str) -> None:
    """The whole decision, its calendar's place and profile by the store's word."""
    text = packed(Wait(UNTIL, "cap", "per_week"), calendar, counted=2)
    id = await settled(api, post, text, due_ms=UNTIL, reason="cap")
    found = (await api.call("GET", f"/v1/messages/{id}")).json["decision"]
    assert found["local"][0].endswith("-0300")
    assert found | {"local": []} == {
        "at": "2025-11-22T08:26:40.000Z",
        "outcome": "wait",
        "reason": "cap",
        "detail": "per_week",
        "until": "2025-11-22T09:26:40.000Z",
        "rule": "CL/prudent",
        "hash": "cc61594d51914314",
        "zones": ["America/Santiago", "America/Punta_Arenas", "America/Coyhaique"],
        "local": [],
        "source": "prefix",
        "counted": 2,
        "lists": [],
    }
    listed = (await api.call("GET", "/v1/messages?ref=r-1")).json["items"]
    assert listed[0]["decision"] == found
    (event,) = (await api.call("GET", "/v1/events")).json["items"]
    assert (event["kind"], event["id"], event["data"]) == (
        "waiting",
        id,
        {
            "reason": "cap",
            "detail": "per_week",
            "rule": "CL/prudent",
            "hash": "cc61594d51914314",
            "until": "2025-11-22T09:26:40.000Z",
        },
    )


async def test_a_message_that_never_goes(api: Running, post: Post, calendar: str) -> None:
    """The names of the lists, not their number."""
    listed = int(Listed.OPT_OUT | Listed.LEGAL_STOP)
    text = packed(Discard("legal_stop"), calendar, listed=listed)
    id = await settled(
        api, post, text, kind=Kind.submitted, state=13, error="legal_stop", reason="legal_stop",
        fates="13:legal_stop:", ids=[""],
    )  # fmt: skip
    found = (await api.call("GET", f"/v1/messages/{id}")).json
    assert (found["state"], found["decision"]["outcome"]) == ("blocked", "discard")
    assert found["decision"]["lists"] == ["opt_out", "legal_stop"]
    assert found["decision"]["until"] is None
    (event,) = (await api.call("GET", "/v1/events")).json["items"]
    assert (event["kind"], event["data"]) == (
        "blocked",
        {"error": "legal_stop", "rule": "CL/prudent", "hash": "cc61594d51914314"},
    )


async def test_nobody_knows_where(api: Running, post: Post) -> None:
    """No rule, no zone, no end: said as such."""
    text = pack(NOW, UNKNOWN_ZONE, "", HELD)
    id = await settled(api, post, text, due_ms=UNTIL, reason="unknown_zone")
    found = (await api.call("GET", f"/v1/messages/{id}")).json["decision"]
    assert (found["outcome"], found["reason"], found["until"]) == ("wait", "unknown_zone", None)
    assert (found["rule"], found["hash"], found["zones"]) == (None, None, [])
    assert (await api.call("GET", "/v1/events")).json["items"] == []


async def test_a_calendar_that_nobody_knows_any_more(api: Running, post: Post) -> None:
    id = await settled(api, post, packed(Wait(UNTIL, "cap"), "cl-gone"), due_ms=UNTIL, reason="cap")
    found = (await api.call("GET", f"/v1/messages/{id}")).json["decision"]
    assert (found["rule"], found["hash"], found["zones"]) == (None, "cc61594d51914314", [])


async def test_no_decision(api: Running, post: Post) -> None:
    id = (await post()).json["id"]
    assert (await api.call("GET", f"/v1/messages/{id}")).json["decision"] is None
