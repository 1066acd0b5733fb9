"""Receipts and replies on a real server: early, late, repeated, recycled, for messages in doubt."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ids import derived_id
from gateway.message import (
    STATE_OF_RECEIPT,
    MessageState,
    Receipt,
    ReceiptState,
    Reply,
    SegmentFate,
    read_fates,
    state_of,
    write_fates,
)
from gateway.store import Store
from gateway.store.correlation import (
    CUT_MS,
    PARTS_MS,
    Found,
    Kind,
    Matched,
    ReceiptItem,
    Settle,
)
from gateway.store.keys import PRELUDE
from gateway.store.queue import Claimed
from gateway.store.redis import Script
from gateway.store.scripts import CONSTANTS, _read
from tests.store.conftest import NOW
from tests.store.test_queue import CONSUMER, claim, put, submitted

ACCOUNT = "andina"


def receipt(
    carrier_id: str,
    stat: ReceiptState = ReceiptState.DELIVRD,
    *,
    to: str = "",
    sender: str = "",
    reference: int | None = None,
    error: str = "",
) -> ReceiptItem:
    told = Receipt(carrier_id, stat, stat.value, error, to, sender, reference)
    return ReceiptItem(carrier_id, told, STATE_OF_RECEIPT[stat])


async def sent(store: Store, number: int, *ids: str) -> Claimed:
    """A message on the wire, answered with ``ids``, one a segment."""
    await store.queue.put([put(number, segments=len(ids))])
    (taken,) = await claim(store)
    settle = submitted(taken)
    settle.ids = list(ids)
    settle.fates = write_fates([SegmentFate(MessageState.submitted, "", i) for i in ids])
    await store.correlation.commit(ACCOUNT, [settle], [], NOW)
    return taken


async def take(store: Store, *items: ReceiptItem) -> list[Matched]:
    return await store.correlation.commit(ACCOUNT, [], list(items), NOW + 100)


async def state(store: Store, number: int) -> MessageState:
    record = await store.records.message("crm", derived_id("crm", "c1", f"r{number}"))
    assert record is not None
    return record.state


async def kinds(store: Store) -> list[str]:
    return [event.kind for event in (await store.events.read("crm", None)).items]


async def test_a_receipt_settles_its_message_and_is_told_once(store: Store) -> None:
    await sent(store, 1, "77")
    first = await take(store, receipt("77", error="000", to="56900000001"))
    again = await take(store, receipt("77", error="000", to="56900000001"))
    assert (first[0].found, again[0].found) == (Found.moved, Found.no_change)
    assert first[0].submitted_ms == NOW + 5
    assert await state(store, 1) is MessageState.delivered
    assert await kinds(store) == ["delivered"]


async def test_a_receipt_in_the_same_commit_as_its_response_finds_it(store: Store) -> None:
    await store.queue.put([put(1)])
    (taken,) = await claim(store)
    matched = await store.correlation.commit(ACCOUNT, [submitted(taken)], [receipt("77")], NOW)
    assert matched[0].found is Found.moved


async def test_a_receipt_may_come_before_its_response(store: Store) -> None:
    await store.queue.put([put(1)])
    (taken,) = await claim(store)
    matched = await take(store, receipt("77"))
    assert matched[0].found is Found.parked
    await store.correlation.commit(ACCOUNT, [submitted(taken)], [], NOW)
    assert await state(store, 1) is MessageState.delivered
    assert await store.correlation.counts([ACCOUNT]) == (0, {ACCOUNT: 0})


async def test_a_receipt_not_found_by_its_first_reading_is_asked_for_again(store: Store) -> None:
    await sent(store, 1, "ff")
    first = msgspec.structs.replace(receipt("255"), others=None)
    (met,) = await take(store, first)
    assert met.found is Found.unread
    assert await state(store, 1) is MessageState.submitted
    (met,) = await take(store, msgspec.structs.replace(first, others=("ff",)))
    assert met.found is Found.moved
    assert await state(store, 1) is MessageState.delivered


async def test_the_reading_that_found_a_message_is_told(store: Store) -> None:
    await sent(store, 1, "ff")
    await sent(store, 2, "77")
    readings = msgspec.structs.replace(receipt("255"), others=("597", "ff"))
    by_place = await take(store, readings, receipt("77"), receipt("78"))
    assert [(m.found, m.reading) for m in by_place] == [
        (Found.moved, 2),
        (Found.moved, 0),
        (Found.parked, 0),
    ]
    assert (by_place[0].old, by_place[0].new) == (MessageState.submitted, MessageState.delivered)


async def test_a_receipts_date_is_told_in_its_event(store: Store) -> None:
    """Of one that was parked, too, and of the last segment's."""
    early = msgspec.structs.replace(receipt("78"), done_at="2026-11-22T05:04:00")
    await take(store, early)
    await sent(store, 1, "77")
    await sent(store, 2, "78", "79")
    late = msgspec.structs.replace(
        receipt("79", ReceiptState.UNDELIV, error="011"), done_at="2026-11-22T05:05:00"
    )
    await take(store, receipt("77", ReceiptState.EXPIRED, error="4"), late)
    events = (await store.events.read("crm", None)).items
    assert [(e.kind, e.data) for e in events] == [
        ("expired", {"error": "4"}),
        ("undelivered", {"error": "011", "done_at": "2026-11-22T05:05:00"}),
    ]


