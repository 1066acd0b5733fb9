"""What is known of numbers and debtors on a real server: kept, heeded at the claim, forgotten."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.carrier.admission import Admission
from gateway.clock import wall_ms
from gateway.message import Campaign, Message, MessageState
from gateway.policy.caps import Contact
from gateway.policy.decide import Listed, Send
from gateway.store import Store
from gateway.store.contacts import EVERYONE, Asked, Change, Entry, Group, Known, Opened
from gateway.store.keys import DAY_MS, LEAVES_WITHIN_MS
from gateway.store.types import Put
from gateway.store.waiting import Ended, Stop
from tests.store.conftest import NOW
from tests.store.test_queue import claim, put

TO = "56900000001"


def made(number: int, **changes: object) -> Put:
    """A message with other fields than usual."""
    one = put(number)
    one.message = msgspec.structs.replace(one.message, **changes)
    return one


async def outcome(store: Store, now: int = NOW) -> list[tuple[str, str]]:
    """What the admission says of all that waits, where contact rules are off."""
    verdicts = await Admission(None, store.contacts).judge(await claim(store, now=now), now)
    return [
        ("", "") if isinstance(v.outcome, Send) else (v.ends.name, v.outcome.reason)  # type: ignore[union-attr]
        for v in verdicts
    ]


async def test_what_is_told_at_once_is_all_kept(store: Store) -> None:
    """Read, changed and written in one step: of many at a time none is lost."""
    consent = Entry(NOW, "consent", "api", "acepto", "crm")
    changes = [
        Change(TO, "crm", comes_on=int(Listed.CONSENT), entries=[consent]),
        Change(TO, "crm", comes_on=int(Listed.OPT_OUT)),
        Change(TO, "crm", zones=("America/Santiago",)),
        Change(TO, "crm", region="Ñuble"),
        Change(TO, EVERYONE, comes_on=int(Listed.LEGAL_STOP)),
    ]
    await asyncio.gather(*(store.contacts.learn([change]) for change in changes))
    await store.contacts.learn([Change(TO, "crm", leaves=int(Listed.OPT_OUT)), changes[0]])
    assert await store.contacts.known("crm", [TO, "1"]) == [
        Known(int(Listed.CONSENT), ("America/Santiago",), "Ñuble", [consent]),
        None,
    ]
    (common,) = await store.contacts.known(EVERYONE, [TO])
    assert common == Known(int(Listed.LEGAL_STOP))
    await store.contacts.learn([Change(TO, "crm", zones=(), region="")])
    (known,) = await store.contacts.known("crm", [TO])
    assert known == Known(int(Listed.CONSENT), (), "", [consent])


@pytest.mark.parametrize(
    ("creditor", "flag", "said"),
    [
        ("crm", Listed.OPT_OUT, ("blocked", "opt_out")),
        (EVERYONE, Listed.WRONG_NUMBER, ("blocked", "wrong_number")),
        ("crm", Listed.LEGAL_STOP | Listed.OPT_OUT, ("blocked", "legal_stop")),
        ("crm", Listed.CONSENT, ("", "")),
        ("Banco Dos", Listed.OPT_OUT, ("", "")),
    ],
)
async def test_lists_hold_without_contact_rules(
    store: Store, creditor: str, flag: Listed, said: tuple[str, str]
) -> None:
    """Of the message's creditor, and of everyone."""
    await store.contacts.learn([Change(TO, creditor, comes_on=int(flag))])
    await store.queue.put([put(1), put(2)])
    assert await outcome(store) == [said, ("", "")]


async def test_a_campaign_that_needs_consent(store: Store) -> None:
    """Only those go who are known to consent, and have not opted out since."""
    both = int(Listed.CONSENT | Listed.OPT_OUT)
    await store.contacts.learn(
        [
            Change("56900000001", "crm", comes_on=int(Listed.CONSENT)),
            Change("56900000002", "crm", comes_on=both),
            Change("56900000003", "crm", zones=("America/Santiago",)),
        ]
    )
    await store.queue.put([made(number, consent=True) for number in (1, 2, 3, 4)])
    assert await outcome(store) == [
        ("", ""),
        ("blocked", "opt_out"),
        ("blocked", "no_consent"),
        ("blocked", "no_consent"),
    ]


