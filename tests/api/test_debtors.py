"""Debtors who have paid, or are to be left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.carrier.admission import Admission
from gateway.message import MessageState
from gateway.policy.decide import Discard, Send
from gateway.store import Store
from gateway.store.keys import DAY_MS, STOP_DAYS
from tests.api.conftest import Answered, Post, Running


async def judged(api: Running) -> dict[str, tuple[str, str]]:
    """Whatever waits, claimed: what the admission says of each, by its ref."""
    store = api.store
    claimed = await store.queue.claim(["chile"], "n", 100, api.clock.now, api.clock.now)
    verdicts = await Admission(None, store.contacts).judge(claimed, api.clock.now)
    said = {}
    for item, verdict in zip(claimed, verdicts, strict=True):
        reason = verdict.outcome.reason if isinstance(verdict.outcome, Discard) else ""
        state = "goes" if isinstance(verdict.outcome, Send) else verdict.ends.name
        said[item.message.ref] = (state, reason)
    return said


async def state(api: Running, id: str) -> tuple[str, str | None]:
    found = (await api.call("GET", f"/v1/messages/{id}")).json
    return found["state"], found.get("reason")


async def test_a_payment_ends_what_waits_in_all_campaigns(api: Running, post: Post) -> None:
    """At once; others' debtors of that name, other debtors, and what comes later go on."""
    one, two = await api.campaign(), await api.campaign()
    ids = [
        (await post(campaign=one, debtor="d 1/2")).json["id"],
        (await post(campaign=two, debtor="d 1/2", to="+56987654321")).json["id"],
        (await post(debtor="d 1/2", send_at="2025-12-01T10:00:00Z")).json["id"],
    ]
    theirs = (await post(debtor="d 1/2", key="other")).json["id"]
    await post(debtor="d2", ref="d2")
    answer = await api.call("POST", "/v1/debtors/d%201%2F2/cancel")
    assert answer.json == {"canceled": 3, "left": 0}
    for id in ids:
        assert await state(api, id) == ("canceled", "paid")
    found = await api.call("GET", f"/v1/messages/{theirs}", key="other")
    assert found.json["state"] == "queued"
    api.clock.now += 1
    await post(debtor="d 1/2", ref="again")
    assert await judged(api) == {"": ("goes", ""), "d2": ("goes", ""), "again": ("goes", "")}


@contextmanager
def nothing_ended(monkeypatch: pytest.MonkeyPatch, store: Store) -> Iterator[None]:
    """A stop is kept, and its ending reaches nothing of what waits."""

    async def late(*_: object) -> list[str]:
        return []

    with monkeypatch.context() as patched:
        patched.setattr(store.queue, "cancel", late)
        yield