async def test_a_late_enroute_never_overwrites_delivrd(store: Store) -> None:
    await sent(store, 1, "77")
    await take(store, receipt("77"), receipt("77", ReceiptState.ENROUTE))
    assert await state(store, 1) is MessageState.delivered


@pytest.mark.parametrize(
    ("first", "second", "ends"),
    [
        (ReceiptState.UNDELIV, ReceiptState.DELIVRD, MessageState.delivered),
        (ReceiptState.EXPIRED, ReceiptState.DELIVRD, MessageState.delivered),
        (ReceiptState.UNKNOWN, ReceiptState.UNDELIV, MessageState.undelivered),
        (ReceiptState.UNDELIV, ReceiptState.EXPIRED, MessageState.undelivered),
        (ReceiptState.REJECTD, ReceiptState.DELIVRD, MessageState.rejected),
        (ReceiptState.DELIVRD, ReceiptState.UNDELIV, MessageState.delivered),
    ],
)
async def test_the_first_final_state_wins_but_for_corrections(
    store: Store, first: ReceiptState, second: ReceiptState, ends: MessageState
) -> None:
    await sent(store, 1, "77")
    await take(store, receipt("77", first))
    await take(store, receipt("77", second))
    assert await state(store, 1) is ends
    report = await store.records.report("crm", "c1")
    assert report is not None
    assert report.by_state == {ends.name: 1}


async def test_a_message_of_several_segments_is_delivered_when_all_are(store: Store) -> None:
    await sent(store, 1, "71", "72", "73")
    await take(store, receipt("72"), receipt("73"))
    assert await state(store, 1) is MessageState.submitted
    await take(store, receipt("71"))
    assert await state(store, 1) is MessageState.delivered


async def test_a_message_of_several_segments_takes_its_worst_end(store: Store) -> None:
    await sent(store, 1, "71", "72", "73")
    await take(store, receipt("71"), receipt("72", ReceiptState.UNDELIV, error="011"))
    await take(store, receipt("73", ReceiptState.EXPIRED, error="032"))
    assert await state(store, 1) is MessageState.undelivered
    report = await store.records.report("crm", "c1")
    assert report is not None
    assert report.by_error == {"011": 1}


async def test_a_receipt_that_names_another_recipient_is_not_ours(store: Store) -> None:
    await sent(store, 1, "77")
    matched = await take(store, receipt("77", to="56911111111"))
    assert matched[0].found is Found.parked
    assert await state(store, 1) is MessageState.submitted


