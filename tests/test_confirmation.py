"""The one answer to an opt-out: what it says, until when it may go, and that it goes once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gateway.api.context import Context
from gateway.api.intake import Intake
from gateway.carrier.heard import Hearing
from gateway.clock import wall_ms
from gateway.config import STOP_REPLIES, STOP_REPLY, Carrier, Config, Policy, Route
from gateway.confirmation import LATEST_MS, Confirmation, life, wording
from gateway.message import MessageState
from gateway.policies import load
from gateway.policy.budget import Days
from gateway.policy.calendars import ANSWER, Calendars
from gateway.policy.decide import Rule, Rulebook
from gateway.policy.zones import NOWHERE, Place
from gateway.store import Store
from gateway.store.contacts import Change
from gateway.store.correlation import Heard
from gateway.store.types import Budget, MessageRecord
from tests.carrier.test_rules import book, closed_now
from tests.store.conftest import store as store
from tests.store.test_queue import put

SANTIAGO = Place("CL", "", ("America/Santiago",), "zone")
NUMBER = "56981234567"
STOP = STOP_REPLIES["es"]
MINUTE, HOUR = 60_000, 3_600_000


def at(text: str) -> int:
    """An instant by Santiago's clock in winter."""
    return int(datetime.fromisoformat(f"2026-07-{text}:00-04:00").timestamp() * 1000)


def chile(answer_seconds: int = 300) -> Rule:
    """What holds there for what is no collection: 8 to 20."""
    rule = load().rule("CL", "transactional", at("14T12:00"))
    assert rule is not None
    profile = replace(rule.profile, answer_seconds=answer_seconds)
    return Rule(replace(rule.policy, profiles=(profile,)), profile)


# until when


@pytest.mark.parametrize(
    ("received", "now", "answer_seconds", "ends"),
    [
        ("14T23:00", "14T23:00", 300, "14T23:05"),
        ("14T23:00", "14T23:04", 300, "14T23:05"),
        ("14T23:00", "14T23:05", 300, ""),
        ("14T23:00", "14T23:00", 0, ""),
        ("14T23:00", "14T23:01", 120, "14T23:02"),
        ("14T23:00", "14T23:02", 120, ""),
        ("14T12:00", "14T12:00", 300, "14T12:05"),
        ("14T12:00", "14T12:00", 0, "14T19:59"),
        ("13T23:00", "14T12:00", 300, "14T19:59"),
        ("13T15:00", "14T12:00", 300, "14T15:00"),
        ("14T12:00", "14T19:59", 0, ""),
    ],
)
def test_it_goes_at_once_or_inside_the_hours(
    received: str, now: str, answer_seconds: int, ends: str
) -> None:
    """By when the reply was received, not by when it is heeded; a minute is the margin."""
    found = life(at(received), at(now), chile(answer_seconds), SANTIAGO, MINUTE)
    assert (found if found > at(now) else 0) == (at(ends) if ends else 0)


def test_a_clock_ahead_of_ours_makes_no_answer_late() -> None:
    then = at("14T23:00")
    assert life(then + 5, then, chile(), SANTIAGO, MINUTE) == then + 5 + 300_000


def test_where_nobody_knows_the_rules_or_the_place_none_goes() -> None:
    now = at("14T12:00")
    assert life(now, now, None, SANTIAGO, MINUTE) == 0
    assert life(now, now, chile(), NOWHERE, MINUTE) == 0
    off = Rule(replace(chile().policy, enabled=False), chile().profile)
    assert life(now, now, off, SANTIAGO, MINUTE) == 0


def test_of_always_open_hours_a_day_is_enough(tmp_path: Path) -> None:
    now = at("14T12:00")
    rule = book(tmp_path).rule("CL", "transactional", now)
    assert life(now - HOUR, now, rule, SANTIAGO, MINUTE) == now - HOUR + LATEST_MS


# what it says