async def test_what_is_claimed_just_then_meets_the_stop(
    api: Running, post: Post, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ending misses it; the admission does not."""
    await post(debtor="d1", ref="before")

    with nothing_ended(monkeypatch, store):
        body = {"reason": "agreement"}
        answer = await api.call("POST", "/v1/debtors/d1/cancel", body)
    assert answer.json == {"canceled": 0, "left": 0}
    api.clock.now += 1
    await post(debtor="d1", ref="after")
    assert await judged(api) == {"before": ("canceled", "agreement"), "after": ("goes", "")}


async def test_a_legal_stop_is_for_good(api: Running, post: Post) -> None:
    """What waits is canceled, whatever comes later is blocked, a payment changes nothing."""
    id = (await post(debtor="d1")).json["id"]
    await api.call("POST", "/v1/debtors/d1/cancel", {"reason": "legal_stop"})
    assert await state(api, id) == ("canceled", "legal_stop")
    api.clock.now += 1
    await api.call("POST", "/v1/debtors/d1/cancel", {"reason": "paid"})
    api.clock.now += 400 * 86_400_000
    await post(debtor="d1", ref="later")
    await post(ref="nobody's")
    assert await judged(api) == {"later": ("blocked", "legal_stop"), "nobody's": ("goes", "")}


async def test_a_stop_for_one_creditor(api: Running, post: Post) -> None:
    """The others' messages for the same debtor go on."""
    theirs = await api.campaign(creditor="Banco Dos")
    mine = (await post(debtor="d1", ref="mine")).json["id"]
    id = (await post(debtor="d1", campaign=theirs)).json["id"]
    answer = await api.call(
        "POST", "/v1/debtors/d1/cancel", {"reason": "legal_stop", "creditor": "Banco Dos"}
    )
    assert answer.json["canceled"] == 1
    assert await state(api, id) == ("canceled", "legal_stop")
    assert await state(api, mine) == ("queued", None)
    api.clock.now += 1
    await post(debtor="d1", campaign=theirs, ref="later")
    assert await judged(api) == {"mine": ("goes", ""), "later": ("blocked", "legal_stop")}


async def test_what_has_left_is_told(api: Running, post: Post, store: Store) -> None:
    """It may be with a carrier."""
    await post(debtor="d1")
    await store.queue.claim(["chile"], "n", 1, api.clock.now, 1)
    answer = await api.call("POST", "/v1/debtors/d1/cancel", {})
    assert answer.json == {"canceled": 0, "left": 1}


async def test_a_stream_of_debtors(api: Running, post: Post) -> None:
    """A line a debtor; a bad one never sinks its neighbours; CSV too."""
    for number in range(40):
        await post(debtor=f"d{number}")
    lines = [{"debtor": f"d{number}"} for number in range(700)]
    lines += [{"debtor": ""}, {"debtor": "x", "reason": "No!"}, {"debtr": "x"}]
    body = "\n".join(map(json.dumps, lines)).encode()
    said = (await api.call("POST", "/v1/debtors/cancel", body, kind="application/x-ndjson")).json
    assert (said["accepted"], said["rejected"], said["canceled"]) == (700, 3, 40)
    assert [(one["index"], one["type"]) for one in said["errors"]] == [
        (700, "invalid-field"),
        (701, "invalid-field"),
        (702, "unknown-field"),
    ]
    id = (await post(debtor="e1")).json["id"]
    csv = b"debtor;reason\ne1;legal_stop\n"
    said = (await api.call("POST", "/v1/debtors/cancel", csv, kind="text/csv")).json
    assert (said["accepted"], said["canceled"]) == (1, 1)
    assert await state(api, id) == (MessageState.canceled.name, "legal_stop")


@pytest.mark.parametrize(
    ("path", "body", "type"),
    [
        ("d1", {"reason": "Paid!"}, "invalid-field"),
        ("d1", {"creditor": "*"}, "invalid-field"),
        ("d1", {"why": "paid"}, "unknown-field"),
        ("d" * 201, {}, "invalid-field"),
    ],
)
async def test_a_wrong_stop(api: Running, path: str, body: dict[str, str], type: str) -> None:
    """Nothing is stopped."""
    answer = await api.call("POST", f"/v1/debtors/{path}/cancel", body)
    assert (answer.status, answer.json["type"]) == (422, type)


# --- what stops hold, and lifting them -----------------------------------------------------------

NOW_TEXT = "2025-11-22T08:26:40.000Z"
"""The clock's time, as the tests begin."""


async def stop(api: Running, reason: str, **more: str) -> None:
    answer = await api.call("POST", "/v1/debtors/d1/cancel", {"reason": reason, **more})
    assert answer.status == 200


async def lift(api: Running, key: str = "crm", **body: str) -> Answered:
    return await api.call("DELETE", "/v1/debtors/d1/cancel", body or None, key=key)


async def seen(api: Running, key: str = "crm") -> dict[str, list[dict[str, object]]]:
    found = (await api.call("GET", "/v1/debtors/d1", key=key)).json
    assert found.pop("debtor") == "d1"
    return dict(found)


async def test_which_stops_hold(api: Running) -> None:
    """Each with its reason, its creditor, since when and whether for good; a client's own."""
    assert await seen(api) == {"stops": [], "lifted": []}
    await stop(api, "legal_stop", creditor="Banco Dos")
    api.clock.now += 1_000
    await stop(api, "legal_stop", creditor="Banco Dos")
    await stop(api, "paid")
    await stop(api, "agreement", creditor="Banco Dos")
    assert await seen(api) == {
        "stops": [
            {"reason": "legal_stop", "since": NOW_TEXT, "for_good": True, "creditor": "Banco Dos"},
            {"reason": "paid", "since": "2025-11-22T08:26:41.000Z", "for_good": False},
            {
                "reason": "agreement",
                "since": "2025-11-22T08:26:41.000Z",
                "for_good": False,
                "creditor": "Banco Dos",
            },
        ],
        "lifted": [],
    }
    assert await seen(api, "other") == {"stops": [], "lifted": []}
    span = api.store.redis.keys("stops", "crm", str(api.clock.now // DAY_MS // STOP_DAYS))
    assert 0 < await api.store.redis.call("TTL", span) <= 3 * STOP_DAYS * 86_400
    api.clock.now += 32 * 86_400_000
    assert len((await seen(api))["stops"]) == 3
    api.clock.now += 32 * 86_400_000
    assert [one["for_good"] for one in (await seen(api))["stops"]] == [True]


async def test_a_legal_stop_is_lifted(api: Running, post: Post) -> None:
    """From now on; what it met before stays stopped, and what has ended stays ended."""
    id = (await post(debtor="d1")).json["id"]
    await stop(api, "legal_stop")
    api.clock.now += 1_000
    await post(debtor="d1", ref="meanwhile")
    api.clock.now += 1_000
    said = await lift(api, reason="wrong id in the file of 22 November")
    lifted = {
        "reason": "legal_stop",
        "since": NOW_TEXT,
        "for_good": True,
        "lifted": {
            "at": "2025-11-22T08:26:42.000Z",
            "by": "crm",
            "reason": "wrong id in the file of 22 November",
        },
    }
    assert said.json == {"debtor": "d1", "stops": [], "lifted": [lifted]}
    await post(debtor="d1", ref="after")
    assert await judged(api) == {"meanwhile": ("blocked", "legal_stop"), "after": ("goes", "")}
    assert await state(api, id) == ("canceled", "legal_stop")
    api.clock.now += 400 * 86_400_000
    assert await seen(api) == {"stops": [], "lifted": [lifted]}


async def test_a_debtor_is_stopped_again(api: Running, post: Post) -> None:
    """The new stop holds, whatever else is told; the lifted one stays on record."""
    await stop(api, "legal_stop")
    await lift(api, reason="a mistake")
    api.clock.now += 1_000
    await stop(api, "legal_stop")
    found = await seen(api)
    assert [one["since"] for one in found["stops"]] == ["2025-11-22T08:26:41.000Z"]
    assert [one["since"] for one in found["lifted"]] == [NOW_TEXT]
    await stop(api, "paid")
    api.clock.now += 1_000
    await post(debtor="d1", ref="later")
    assert await judged(api) == {"later": ("blocked", "legal_stop")}


async def test_a_lift_is_for_the_creditor_it_names(api: Running, post: Post) -> None:
    """The stop for any creditor, and those for others, hold."""
    campaigns = {name: await api.campaign(creditor=name) for name in ("Uno", "Dos")}
    for creditor in campaigns:
        await stop(api, "legal_stop", creditor=creditor)
    assert (await lift(api, reason="a mistake")).json["type"] == "not-stopped"
    assert (await lift(api, reason="a mistake", creditor="Dos")).status == 200
    api.clock.now += 1
    for creditor, campaign in campaigns.items():
        await post(debtor="d1", campaign=campaign, ref=creditor)
    assert await judged(api) == {"Uno": ("blocked", "legal_stop"), "Dos": ("goes", "")}


async def test_a_payment_is_lifted_without_a_reason(
    api: Running, post: Post, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the last two spans; what was accepted before it stays stopped."""
    await post(debtor="d1", ref="before")

    with nothing_ended(monkeypatch, store):
        await stop(api, "paid")
    api.clock.now += 32 * 86_400_000
    said = (await lift(api)).json
    assert (said["stops"], [one["reason"] for one in said["lifted"]]) == ([], ["paid"])
    assert said["lifted"][0]["lifted"]["reason"] == ""
    assert (await lift(api)).status == 404
    assert await judged(api) == {"before": ("canceled", "paid")}


async def test_a_legal_stop_is_not_lifted_without_a_reason(api: Running) -> None:
    """Nor is the payment beside it, nor by whom is no administrator."""
    await stop(api, "legal_stop")
    await stop(api, "paid")
    for body in ({}, {"reason": " "}, {"reason": "x" * 501}, {"reason": "a\x1eb"}):
        refused = await lift(api, **body)
        assert (refused.status, refused.json["field"]) == (422, "reason")
    assert (await lift(api, key="other", reason="a mistake")).json["type"] == "no-scope"
    assert len((await seen(api))["stops"]) == 2
    assert len((await lift(api, reason="a mistake")).json["lifted"]) == 2


async def test_many_legal_stops_of_which_one_is_lifted(api: Running, post: Post) -> None:
    """The others of the stream hold."""
    lines = [{"debtor": f"d{number}", "reason": "legal_stop"} for number in range(600)]
    body = "\n".join(map(json.dumps, lines)).encode()
    await api.call("POST", "/v1/debtors/cancel", body, kind="application/x-ndjson")
    await lift(api, reason="a mistake")
    api.clock.now += 1
    for number in (0, 1, 599):
        await post(debtor=f"d{number}", ref=f"d{number}")
    assert await judged(api) == {
        "d0": ("blocked", "legal_stop"),
        "d1": ("goes", ""),
        "d599": ("blocked", "legal_stop"),
    }
