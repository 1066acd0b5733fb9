"""Debtors who have paid, or are to be left alone."""

from __future__ import annotations

import json

import pytest

from gateway.carrier.admission import Admission
from gateway.message import MessageState
from gateway.policy.decide import Discard, Send
from gateway.store import Store
from tests.api.conftest import Post, Running


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


async def test_what_is_claimed_just_then_meets_the_stop(
    api: Running, post: Post, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ending misses it; the admission does not."""
    await post(debtor="d1", ref="before")

    async def late(*_: object) -> list[str]:
        return []

    with monkeypatch.context() as patched:
        patched.setattr(store.queue, "cancel", late)
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