def test_a_name_that_is_too_long_is_cut_to_one_segment() -> None:
    name = "Cooperativa de Ahorro y Crédito Detacoop Limitada Región Metropolitana de Santiago " * 2
    text = "{creditor}: registramos su baja. No le enviaremos más SMS a este número. Gracias."
    found = wording(text, name)
    assert len(found) <= 160
    assert found.startswith("Cooperativa de Ahorro y Crédito Detacoop Limitada")
    assert found.endswith(": registramos su baja. No le enviaremos mas SMS a este numero. Gracias.")
    assert len(wording(text, "X" * 100)) == 160


def test_without_a_name_it_begins_with_what_follows() -> None:
    assert wording(STOP, "").startswith("Registramos su baja.")


def test_it_is_in_what_the_carrier_has() -> None:
    assert wording("{creditor}: não enviaremos", "Crédito Ñandú", "ascii") == (
        "Credito Nandu: nao enviaremos"
    )


def test_a_text_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="one segment"):
        wording("[" * 81, "Banco Sur")


@pytest.mark.parametrize("text", STOP_REPLIES.values())
def test_what_it_says_by_default_needs_no_change(text: str) -> None:
    name = "Cooperativa de Ahorro y Crédito Detacoop Limitada"
    assert wording(text, name) == text.replace("{creditor}", name)


# sent


class Desk:
    """What a confirmation speaks to, with a route to Chile and one to Brazil."""

    def __init__(self, store: Store, rules: Rulebook | None, **policy: object) -> None:
        self.store = store
        carrier = Carrier(name="andina", host="h", system_id="r", password="x")
        routes = tuple(
            Route(name=name, prefixes=(prefix,), carriers=("andina",), senders=("3450",))
            for name, prefix in (("chile", "+56"), ("brazil", "+55"), ("usa", "+1"))
        )
        text = policy.pop("stop_reply", None)
        settings = Policy(**policy)  # type: ignore[arg-type]
        if text is not None:
            settings = replace(settings, stop_reply=STOP_REPLY.read(text))
        config = Config(policy=settings, carriers=(carrier,), routes=routes)
        calendars = Calendars(rules) if rules is not None else None
        if calendars is not None:
            store.queue.fresh = calendars.fresh
        context = SimpleNamespace(
            config=config, store=store, calendars=calendars, intake=Intake(config, calendars)
        )
        self.confirmation = Confirmation(cast(Context, context), lambda: None)

    async def send(self, creditor: str = "Banco Sur", **fields: object) -> list[MessageRecord]:
        """What there is after one more."""
        heard = Heard(
            "1-0", "crm", "c1", "", NUMBER, "3450", "BAJA", creditor, wall_ms(), "andina", "crm",
            "0-1",
        )._replace(**fields)  # type: ignore[arg-type]  # fmt: skip
        await self.confirmation.send(heard)
        return (await self.store.records.messages("crm")).items

    async def texts(self) -> list[str]:
        """What is on its way."""
        routes = ["chile", "brazil", "usa"]
        claimed = await self.store.queue.claim(routes, "n1/aaaa:andina", 100, wall_ms(), wall_ms())
        return [one.message.text for one in claimed]


async def test_it_is_urgent_and_asks_for_no_hours(store: Store) -> None:
    received = wall_ms() - MINUTE
    (found,) = await Desk(store, load()).send(at_ms=received)
    assert (found.state, found.calendar) == (MessageState.queued, ANSWER)
    assert found.expires_ms == received + 300_000
    assert (found.segments, found.encoding, found.sender) == (1, "gsm7", "3450")


async def test_a_reply_that_is_heeded_twice_is_answered_once(store: Store) -> None:
    desk = Desk(store, load())
    hearing = Hearing(store, desk.confirmation.send)
    heard = Heard(
        "1-0", "crm", "c1", "", NUMBER, "3450", "BAJA", "Banco Sur", wall_ms(), "andina", "crm",
        "0-1",
    )  # fmt: skip
    await hearing.take([heard])
    await hearing.take([heard, heard._replace(text="STOP")])
    (found,) = (await store.records.messages("crm")).items
    assert found.state is MessageState.queued


