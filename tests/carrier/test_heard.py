"""What debtors' replies change, from the store's look-up to the lists, with a real store."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from gateway.carrier.heard import Hearing
from gateway.clock import wall_ms
from gateway.daemon import Daemon
from gateway.errors import StoreUnavailable
from gateway.message import Campaign, Message, MessageState, Reply
from gateway.policy.calendars import ANSWER
from gateway.policy.caps import Contact as Touch
from gateway.policy.decide import Listed
from gateway.store import Store
from gateway.store.contacts import EVERYONE, Asked, Change, Entry, Group
from gateway.store.correlation import PARTS_MS, Heard, Kind, Settle, new_batch
from gateway.store.keys import LEAVES_WITHIN_MS
from tests.carrier.test_rules import Told, heard
from tests.store.test_queue import put

DAY_MS = 86_400_000
NUMBER = "56900000001"
BANK = "Banco Sur"


async def sent(
    store: Store, at_ms: int, creditor: str = BANK, client: str = "crm", **fields: object
) -> Message:
    """A message for a creditor that has left from 3450; ``fields`` of it are others."""
    campaign = "".join(filter(str.isalpha, creditor)).lower()
    await store.records.create_campaign(
        Campaign(id=campaign, client=client, name="mora", created_ms=at_ms, creditor=creditor)
    )
    one = put(1, campaign=campaign, client=client, accepted_ms=at_ms)
    one.message = msgspec.structs.replace(one.message, **({"creditor": creditor} | fields))
    await store.queue.put([one])
    (claimed,) = await store.queue.claim(["chile"], "n1/aaaa:andina", 1, at_ms, at_ms)
    settle = Settle(
        kind=Kind.submitted, lane=claimed.lane, entry=claimed.entry, message=claimed.message,
        fates=f"{MessageState.submitted:d}::abc", sent_ms=at_ms, ids=["abc"],
    )  # fmt: skip
    await store.correlation.commit("andina", [settle], [], at_ms, new_batch())
    return one.message


async def reply(store: Store, text: str, at_ms: int, to: str = "3450", owner: str = "crm") -> Heard:
    """A debtor's text, stored."""
    row = Reply(sender=NUMBER, to=to, text=text, data_coding=0)
    (found,) = await store.correlation.reply("andina", [row], at_ms, owner)
    return found


async def listed(store: Store, creditor: str) -> int:
    (known,) = await store.contacts.known(creditor, [NUMBER])
    return known.listed if known else 0


# for whom


@pytest.mark.parametrize("owner", ["crm", ""])
@pytest.mark.parametrize(
    ("days", "to", "creditor"),
    [(1, "3450", BANK), (1, "56223450", BANK), (20, "3450", EVERYONE)],
    ids=["the same number", "another of ours", "long after"],
)
async def test_a_stop_holds_for_whom_its_sender_was_written_to(
    store: Store, owner: str, days: int, to: str, creditor: str
) -> None:
    """Where nobody knows any more who that was, for everyone."""
    now = wall_ms()
    message = await sent(store, now)
    later = now + days * DAY_MS
    heard = await reply(store, "BAJA", later, to, owner)
    await Hearing(store, Told()).take([heard])
    assert await listed(store, creditor) == int(Listed.OPT_OUT)
    asked = Asked("f" * 24, NUMBER, BANK, message.to, None)
    (answer,) = await store.contacts.admit([asked], later)
    assert answer is not None


@pytest.mark.parametrize(
    ("text", "lists"),
    [
        ("numero equivocado", Listed.WRONG_NUMBER),
        ("hable con mi abogado", Listed.LEGAL_STOP),
    ],
)
async def test_so_do_a_wrong_number_and_a_legal_stop(
    store: Store, text: str, lists: Listed
) -> None:
    heard = await reply(store, text, wall_ms(), owner="")
    await Hearing(store, Told()).take([heard])
    assert await listed(store, EVERYONE) == int(lists)


async def test_the_number_that_is_answered_goes_before_the_newest_message(store: Store) -> None:
    now = wall_ms()
    await sent(store, now - DAY_MS)
    await sent(store, now, "Banco Norte", sender="9999")
    assert (await reply(store, "1", now)).creditor == BANK
    found = await reply(store, "1", now, "9998")
    assert (found.creditor, found.campaign) == ("Banco Norte", "")


async def test_what_follows_a_confirmation_is_about_what_came_before(store: Store) -> None:
    """It is no message of the creditor's campaign: START would open the channel for nobody."""
    now = wall_ms()
    await sent(store, now)
    await sent(store, now + 1, "Nobody", calendar=ANSWER)
    heard = await reply(store, "1", now + 2)
    assert (heard.campaign, heard.creditor, heard.at_ms) == ("bancosur", BANK, now + 2)


