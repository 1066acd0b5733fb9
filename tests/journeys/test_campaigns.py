"""Campaigns over HTTP, with a carrier that really receives them, or does not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from tests.journeys.stage import Carrier, Gateway, Json, Stage, message, messages, until


async def _received(carrier: Carrier, prefix: str = "") -> list[str]:
    """Recipients in the order in which the carrier got their messages."""
    return [s["to"] for s in await carrier.submits() if s["to"].startswith(prefix)]


async def _still(carrier: Carrier, gateway: Gateway) -> int:
    """Wait until nothing is under way to the carrier; how many submits it has had."""

    async def look() -> int | None:
        (account,) = (await gateway.call("GET", "/v1/carriers"))["items"]
        found = (await carrier.stats())["submits"]
        idle = all(bind["outstanding"] == 0 for bind in account["binds"])
        return found if idle and account["limited_by"] == "nothing_queued" else None

    return await until(look, "the carrier to have its peace")


async def test_pause_resume_and_cancel(stage: Stage) -> None:
    """A paused campaign stops reaching the carrier while another goes on; resumed, it goes on;
    cancelled, the rest of it never leaves, for good."""
    carrier = await stage.carrier(delay_ms=5)
    gateway = await stage.gateway(carrier, account={"rate": 100})
    one, other = await gateway.campaign("one"), await gateway.campaign("other")
    await gateway.upload(messages(400, one))
    await carrier.until_submits(20)
    changed = await gateway.call("PATCH", f"/v1/campaigns/{one}", {"state": "paused"})
    assert changed["state"] == "paused"
    stood = await _still(carrier, gateway)
    assert 20 <= stood < 400
    await gateway.upload([message(90_000 + n, other) for n in range(10)])
    await gateway.until_states(other, delivered=10)
    assert (await carrier.stats())["submits"] == stood + 10
    await gateway.call("PATCH", f"/v1/campaigns/{one}", {"state": "running"})
    await carrier.until_submits(stood + 10 + 30)
    await gateway.call("PATCH", f"/v1/campaigns/{one}", {"state": "canceled"})

    async def ended() -> bool:
        return set(await gateway.states(one)) == {"delivered", "canceled"}

    await until(ended, "the rest to be canceled")
    states = await gateway.states(one)
    assert states.total() == 400
    assert states["delivered"] == (await carrier.stats())["submits"] - 10 < 400
    again = await gateway.ask("PATCH", f"/v1/campaigns/{one}", {"state": "running"})
    assert (again.status, again.json()["type"]) == (409, "campaign-canceled")
    late = await gateway.ask("POST", "/v1/messages", message(1, one))
    assert (late.status, late.json()["type"]) == (409, "campaign-canceled")
    kinds = [e["kind"] for e in await gateway.events() if e.get("campaign") == one]
    assert kinds.count("canceled") == states["canceled"]


async def test_a_scheduled_message_waits_for_its_time(stage: Stage) -> None:
    """It reaches the carrier when its time comes and not before; one that is canceled never."""
    carrier = await stage.carrier()
    gateway = await stage.gateway(carrier)
    due = datetime.now(UTC) + timedelta(seconds=1.3)
    at = {"send_at": due.isoformat()}
    waiting = await gateway.call("POST", "/v1/messages", message(1, **at))
    doomed = await gateway.call("POST", "/v1/messages", message(2, **at))
    assert waiting["state"] == doomed["state"] == "scheduled"
    canceled = await gateway.call("DELETE", f"/v1/messages/{doomed['id']}")
    assert canceled["state"] == "canceled"
    at_once = await gateway.call("POST", "/v1/messages", message(3))
    assert at_once["state"] == "queued"

    async def until_delivered() -> bool:
        found = await gateway.call("GET", f"/v1/messages/{waiting['id']}")
        if found["state"] != "delivered":
            assert datetime.now(UTC) > due or found["state"] == "scheduled"
        return bool(found["state"] == "delivered")

    await until(until_delivered, "the scheduled message")
    found = await gateway.call("GET", f"/v1/messages/{waiting['id']}")
    assert datetime.fromisoformat(found["submitted_at"]) >= due - timedelta(milliseconds=1)
    assert await _received(carrier) == ["56900000003", "56900000001"]


async def test_urgent_overtakes_bulk(stage: Stage) -> None:
    """With hundreds of bulk messages waiting for the rate, an urgent one is among the next to
    leave, and a high one leaves before the rest of the bulk."""
    carrier = await stage.carrier()
    gateway = await stage.gateway(carrier, account={"rate": 100})
    bulk = await gateway.campaign("bulk", priority="bulk")
    await gateway.upload(messages(300, bulk))
    await carrier.until_submits(20)
    urgent = message(99_000_001, priority="urgent")
    high = message(99_000_002, priority="high")
    for wanted in (urgent, high):
        before = (await carrier.stats())["submits"]
        await gateway.call("POST", "/v1/messages", wanted)
        to = wanted["to"].removeprefix("+")

        async def arrived(to: str = to) -> bool:
            return to in await _received(carrier)

        await until(arrived, "the overtaking message")
        assert (await _received(carrier)).index(to) - before <= 10
    assert (await gateway.states(bulk))["queued"] > 100


async def test_replies_reach_events_report_and_list(stage: Stage) -> None:
    """A debtor's text is tied to the campaign and message that last wrote to that number; it
    wakes a long poll, and is counted in the report."""
    carrier = await stage.carrier()
    gateway = await stage.gateway(carrier)
    campaign = await gateway.campaign()
    sent = await gateway.call("POST", "/v1/messages", message(7, campaign, ref="cuota-7"))
    await gateway.until_states(campaign, delivered=1)
    page = await gateway.call("GET", "/v1/events")
    cursor = page["next"]
    loop = asyncio.get_running_loop()
    began = loop.time()
    poll = asyncio.create_task(gateway.call("GET", f"/v1/events?cursor={cursor}&wait=20"))
    replies = asyncio.create_task(gateway.call("GET", "/v1/replies?wait=20"))
    await carrier.reply("2 ya pagué", "56900000007", "3450")
    (event,) = (await poll)["items"]
    assert loop.time() - began < 10
    assert event["kind"] == "reply"
    assert (event["campaign"], event["id"]) == (campaign, sent["id"])
    assert event["ref"] == "cuota-7"
    assert event["data"]["text"] == "2 ya pagué"
    (reply,) = (await replies)["items"]
    assert (reply["from"], reply["to"], reply["text"]) == ("+56900000007", "3450", "2 ya pagué")
    assert (reply["campaign"], reply["message"]) == (campaign, sent["id"])
    report = await gateway.call("GET", f"/v1/campaigns/{campaign}/report")
    assert report["replies"] == 1
    await _read_in_pages(gateway)


async def _read_in_pages(gateway: Gateway) -> None:
    """Small pages by cursor give every event once and in order; a poll at the end waits."""
    campaign = await gateway.campaign("pages")
    await gateway.upload(messages(55, campaign))
    await gateway.until_states(campaign, delivered=55)
    seen: list[Json] = []
    cursor = ""
    while True:
        page = await gateway.call("GET", f"/v1/events?limit=7{cursor}")
        cursor = f"&cursor={page['next']}"
        if not page["items"]:
            break
        assert len(page["items"]) <= 7
        seen += page["items"]
    assert [e["kind"] for e in seen] == ["delivered", "reply", *["delivered"] * 55]
    assert len({e["cursor"] for e in seen}) == 57
    poll = asyncio.create_task(gateway.call("GET", f"/v1/events?wait=20{cursor}"))
    await gateway.call("POST", "/v1/messages", message(60, campaign))
    assert [e["to"] for e in (await poll)["items"]] == ["+56900000060"]


async def test_a_long_text_sent_in_part_keeps_its_books(stage: Stage) -> None:
    """One part is refused for a while, the other's receipt comes first: only the refused part
    goes again, and the campaign's numbers still add up."""
    carrier = await stage.carrier(
        numbers=[{"to": "00000001$", "status": "ESME_RTHROTTLED", "times": 1}],
        receipts={"delay_ms": 50},
    )
    gateway = await stage.gateway(carrier, account={"rate": 4})
    campaign = await gateway.campaign()
    await gateway.upload([message(1, campaign, text="Banco Ejemplo: " + "cuota " * 40)])
    await gateway.until_states(campaign, delivered=1)
    parts = [(s["part"], s["status"]) for s in await carrier.submits()]
    assert parts == [(1, "ESME_RTHROTTLED"), (2, "ESME_ROK"), (1, "ESME_ROK")]


async def test_a_long_text_where_carriers_tie_its_parts_otherwise(stage: Stage) -> None:
    """306 characters are three parts with the longer header of one carrier of the route and two
    with the other's: as many leave as were accepted, and nothing behind them is held up."""
    carrier = await stage.carrier()
    second = Carrier(stage, {}, "boreal")
    await second.start()
    gateway = Gateway(stage, [carrier, second])
    gateway.settings["carriers"][0]["long_messages"] = "udh8"
    await gateway.start()
    campaign = await gateway.campaign()
    sent = await gateway.call("POST", "/v1/messages", message(1, campaign, text="a" * 306))
    await gateway.upload([message(2, campaign)])
    await gateway.until_states(campaign, delivered=2)
    parts = [s["part"] for s in await carrier.submits() if s["total"] > 1]
    assert parts == list(range(1, sent["segments"] + 1))