async def test_a_receipt_may_leave_the_addresses_as_the_submit_had_them(store: Store) -> None:
    await sent(store, 1, "71")
    await sent(store, 2, "72")
    await sent(store, 3, "73")
    await take(store, receipt("71", to="3450", sender="56900000001"))
    assert await state(store, 1) is MessageState.delivered
    await take(store, receipt("72", to="56911111111", sender="0002"))
    await take(store, receipt("73", to="3450", sender="56911111111"))
    assert await state(store, 2) is MessageState.submitted
    assert await state(store, 3) is MessageState.submitted


async def test_a_receipt_may_name_the_recipient_without_its_country(store: Store) -> None:
    await sent(store, 1, "77")
    matched = await take(store, receipt("77", to="900000001"))
    assert matched[0].found is Found.moved


async def test_an_id_that_the_carrier_recycles_goes_to_the_newer_message(store: Store) -> None:
    await sent(store, 1, "77")
    await take(store, receipt("77"))
    await sent(store, 2, "77")
    await take(store, receipt("77", ReceiptState.UNDELIV))
    assert await state(store, 1) is MessageState.delivered
    assert await state(store, 2) is MessageState.undelivered


async def doubtful(store: Store, *numbers: int) -> None:
    await store.queue.put([put(n) for n in numbers])
    await claim(store)
    await store.queue.recover(set(), NOW)


async def test_one_candidate_settles_a_doubt(store: Store) -> None:
    await doubtful(store, 1)
    matched = await take(store, receipt("900", to="56900000001", sender="3450"))
    assert matched[0].found is Found.settled_doubt
    assert await state(store, 1) is MessageState.delivered
    assert await kinds(store) == ["in_doubt", "delivered"]
    assert await store.correlation.counts([ACCOUNT]) == (0, {ACCOUNT: 0})
    assert (await take(store, receipt("900", to="56900000001")))[0].found is Found.no_change


async def test_a_doubt_about_a_whole_message_has_one_fate(store: Store) -> None:
    """Its consumer says that it submits long messages whole: one receipt settles all of it."""
    await store.queue.put([put(1, segments=3)])
    await claim(store, consumer=f"{CONSUMER}+")
    await store.queue.recover(set(), NOW)
    record = await store.records.message("crm", put(1).message.id)
    assert record is not None
    assert len(record.fates) == 1
    matched = await take(store, receipt("900", to="56900000001", sender="3450"))
    assert matched[0].found is Found.settled_doubt
    assert await state(store, 1) is MessageState.delivered


async def test_several_candidates_stay_in_doubt(store: Store) -> None:
    await doubtful(store, 1)
    other = put(1, ref="other")
    await store.queue.put([other])
    await claim(store)
    await store.queue.recover(set(), NOW)
    matched = await take(store, receipt("900", to="56900000001", sender="3450"))
    assert matched[0].found is Found.several
    assert await state(store, 1) is MessageState.in_doubt


async def test_the_user_message_reference_tells_candidates_apart(store: Store) -> None:
    await doubtful(store, 1)
    other = put(1, ref="other")
    await store.queue.put([other])
    await claim(store)
    await store.queue.recover(set(), NOW)
    reference = (int(other.message.id[-4:], 16) + 1) & 0xFFFF
    matched = await take(store, receipt("900", to="56900000001", reference=reference))
    assert matched[0].found is Found.settled_doubt
    assert await state(store, 1) is MessageState.in_doubt
    record = await store.records.message("crm", other.message.id)
    assert record is not None
    assert record.state is MessageState.delivered


async def test_another_sender_or_recipient_settles_no_doubt(store: Store) -> None:
    await doubtful(store, 1)
    matched = await take(
        store,
        receipt("900", to="56900000002", sender="3450"),
        receipt("901", to="56900000001", sender="7777"),
        receipt("902"),
    )
    assert [m.found for m in matched] == [Found.parked] * 3
    assert await state(store, 1) is MessageState.in_doubt


