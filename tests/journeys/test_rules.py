"""The contact rules in a running gateway: hours, caps, and a debtor who wants no more."""

from __future__ import annotations

import json

from tests.countries import chile
from tests.journeys.stage import KEY, Carrier, Gateway, Stage, until

TO = "+56981234567"
STOP = "{creditor}: registramos su baja. No le enviaremos mas SMS a este numero."


async def ruled(stage: Stage, carrier: Carrier) -> Gateway:
    """A gateway whose one country is always open, with one contact a day."""
    gateway = Gateway(stage, [carrier])
    gateway.settings["policy"] = {"profile": "prudent", "stop_reply": STOP}
    folder = gateway.folder / "policies"
    folder.mkdir()
    rules = chile('"00:00-24:00"', "per_day = 1")
    (folder / "chile.toml").write_text(rules, encoding="utf-8")
    await gateway.start()
    return gateway


async def test_a_debtor_is_contacted_once_a_day_and_never_after_baja(stage: Stage) -> None:
    carrier = await stage.carrier(receipts={"delay_ms": 50})
    gateway = await ruled(stage, carrier)
    campaign = await gateway.campaign("mora", creditor="Banco Sur")
    lines = [
        {"to": TO, "text": f"Banco Sur: cuota {n}", "campaign": campaign, "debtor": "d1", "ref": n}
        for n in ("a", "b")
    ]
    await gateway.call("POST", "/v1/messages", lines)

    async def one_waits() -> bool:
        items = (await gateway.call("GET", f"/v1/messages?campaign={campaign}"))["items"]
        return sorted((one["state"], one.get("reason")) for one in items) == [
            ("delivered", None),
            ("queued", "cap"),
        ]

    await until(one_waits, "one to be delivered and one to wait for its cap")
    await carrier.reply("BAJA", TO.removeprefix("+"), "3450")

    async def confirmed() -> bool:
        return (await carrier.stats())["messages"] == 2

    await until(confirmed, "the confirmation")
    text = "Banco Sur: cuota c"
    line = {"to": TO, "text": text, "campaign": campaign, "debtor": "d2", "ref": "c"}
    await gateway.call("POST", "/v1/messages", line)

    async def ended() -> bool:
        items = (await gateway.call("GET", f"/v1/messages?campaign={campaign}"))["items"]
        return {one["ref"]: one["state"] for one in items}["c"] == "blocked"

    await until(ended, "the third to be blocked")
    assert (await carrier.stats())["messages"] == 2
    replies = (await gateway.call("GET", "/v1/replies"))["items"]
    assert [one["text"] for one in replies] == ["BAJA"]


async def test_explain_asks_a_running_gateway_for_a_campaign(stage: Stage) -> None:
    gateway = await ruled(stage, await stage.carrier())
    hours = {"mon-sun": ["03:00-03:01"]}
    campaign = await gateway.campaign("mora", policy="text", hours=hours)
    words = ["explain", "--to", TO, "--campaign", campaign, "--url", gateway.base, "--key", KEY]
    at = "2026-07-14T12:00:00-04:00"
    asked = await stage.start(
        "explain", *words, "--config", str(gateway.config), "--at", at, "--json"
    )
    assert await asked.ended() == 0
    answer = json.loads(asked.said())
    assert (answer["allowed"], answer["next"]) == (False, "2026-07-15T07:00:00Z")
    assert answer["rule"] == "CL/text"