@pytest.mark.parametrize(
    ("number", "ruled", "begins"),
    [
        (NUMBER, True, "Banco Sur: registramos su baja"),
        (NUMBER, False, "Banco Sur: registramos su baja"),
        ("5511981234567", True, "Banco Sur: pedido registrado"),
        ("5511981234567", False, "Banco Sur: pedido registrado"),
        ("12125550123", False, "Banco Sur: you are opted out"),
    ],
)
async def test_it_is_in_the_language_of_its_country(
    store: Store, number: str, ruled: bool, begins: str
) -> None:
    desk = Desk(store, load() if ruled else None)
    await desk.send(sender=number)
    (text,) = await desk.texts()
    assert text.startswith(begins)


async def test_an_empty_text_sends_none(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(store, load(), stop_reply={"pt": ""})
    assert await desk.send(sender="5511981234567") == []
    assert len(await desk.send()) == 1
    await Desk(store, load(), stop_reply="").send(at_ms=wall_ms() - 1)
    assert len((await store.records.messages("crm")).items) == 1
    assert caplog.records == []


@pytest.mark.parametrize("minutes", [0, 6])
async def test_a_country_without_the_right_to_answer_is_answered_in_its_hours(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, minutes: int
) -> None:
    received = wall_ms() - minutes * MINUTE
    assert await Desk(store, book(tmp_path, closed_now())).send(at_ms=received) == []
    assert "no confirmation" in caplog.text
    (found,) = await Desk(store, book(tmp_path)).send(at_ms=received)
    assert found.expires_ms == received + LATEST_MS


async def test_a_stored_zone_says_where_the_hours_are(store: Store, tmp_path: Path) -> None:
    """The hour that is open is now in Shanghai, twelve hours from Santiago."""
    desk = Desk(store, book(tmp_path, closed_now()), margin_seconds=0)
    await store.contacts.learn([Change(NUMBER, "Banco Sur", zones=("Asia/Shanghai",))])
    assert await desk.send(creditor="Banco Norte") == []
    assert len(await desk.send()) == 1


async def test_without_contact_rules_a_late_one_does_not_go(store: Store) -> None:
    desk = Desk(store, None)
    assert await desk.send(at_ms=wall_ms() - 301_000) == []
    (found,) = await desk.send()
    assert found.state is MessageState.queued


async def test_the_rules_on_texts_do_not_look_at_it(store: Store) -> None:
    """Chile's ask for the creditor's name, which is cut here."""
    desk = Desk(store, load(), lint="refuse", stop_reply="DEMANDA: registramos su baja.")
    assert len(await desk.send()) == 1


async def test_it_counts_for_no_budget(store: Store) -> None:
    store.queue.days = Days("America/Bogota").ahead
    store.queue.budgets = {"crm": Budget(1, False)}
    await store.queue.put([put(5, accepted_ms=wall_ms())])
    day, _ = store.queue.days(wall_ms())[0]
    assert len(await Desk(store, load()).send()) == 2
    assert await store.records.used("crm", day) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"to": "9999"}, "9999"),
        ({"sender": "34612345678"}, "no_route"),
        ({"client": "", "writer": ""}, "no client"),
    ],
)
async def test_one_that_cannot_go_is_told_in_the_log(
    store: Store, caplog: pytest.LogCaptureFixture, fields: dict[str, str], why: str
) -> None:
    await Desk(store, load()).send(**fields)
    await Desk(store, None).send(sender="AVISOS")
    first, second = caplog.records
    assert why in first.detail  # type: ignore[attr-defined]
    assert "AVISOS" in second.detail  # type: ignore[attr-defined]
    assert [(r.levelname, r.message) for r in caplog.records] == 2 * [("ERROR", "no confirmation")]


async def test_a_reply_to_another_number_is_confirmed_by_whoever_wrote(store: Store) -> None:
    desk = Desk(store, load())
    (found,) = await desk.send(client="", writer="crm")
    assert found.client == "crm"