async def test_a_receipt_parked_before_the_doubt_settles_it(store: Store) -> None:
    await store.queue.put([put(1)])
    await claim(store)
    await take(store, receipt("900", to="56900000001", sender="3450"))
    await store.queue.recover(set(), NOW)
    assert await state(store, 1) is MessageState.delivered
    assert await store.correlation.counts([ACCOUNT]) == (0, {ACCOUNT: 0})


async def test_receipts_between_two_attempts_are_not_lost(store: Store) -> None:
    """Segment 1 was taken, segment 2 refused for now; 1's receipt comes before 2 goes again."""
    await store.queue.put([put(1, segments=2)])
    (taken,) = await claim(store)
    half = write_fates(
        [
            SegmentFate(MessageState.submitted, "", "71"),
            SegmentFate(MessageState.queued, "", ""),
        ]
    )
    again = taken.message.__class__(
        **{f: getattr(taken.message, f) for f in taken.message.__struct_fields__} | {"fates": half}
    )
    await store.correlation.commit(
        ACCOUNT,
        [
            Settle(
                kind=Kind.release,
                lane=taken.lane,
                entry=taken.entry,
                message=again,
                state=MessageState.queued,
                fates=half,
                ids=["71", ""],
            )
        ],
        [receipt("71")],
        NOW,
    )
    assert (
        await store.queue.claim(["chile"], "n2/bbbb:sur", 10, NOW, 1) == []
    )  # not another carrier's
    (second,) = await claim(store)
    assert read_fates(second.message.fates)[0].carrier_message_id == "71"
    settle = submitted(second)
    settle.resumed = True
    settle.ids = ["", "72"]
    settle.fates = half.replace("2::", "5::72")
    await store.correlation.commit(ACCOUNT, [settle], [receipt("72")], NOW)
    assert await state(store, 1) is MessageState.delivered


async def test_no_receipt_for_long_makes_it_unknown_and_a_late_one_knows_better(
    store: Store,
) -> None:
    await sent(store, 1, "77")
    assert await store.sweep.close_unknown(NOW + 71 * 3_600_000) == 0
    assert await store.sweep.close_unknown(NOW + 74 * 3_600_000) == 1
    assert await state(store, 1) is MessageState.unknown
    await take(store, receipt("77"))
    assert await state(store, 1) is MessageState.delivered


async def test_parked_receipts_are_let_go_after_their_time(store: Store) -> None:
    await take(store, receipt("900"))
    assert await store.correlation.forget_parked(ACCOUNT, NOW) == 0
    assert await store.correlation.forget_parked(ACCOUNT, NOW + 100) == 1
    assert await store.correlation.counts([ACCOUNT]) == (0, {ACCOUNT: 0})


async def test_a_reply_is_tied_to_what_last_went_to_that_number_from_that_sender(
    store: Store,
) -> None:
    await sent(store, 1, "77")
    answers = await store.correlation.reply(
        ACCOUNT,
        [Reply("56900000001", "3450", "1", 0), Reply("56900000001", "9999", "hola", 0)],
        NOW,
        "",
    )
    assert answers[0][1:4] == ("crm", "c1", derived_id("crm", "c1", "r1"))
    assert answers[0][4:-1] == ("56900000001", "3450", "1", "crm", NOW, ACCOUNT, "crm")
    assert answers[1][1:4] == ("", "", "")
    assert (answers[1].creditor, answers[1].writer) == ("crm", "crm")  # by the recipient alone
    page = await store.records.replies("crm")
    assert [(r.sender, r.text, r.campaign) for r in page.items] == [("56900000001", "1", "c1")]
    (event,) = (await store.events.read("crm", None)).items
    assert (event.kind, event.data) == ("reply", {"text": "1", "to": "3450"})
    report = await store.records.report("crm", "c1")
    assert report is not None
    assert report.replies == 1


async def test_a_reply_committed_twice_is_one_reply(store: Store) -> None:
    for _ in range(2):
        await store.correlation.reply(ACCOUNT, [Reply("569", "3450", "1", 0)], NOW, "crm", "b1")
    assert len((await store.records.replies("crm")).items) == 1