async def test_a_reply_closed_unfinished_was_received_when_it_came(store: Store) -> None:
    then = wall_ms() - 3 * 3_600_000
    part = Reply(sender=NUMBER, to="3450", text="BAJA", data_coding=0, part=(7, 2, 1))
    assert await store.correlation.reply("andina", [part], then, "crm") == []
    (heard,) = await store.correlation.close_parts(wall_ms(), "crm")
    assert (heard.text, heard.at_ms, heard.carrier) == ("BAJA", then, "andina")


async def lists_of(store: Store, *changes: Change) -> list[int]:
    """What a number is on for a bank and for everyone after these, and a reply of START."""
    await store.contacts.learn(list(changes))
    await Hearing(store, Told()).take([heard("Si", BANK)])
    return [await listed(store, creditor) for creditor in (BANK, EVERYONE)]


def opt_out(creditor: str, source: str, at_ms: int = 1, what: str = "opt_out") -> Change:
    comes_on = Listed.OPT_OUT if what == "opt_out" else Listed.NOTHING
    return Change(NUMBER, creditor, int(comes_on), entries=[Entry(at_ms, what, source)])


async def test_start_lifts_for_everyone_only_what_a_reply_has_set(store: Store) -> None:
    assert await lists_of(store, opt_out(EVERYONE, "regulator's file")) == [0, 1]
    both = opt_out(EVERYONE, "reply", 2), opt_out(EVERYONE, "api", 3)
    assert await lists_of(store, *both) == [0, 1]
    (known,) = await store.contacts.known(EVERYONE, [NUMBER])
    assert known is not None
    assert [entry.source for entry in known.entries] == ["regulator's file", "reply", "api"]
    off = Change(NUMBER, EVERYONE, leaves=1, entries=[Entry(4, "-opt_out", "api")])
    await store.contacts.learn([off])
    assert await lists_of(store, opt_out(EVERYONE, "reply"), opt_out(BANK, "api")) == [0, 0]


async def test_stop_all_before_it_does_not_help(store: Store) -> None:
    await store.contacts.learn([opt_out(EVERYONE, "regulator's file")])
    await Hearing(store, Told()).take([heard("STOP ALL", BANK)])
    assert await lists_of(store) == [0, 1]
    await store.contacts.learn(
        [Change(NUMBER, EVERYONE, leaves=1, entries=[Entry(9, "-opt_out", "api")])]
    )
    await Hearing(store, Told()).take([heard("STOPALL", BANK)])
    assert await lists_of(store) == [0, 0]


# a two-way contact

TWO_WAY = Group([1, 0], ["sms"], True, 0, DAY_MS)
"""One contact a day, of those that were answered."""


async def admit(store: Store, id: str, now: int, debtor: str, to: str = NUMBER) -> list[Touch]:
    """The contacts that stand against a message to a debtor; none: it may go."""
    (answer,) = await store.contacts.admit([Asked(id, to, BANK, debtor, TWO_WAY, True)], now)
    assert isinstance(answer, int | list)
    return answer if isinstance(answer, list) else []


@pytest.mark.parametrize("debtor", ["", "d-7"])
@pytest.mark.parametrize("to", ["3450", "56223450"])
async def test_a_reply_makes_of_what_it_answers_a_two_way_contact(
    store: Store, debtor: str, to: str
) -> None:
    now, whom = wall_ms(), debtor or NUMBER
    message = await sent(store, now, debtor=debtor)
    for id in ("e" * 24, message.id, "f" * 24):
        assert await admit(store, id, now, whom) == []
    key = store.redis.keys("cap", BANK, whom)
    left = await store.redis.call("PTTL", key)
    for text in ("ya pague", "de verdad"):
        await reply(store, text, now, to)
        found = await store.contacts.touches(BANK, whom)
        assert found == [
            Touch(now + LEAVES_WITHIN_MS, "sms", two_way) for two_way in (False, True, False)
        ]
    assert await store.redis.call("PTTL", key) <= left
    assert [touch.two_way for touch in await admit(store, "d" * 24, now, whom)].count(True) == 1


async def test_a_reply_to_what_is_no_contact_makes_none(store: Store) -> None:
    now = wall_ms()
    await sent(store, now)
    await reply(store, "ya pague", now)
    assert await store.contacts.touches(BANK, NUMBER) == []


# one confirmation


async def confirmed(store: Store, *said: tuple[str, str]) -> list[str]:
    """Which of these replies, each to a creditor, is confirmed."""
    told: list[str] = []

    async def confirm(found: Heard) -> None:
        told.append(found.text)

    hearing = Hearing(store, confirm)
    for text, creditor in said:
        await hearing.take([heard(text, creditor)])
    return told


async def test_stop_all_after_a_stop_is_not_confirmed_again(store: Store) -> None:
    assert await confirmed(store, ("BAJA", BANK), ("STOP ALL", BANK)) == ["BAJA"]


async def test_nor_a_stop_after_stop_all(store: Store) -> None:
    assert await confirmed(store, ("STOP ALL", BANK), ("BAJA", BANK)) == ["STOP ALL"]
    assert await confirmed(store, ("baja!", "Banco Norte")) == []


