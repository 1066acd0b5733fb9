"""Campaigns: made, listed, changed, paused, canceled, reported; each client sees its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.errors import StoreUnavailable
from gateway.message import Campaign
from gateway.store import Store
from tests.api.conftest import Post, Running
from tests.api.test_contacts import under_rules


async def test_a_campaign_is_made_and_read(api: Running) -> None:
    """What is given comes back; what is not has its default."""
    under_rules(api)
    body = {"name": "mora", "priority": "high", "from": "+5622345678", "ttl": 60, "data": [1]}
    rules = {"policy": "text", "hours": {"mon-fri": ["09:00-18:00"]}, "creditor": "Banco Ñuñoa"}
    made = await api.call("POST", "/v1/campaigns", {**body, **rules, "in_doubt": "resend"})
    assert made.status == 201
    read = await api.call("GET", f"/v1/campaigns/{made.json['id']}")
    assert read.json == made.json
    assert {**made.json, "id": "", "created_at": ""} == {
        "id": "",
        "name": "mora",
        "state": "running",
        "priority": "high",
        "from": "5622345678",
        "ttl": 60,
        "in_doubt": "resend",
        "created_at": "",
        **rules,
        "data": [1],
    }
    least = (await api.call("POST", "/v1/campaigns", {"name": "x"})).json
    assert (least["priority"], least["in_doubt"]) == ("bulk", "hold")


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"policy": "text"}, "policy"),
        ({"policy": "transactional"}, "policy"),
        ({"hours": {"mon-fri": ["09:00-12:00"]}}, "hours"),
    ],
)
async def test_rules_of_its_own_where_rules_are_off(
    api: Running, post: Post, rules: dict[str, Any], field: str
) -> None:
    """Nobody would heed them: it says which setting to change, of one made before too."""
    answer = await api.call("POST", "/v1/campaigns", {"name": "x", **rules})
    assert (answer.status, answer.json["type"], answer.json["field"]) == (409, "rules-off", field)
    assert '[policy] profile is "off"' in answer.json["detail"]
    before = Campaign(
        id="c9", client="crm", name="x", created_ms=1, policy=rules.get("policy", ""),
        hours=json.dumps(rules["hours"]) if "hours" in rules else "",
    )  # fmt: skip
    await api.store.records.create_campaign(before)
    answer = await post(campaign="c9")
    assert (answer.status, answer.json["type"]) == (409, "rules-off")
    asks = await api.call("POST", "/v1/campaigns", {"name": "x", "consent": "required"})
    assert (await post(campaign=asks.json["id"])).status == 202


async def test_a_key_makes_one_campaign(api: Running) -> None:
    """The same again is the same; a pause in between is kept; other settings are a conflict."""
    headers = {"Idempotency-Key": "k"}
    made = await api.call("POST", "/v1/campaigns", {"name": "x"}, headers=headers)
    await api.call("PATCH", f"/v1/campaigns/{made.json['id']}", {"state": "paused"})
    again = await api.call("POST", "/v1/campaigns", {"name": "x"}, headers=headers)
    assert again.json == {**made.json, "state": "paused"}
    other = await api.call("POST", "/v1/campaigns", {"name": "y"}, headers=headers)
    assert (other.status, other.json["type"]) == (409, "idempotency-conflict")


@pytest.mark.parametrize(
    ("body", "type", "field"),
    [
        ({}, "missing-field", "name"),
        ({"name": " "}, "invalid-field", "name"),
        ({"name": "x" * 201}, "invalid-field", "name"),
        ({"name": "x", "priority": "x"}, "invalid-priority", "priority"),
        ({"name": "x", "from": "no sender at all"}, "invalid-sender", "from"),
        ({"name": "x", "ttl": -1}, "invalid-ttl", "ttl"),
        ({"name": "x", "prio": "bulk"}, "unknown-field", "prio"),
        ({"name": "x", "in_doubt": "x"}, "invalid-field", "in_doubt"),
        ({"name": "x", "policy": "off"}, "invalid-field", "policy"),
        ({"name": "x", "creditor": ""}, "invalid-field", "creditor"),
        ({"name": "x", "creditor": "*"}, "invalid-field", "creditor"),
        ({"name": "x", "creditor": "Banco\0"}, "invalid-field", "creditor"),
        ({"name": "x", "creditor": "x" * 101}, "invalid-field", "creditor"),
        ({"name": "x", "hours": {}}, "invalid-field", "hours"),
        ({"name": "x", "hours": {"monday": []}}, "invalid-field", "hours"),
        ({"name": "x", "hours": {"mon": ["9:00-18:00"]}}, "invalid-field", "hours"),
        ({"name": "x", "hours": {"mon": ["20:00-24:01"]}}, "invalid-field", "hours"),
        ({"name": "x", "hours": {"mon": [], "tue": []}}, "invalid-field", "hours"),
    ],
)
async def test_a_wrong_campaign(
    api: Running, body: dict[str, object], type: str, field: str
) -> None:
    """Each mistake names its field."""
    answer = await api.call("POST", "/v1/campaigns", body)
    assert (answer.status, answer.json["type"], answer.json["field"]) == (422, type, field)


async def test_lists_go_by_pages(api: Running) -> None:
    """Newest first, and only one's own."""
    ids = []
    for number in range(5):
        api.clock.now += 1
        ids.append(await api.campaign(name=f"c{number}"))
    await api.campaign(key="other")
    first = (await api.call("GET", "/v1/campaigns?limit=3")).json
    rest = (await api.call("GET", f"/v1/campaigns?limit=3&cursor={first['next']}")).json
    assert [one["id"] for one in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next"] is None
    bad = await api.call("GET", "/v1/campaigns?cursor=x")
    assert (bad.status, bad.json["type"]) == (400, "invalid-cursor")


async def test_settings_change(api: Running, post: Post) -> None:
    """They hold for the next message at once."""
    campaign = await api.campaign()
    await post(campaign=campaign)
    body = {"name": "new", "from": "Banco", "ttl": 9, "in_doubt": "resend", "data": {"a": 1}}
    changed = await api.call("PATCH", f"/v1/campaigns/{campaign}", body)
    assert changed.status == 200
    assert changed.json == (await api.call("GET", f"/v1/campaigns/{campaign}")).json
    assert {name: changed.json[name] for name in body} == body
    sent = (await post(campaign=campaign)).json["id"]
    assert (await api.call("GET", f"/v1/messages/{sent}")).json["from"] == "Banco"


async def test_pause_resume_cancel(api: Running, store: Store, post: Post) -> None:
    """A pause stops claims, running again starts them; a cancel is for good and ends messages."""
    campaign = await api.campaign()
    path = f"/v1/campaigns/{campaign}"
    assert (await api.call("PATCH", path, {"state": "paused"})).json["state"] == "paused"
    sent = (await post(campaign=campaign)).json["id"]
    assert await store.queue.claim(["chile"], "n", 10, api.clock.now, 1) == []
    assert (await api.call("PATCH", path, {"state": "running"})).json["state"] == "running"
    assert len(await store.queue.claim(["chile"], "n", 10, api.clock.now, 1)) == 1
    waiting = (await post(campaign=campaign)).json["id"]
    assert (await api.call("PATCH", path, {"state": "canceled"})).json["state"] == "canceled"
    async with asyncio.timeout(10):
        read = await api.call("GET", f"/v1/messages/{waiting}")
        while read.json["state"] != "canceled":
            await api.call("GET", "/v1/events?wait=5")
            read = await api.call("GET", f"/v1/messages/{waiting}")
    assert read.json["reason"] == "campaign_canceled"
    assert (await api.call("GET", f"/v1/messages/{sent}")).json["state"] != "canceled"
    again = await api.call("PATCH", path, {"state": "running"})
    assert (again.status, again.json["type"]) == (409, "campaign-canceled")


async def test_a_sweep_that_the_store_interrupts(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The campaign is canceled; canceling it again sweeps what was left."""
    swept: list[str] = []

    async def away(client: str, campaign: str, now_ms: int) -> int:
        swept.append(campaign)
        raise StoreUnavailable("gone")

    monkeypatch.setattr(store.queue, "sweep_canceled", away)
    campaign = await api.campaign()
    for _ in range(2):
        answer = await api.call("PATCH", f"/v1/campaigns/{campaign}", {"state": "canceled"})
        assert (answer.status, answer.json["state"]) == (200, "canceled")
    assert swept == [campaign, campaign]
    assert "sweep put off" in caplog.text


async def test_a_report_counts(api: Running, post: Post) -> None:
    """By state and hour."""
    campaign = await api.campaign()
    await post(campaign=campaign)
    await post(campaign=campaign, text="x" * 161)
    await post(campaign=campaign, to="+5491123456789", **{"from": "3450"})
    report = (await api.call("GET", f"/v1/campaigns/{campaign}/report")).json
    assert (report["messages"], report["segments"]) == (3, 4)
    assert report["by_state"] == {"queued": 2, "blocked": 1}
    assert report["by_hour"] == {"2025-11-22T08:00:00Z": {"blocked": 1}}


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("PATCH", ""), ("GET", "/report")])
async def test_foreign_and_unknown_campaigns(api: Running, method: str, tail: str) -> None:
    """Another client's is forbidden, one that is not there is not found."""
    foreign = await api.campaign(key="other")
    body = {"name": "x"} if method == "PATCH" else None
    answer = await api.call(method, f"/v1/campaigns/{foreign}{tail}", body)
    assert (answer.status, answer.json["type"]) == (403, "foreign-campaign")
    answer = await api.call(method, f"/v1/campaigns/none{tail}", body)
    assert (answer.status, answer.json["type"]) == (404, "unknown-campaign")