async def texts(store: Store) -> list[str]:
    return [reply.text for reply in (await store.records.replies("crm")).items]


def part(text: str, number: int, total: int = 3, reference: int = 7) -> Reply:
    return Reply("56900000001", "3450", text, 0, (reference, total, number))


async def say(store: Store, *replies: Reply, now: int = NOW) -> int:
    """How many replies are whole with these; each comes by itself, as over different binds."""
    whole = 0
    for reply in replies:
        whole += len(await store.correlation.reply(ACCOUNT, [reply], now, "crm"))
    return whole


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
async def test_parts_of_a_reply_are_one_reply(store: Store, order: tuple[int, ...]) -> None:
    await sent(store, 1, "77")
    words = {1: "ya ", 2: "pague ", 3: "ayer"}
    assert await say(store, *(part(words[n], n) for n in order[:2])) == 0
    assert await say(store, part(words[order[0]], order[0])) == 0  # it comes again
    assert await say(store, part(words[order[2]], order[2])) == 1
    assert await say(store, part(words[order[1]], order[1])) == 0  # and again, afterwards
    assert await texts(store) == ["ya pague ayer"]
    page = await store.records.replies("crm")
    assert page.items[0].campaign == "c1"


async def test_parts_that_do_not_belong_together_stay_apart(store: Store) -> None:
    await say(store, part("a", 1, 2), part("b", 2, 2, reference=8), part("c", 2, 3))
    assert await texts(store) == []
    await store.correlation.close_parts(NOW + PARTS_MS - 1, "crm")
    assert await texts(store) == []
    await store.correlation.close_parts(NOW + PARTS_MS, "crm")
    assert sorted(await texts(store)) == ["a", "b", "c"]
    assert await say(store, part("a", 1, 2), now=NOW + PARTS_MS + 1) == 0  # late, and known
    await store.correlation.close_parts(NOW + 3 * PARTS_MS, "crm")
    assert len(await texts(store)) == 3


@pytest.mark.parametrize("full", ["x" * 160, "x" * 153, "\u4e2d" * 70, "\u4e2d" * 67, "[" * 80])
async def test_a_text_cut_without_marking_waits_for_the_rest(store: Store, full: str) -> None:
    first = Reply("56900000001", "3450", full, 0)
    assert await say(store, first) == 0
    assert await say(store, Reply("56900000002", "3450", "otro", 0)) == 1
    assert await say(store, Reply("56900000001", "3450", "fin", 0), now=NOW + 2_000) == 1
    assert sorted(await texts(store)) == sorted(["otro", full + "fin"])
    assert await say(store, first) == 0
    await store.correlation.close_parts(NOW + CUT_MS, "crm")
    assert (await texts(store))[-1] == full


async def test_a_short_reply_waits_for_nothing(store: Store) -> None:
    assert await say(store, Reply("56900000001", "3450", "1", 0), part("2", 1, 1)) == 2


STATE_OF = Script(
    "state_of", PRELUDE + CONSTANTS + _read("shared") + "return state_of(split_fates(ARGV[2]))"
)


@given(
    st.lists(
        st.sampled_from([s for s in MessageState if s.final or s >= MessageState.in_doubt]),
        min_size=1,
        max_size=6,
    )
)
def test_the_script_and_python_agree_on_the_state_of_a_message(
    lua: object, states: list[MessageState]
) -> None:
    fates = write_fates([SegmentFate(s, "", "") for s in states])
    if MessageState.blocked in states:
        return
    assert lua(fates) == state_of(states)  # type: ignore[operator]


@pytest.fixture(scope="module")
def lua(redis_server: object) -> object:
    """``state_of`` as the server computes it."""
    from redis import Redis

    from gateway.store.embedded import socket_path

    client = Redis(unix_socket_path=str(socket_path(redis_server.state_dir)))  # type: ignore[attr-defined]
    return lambda fates: client.eval(STATE_OF.text, 1, "recado:{0}", b"", fates)