async def test_another_creditor_confirms_for_itself(store: Store) -> None:
    said = ("BAJA", BANK), ("STOP", "Banco Norte"), ("SALIR", BANK)
    assert await confirmed(store, *said) == ["BAJA", "STOP"]


async def test_after_start_it_is_confirmed_anew(store: Store) -> None:
    said = ("BAJA", BANK), ("STOP ALL", BANK), ("ALTA", BANK), ("STOP", BANK)
    assert await confirmed(store, *said) == ["BAJA", "STOP"]


async def test_a_second_stop_does_not_end_the_confirmation_of_the_first(store: Store) -> None:
    """For a campaign without a creditor, or for everyone, it is among what waits for its number."""
    now = wall_ms()
    answer = put(1, campaign="", ref="answer", accepted_ms=now)
    answer.message = msgspec.structs.replace(answer.message, calendar=ANSWER)
    await store.queue.put([answer, put(1, accepted_ms=now)])
    assert await confirmed(store, ("BAJA", "crm"), ("STOP", "crm"), ("STOP ALL", "crm"))
    states = {m.ref: m.state for m in (await store.records.messages("crm")).items}
    assert states == {"answer": MessageState.queued, "r1": MessageState.blocked}
    assert await confirmed(store, ("numero equivocado", "crm")) == []
    states = {m.ref: m.state for m in (await store.records.messages("crm")).items}
    assert states["answer"] is MessageState.blocked  # to a stranger nothing goes


# none is lost, and none counts twice

LONG = ("No me escriban nunca mas, ya he dicho", " que no soy cliente")


def part(number: int, text: str) -> Reply:
    return Reply(sender=NUMBER, to="3450", text=text, data_coding=0, part=(7, 2, number))


async def test_a_reply_that_was_stored_as_its_process_died_is_heeded_by_the_next(
    store: Store,
) -> None:
    """The carrier sends its last part again; the store knows it, and answers nothing."""
    now = wall_ms()
    for number, text in enumerate(LONG, 1):
        whole = await store.correlation.reply("andina", [part(number, text)], now, "crm")
    assert len(whole) == 1
    assert await store.correlation.reply("andina", [part(2, LONG[1])], now + 1, "crm") == []
    hearing = Hearing(store, Told())
    await hearing.again()
    assert await listed(store, EVERYONE) == int(Listed.OPT_OUT | Listed.WRONG_NUMBER)
    assert await store.correlation.unheeded() == []


async def test_a_reply_closed_as_the_store_went_away_is_taken_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.correlation.reply("andina", [part(1, "BAJA")], wall_ms() - PARTS_MS, "crm")
    hearing = Hearing(store, Told())
    half = cast(Daemon, SimpleNamespace(store=store, _hearing=hearing, _owner="crm"))
    learn, failures = store.contacts.learn, [StoreUnavailable("away for the test")]

    async def fail_once(changes: Sequence[Change]) -> list[bool]:
        if failures:
            raise failures.pop()
        return await learn(changes)

    monkeypatch.setattr(store.contacts, "learn", fail_once)
    with pytest.raises(StoreUnavailable):
        await Daemon._parts(half)
    assert await listed(store, EVERYONE) == 0
    await Daemon._parts(half)
    assert await listed(store, EVERYONE) == int(Listed.OPT_OUT)
    assert await store.correlation.unheeded() == []


async def test_a_reply_that_is_taken_twice_changes_nothing(store: Store) -> None:
    """Not even after its sender has asked for messages again."""
    now = wall_ms()
    await sent(store, now)
    hearing = Hearing(store, Told())
    stop = await reply(store, "BAJA", now)
    await hearing.take([stop])
    (once,) = await store.contacts.known(BANK, [NUMBER])
    await hearing.take([stop])
    assert await store.contacts.known(BANK, [NUMBER]) == [once]
    start = await reply(store, "ALTA", now + 1)
    await hearing.take([start])
    await store.queue.put([put(1, campaign="bancosur", ref="again", accepted_ms=now + 2)])
    for again in (stop, start):
        await hearing.take([again])
        assert await listed(store, BANK) == 0
    states = {m.ref: m.state for m in (await store.records.messages("crm")).items}
    assert states["again"] is MessageState.queued
    (known,) = await store.contacts.known(BANK, [NUMBER])
    assert known is not None
    assert [entry.what for entry in known.entries] == ["opt_out", "-opt_out"]


async def test_what_is_under_way_here_is_not_taken_a_second_time(store: Store) -> None:
    now = wall_ms()
    heard = await reply(store, "BAJA", now)
    taken: list[str] = []

    async def confirm(found: Heard) -> None:
        taken.append(found.id)
        await hearing.again()

    hearing = Hearing(store, confirm)
    await hearing.take([heard])
    assert taken == [heard.id]
