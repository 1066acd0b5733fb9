"""What contact rules cost a message: under 15 us of Python, Chile's caps included."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import structs

from benchmarks import country, wording
from benchmarks.results import Result, median, progress
from benchmarks.stage import Options, stage
from benchmarks.store import Server
from gateway import policies
from gateway.carrier.admission import Admission
from gateway.message import Campaign, Message
from gateway.policy.calendars import Calendars
from gateway.store import Store
from gateway.store.contacts import Admitted, Asked
from gateway.store.queue import Claimed
from gateway.store.types import Put

LIMIT_US = 15.0
BATCH = 100
ROUNDS = 5


class _Nothing:
    """A register that knows nobody: what is left is the Python side."""

    async def admit(self, asked: Sequence[Asked], now_ms: int) -> list[Admitted]:
        raise AssertionError


async def run(options: Options) -> Result:
    """Zone, calendar, decision and record of each; then with the lists and caps of a real store."""
    size = options.sized(50_000, 5_000)
    result = Result("rules", {"messages": size, "batch": BATCH, "rounds": ROUNDS})
    folder = Path(tempfile.mkdtemp(prefix="recado-bench-"))
    try:
        book = policies.load(country.written(folder, country.always()))
    finally:
        shutil.rmtree(folder)
    calendars = Calendars(book)
    numbers = [wording.number(index, wording.VALID_NUMBERS) for index in range(size)]

    def name(number: str) -> str:
        return calendars.name(book.places.find(number), "prudent")

    progress("rules: zone and calendar")
    accepting = median([_each(name, numbers) for _ in range(ROUNDS)])
    claimed = [_claimed(index, n, name(n)) for index, n in enumerate(numbers)]
    progress("rules: verdicts without a store")
    alone = Admission(calendars, _Nothing())
    judging = median([await _judge(alone, claimed) for _ in range(ROUNDS)])
    result.notes["zone and calendar, on accepting"] = f"{accepting:.2f} us a message"
    result.notes["decision, question and record, on claiming"] = f"{judging:.2f} us a message"
    must = "zone, calendar, decision, question and record: under 15 us of the processor a message"
    result.holds(must, accepting + judging, "us", accepting + judging < LIMIT_US)
    with_rules, without = await _stored(calendars, claimed)
    result.notes["claim and verdict on a real store"] = (
        f"{with_rules:.1f} us of time a message, {without:.1f} without rules"
    )
    return result


def _each(work: Callable[[str], str], numbers: list[str]) -> float:
    began = time.process_time()
    for number in numbers:
        work(number)
    return (time.process_time() - began) / len(numbers) * 1e6


def _claimed(index: int, number: str, calendar: str) -> Claimed:
    message = Message(
        1, f"{index:026d}", "bench", "c", f"r{index}", number, 1, 0, "", "", "3450", "text", "gsm7",
        3, "all", calendar=calendar,
    )  # fmt: skip
    return Claimed(f"all:3:{calendar}:c", "1-0", message)


def _batches(claimed: list[Claimed]) -> Iterator[list[Claimed]]:
    for begin in range(0, len(claimed), BATCH):
        yield claimed[begin : begin + BATCH]


async def _judge(admission: Admission, claimed: list[Claimed]) -> float:
    """Microseconds of our processor a message, what is kept of it included."""
    began = time.process_time()
    for batch in _batches(claimed):
        now = time.time_ns() // 1_000_000
        admission.opened(now)
        await _decide(admission, batch, now)
    return (time.process_time() - began) / len(claimed) * 1e6


async def _decide(admission: Admission, batch: list[Claimed], now: int) -> None:
    for item, verdict in zip(batch, await admission.judge(batch, now), strict=True):
        verdict.packed(now)
        verdict.line(item.message, "bench", now)


async def _stored(calendars: Calendars, claimed: list[Claimed]) -> tuple[float, float]:
    """Microseconds of time a message with rules, each debtor once, and without."""
    progress("rules: claims on a real store")
    async with stage() as on:
        server = Server(on.crew, on.folder / "store")
        await server.start()
        store = Store(f"unix://{server.socket}")
        await store.open()
        try:
            campaign = Campaign(id="c", client="bench", name="c", created_ms=1)
            await store.records.create_campaign(campaign)
            with_rules = await _claimed_in(store, calendars, [item.message for item in claimed])
            without = [structs.replace(item.message, calendar="any") for item in claimed]
            return with_rules, await _claimed_in(store, None, without)
        finally:
            await store.close()


async def _claimed_in(
    store: Store, calendars: Calendars | None, messages: Sequence[Message]
) -> float:
    admission = Admission(calendars, store.contacts)
    consumer = "with" if calendars else "without"
    for begin in range(0, len(messages), BATCH):
        batch = messages[begin : begin + BATCH]
        puts = [structs.replace(m, id=f"{consumer:.4}{m.id[4:]}") for m in batch]
        await store.queue.put([Put(message=message, digest="", derived=False) for message in puts])
    began, number = time.perf_counter(), 0
    while True:
        number += 1
        now = time.time_ns() // 1_000_000
        batch = await store.queue.claim(
            ["all"], consumer, BATCH, now, number, admission.opened(now)
        )
        if not batch:
            return (time.perf_counter() - began) / len(messages) * 1e6
        await _decide(admission, batch, now)