async def test_a_contact_by_others_counts_for_a_cap(store: Store) -> None:
    """Once, however often it is told; and whatever a shorter rule asks first does not forget it."""
    touch = ("c-1", Contact(NOW - 5 * DAY_MS, "call"))
    for _ in range(2):
        await store.contacts.touch("crm", TO, [touch], 12 * DAY_MS)
    two = Group([2, NOW - 7 * DAY_MS], ["sms", "call"], False, 0, 12 * DAY_MS)
    assert await store.contacts.admit([Asked("a", TO, "crm", TO, two)], NOW) == [1]
    found = await store.contacts.admit([Asked("b", TO, "crm", TO, two)], NOW)
    assert found == [[touch[1], Contact(NOW + LEAVES_WITHIN_MS, "sms")]]


async def test_a_stop_ends_what_waits_and_what_comes_back(store: Store) -> None:
    """For 32 days at least; what is accepted after it goes."""
    await store.queue.put([made(1, debtor="d1"), made(2, debtor="d2")])
    assert await store.waiting.stop("crm", [Stop("d1", "paid")], NOW) == Ended(1, 0)
    assert await store.waiting.stop("crm", [Stop("d1", "paid")], NOW) == Ended(0, 0)
    late = [
        made(3, debtor="d1", accepted_ms=NOW),
        made(4, debtor="d1", accepted_ms=NOW + 1),
        made(5, debtor="d1", client="other", accepted_ms=NOW, campaign=""),
    ]
    await store.queue.put(late)
    found = await outcome(store, NOW + 32 * DAY_MS)
    assert sorted(found) == [("", ""), ("", ""), ("", ""), ("canceled", "paid")]


async def test_what_waits_long_is_still_found(store: Store) -> None:
    """Retention takes the ids of what has not ended along, of debtors too."""
    await store.queue.put([made(1, debtor="d1")])
    later = wall_ms() + 30 * DAY_MS  # entries of an index have the server's time
    await store.redis.call("UNLINK", store.redis.keys("debtor", str(NOW // DAY_MS)))
    await store.sweep.retain(later)
    assert await store.waiting.stop("crm", [Stop("d1", "paid")], later) == Ended(1, 0)


async def test_an_ending_leaves_what_a_consumer_has(store: Store) -> None:
    """Nobody knows whether it is on the wire."""
    await store.queue.put([put(1), put(1, campaign="", ref="x")])
    (first, *_) = await claim(store, 1)
    ended = await store.waiting.block({("", TO): "opt_out"}, NOW)
    assert ended == Ended(1, 1)
    record = await store.records.message("crm", first.message.id)
    assert record is not None
    assert record.state is MessageState.submitting


async def test_a_creditor_is_the_campaigns(store: Store) -> None:
    """An ending for a creditor takes only its messages."""
    await store.records.create_campaign(
        Campaign(id="c2", client="crm", name="otra", created_ms=NOW, creditor="Banco Dos")
    )
    await store.queue.put([put(1), put(1, campaign="c2")])
    assert (await store.waiting.block({("Banco Dos", TO): "opt_out"}, NOW)).ended == 1
    assert [one.message.campaign for one in await claim(store)] == ["c1"]


async def test_moving_keeps_all_but_the_calendar(store: Store) -> None:
    """The body goes on as it was; what has been claimed stays; twice is once."""
    one = made(1, calendar="held", debtor="d1", segments=200, text="ñandú € 😀")
    await store.queue.put([one, made(2, calendar="held")])
    held = await store.waiting.under("held", [TO], NOW)
    assert [(h.id, h.client, h.campaign, h.to) for h in held] == [(one.message.id, "crm", "c1", TO)]
    calendars = {one.message.id: "cl-1"}
    assert await store.queue.move("held", calendars, NOW) == 1
    assert await store.queue.move("held", calendars, NOW) == 0
    (claimed,) = await store.queue.claim(
        ["chile"], "n1/aaaa:andina", 100, NOW, 1, Opened({"cl-1": None})
    )
    assert claimed.message == msgspec.structs.replace(one.message, calendar="cl-1")
    assert isinstance(claimed.message, Message)
    record = await store.records.message("crm", one.message.id)
    assert record is not None
    assert (record.calendar, record.debtor) == ("cl-1", "d1")


async def test_consent_is_needed_where_nothing_is_known_at_all(store: Store) -> None:
    """The look that spares the rest sees it."""
    await store.queue.put([made(1, consent=True)])
    assert await outcome(store) == [("blocked", "no_consent")]
