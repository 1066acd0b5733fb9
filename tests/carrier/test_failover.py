"""Two carriers of one route: which of them sends what, when one is in trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.carrier.account import Account, Carriers
from gateway.clock import wall_ms
from gateway.config import Carrier, Route
from gateway.message import InDoubtRule, Message
from gateway.metrics import Metrics
from gateway.policy.route import Split
from gateway.simulator.script import Script
from gateway.simulator.simulator import Simulator
from gateway.store import Store
from gateway.store.node import Node
from tests.carrier.conftest import until
from tests.store.test_queue import put

Json = dict[str, Any]
LONG = "Banco Ejemplo: " + "cuota " * 40


class Pair:
    """Carriers ``andina`` and ``sur`` of the route ``chile``."""

    def __init__(
        self, store: Store, sims: dict[str, Simulator], carriers: Carriers, route: Route
    ) -> None:
        self.store, self.sims, self.carriers, self.route = store, sims, carriers, route
        self.now = 1_000.0

    async def put(self, *numbers: int, message: Json | None = None, **settings: Any) -> None:
        """Accept messages numbered so; ``message``: fields of theirs."""
        settings.setdefault("accepted_ms", wall_ms())
        puts = [put(number, **settings) for number in numbers]
        for one in puts:
            one.message = msgspec.structs.replace(one.message, **(message or {}))
        await self.store.queue.put(puts)
        self.carriers.wake()

    def pass_seconds(self, seconds: int) -> None:
        """So much time, for the look at the carriers' health."""
        for _ in range(seconds):
            self.now += 1.0
            self.carriers.look(self.now)

    async def until(self, **wanted: int) -> None:
        async def reached() -> bool:
            await self.store.queue.depths()
            await self.store.queue.promote(wall_ms() + 3_600_000)
            report = await self.store.records.report("crm", "c1")
            assert report is not None
            return Counter(report.by_state) == Counter(wanted)

        await until(reached)

    def taken(self, name: str) -> int:
        """How many submits that carrier took."""
        return sum(s.status <= 0 for s in self.sims[name].submissions)

    @property
    def twice(self) -> list[str]:
        """Recipients who have got a segment more than once, over both carriers."""
        parts = Counter(
            (s.recipient, s.part) for sim in self.sims.values() for s in sim.submissions
            if s.status <= 0
        )  # fmt: skip
        return [to for (to, _), times in parts.items() if times > 1]


MakePair = Callable[..., Awaitable[Pair]]


@pytest.fixture
async def pair(store: Store, tmp_path: Path) -> AsyncIterator[MakePair]:
    async with AsyncExitStack() as stack:

        async def make(
            andina: Json | None = None,
            sur: Json | None = None,
            route: Json | None = None,
            **settings: Any,
        ) -> Pair:
            node = Node(store.redis, "n1", tmp_path)
            await node.join()
            sims, accounts = {}, []
            own = {"host": "127.0.0.1", "system_id": "recado", "password": "secret", "window": 5}
            own |= {"rebind_min_seconds": 0.02, "rebind_max_seconds": 0.05}
            for name, script in (("andina", andina), ("sur", sur)):
                wanted = {"listen": "127.0.0.1:0", "seed": 1} | (script or {})
                sims[name] = await stack.enter_async_context(
                    Simulator(msgspec.convert(wanted, Script))
                )
                c = Carrier(name=name, port=sims[name].port, **(own | settings))
                account = Account(c, store, node, Metrics(), "crm")
                stack.push_async_callback(account.unbind, 1.0)
                stack.push_async_callback(account.quiet)
                accounts.append(account)
            chile = {"name": "chile", "prefixes": ("+56",), "carriers": ("andina", "sur")}
            carriers = Carriers(accounts, [Route(**(chile | (route or {})))])
            store.queue.seen = carriers.routing.seen
            for account in accounts:
                account.start()
            wishes = [account.wish() for account in accounts]
            for account, holding in zip(accounts, await node.renew(wishes), strict=True):
                account.hold(holding)

            async def bound() -> bool:
                open_ = [a for a in accounts if sims[a.carrier.name].script.accept_binds]
                return all(account.pump.bound for account in open_)

            await until(bound)
            made = Pair(store, sims, carriers, Route(**(chile | (route or {}))))
            made.pass_seconds(1)
            return made

        yield make


async def test_the_first_carrier_has_all_of_it(pair: MakePair) -> None:
    made = await pair()
    await made.put(*range(50))
    await made.until(delivered=50)
    assert (made.taken("andina"), made.taken("sur")) == (50, 0)


async def test_without_a_bind_for_so_long_the_next_one_sends_until_it_is_back(
    pair: MakePair,
) -> None:
    made = await pair({"accept_binds": False})
    await made.put(1)
    made.pass_seconds(9)
    assert made.carriers.accounts["andina"].out == ""
    made.pass_seconds(2)
    assert made.carriers.accounts["andina"].out == "unbound"
    await made.until(delivered=1)
    assert made.taken("sur") == 1
    made.sims["andina"].follow({"accept_binds": True})

    async def bound() -> bool:
        return made.carriers.accounts["andina"].pump.bound

    await until(bound)
    made.pass_seconds(29)
    await made.put(2)
    await made.until(delivered=2)
    assert made.taken("sur") == 2
    made.pass_seconds(3)
    await made.put(3)
    await made.until(delivered=3)
    assert (made.taken("andina"), made.taken("sur")) == (1, 2)


async def test_a_paused_carrier_is_out_at_once(pair: MakePair) -> None:
    made = await pair()
    assert await made.carriers.pause("andina")
    await made.put(*range(20))
    await made.until(delivered=20)
    assert (made.taken("andina"), made.taken("sur")) == (0, 20)
    assert [s["out_of_service"] for s in made.carriers.status()] == ["paused", None]


async def test_what_one_refuses_the_other_takes(pair: MakePair) -> None:
    made = await pair({"statuses": {"ESME_RINVSRCADR": 0.4}})
    await made.put(*range(50))
    await made.until(delivered=50)
    assert made.taken("andina") + made.taken("sur") == 50
    assert made.taken("sur") > 5
    assert made.twice == []


async def test_what_both_refuse_ends(pair: MakePair) -> None:
    made = await pair({"statuses": {"ESME_RINVSRCADR": 1}}, {"statuses": {"0x0401": 1}})
    await made.put(1)
    await made.until(failed=1)
    (found,) = (await made.store.records.messages("crm")).items
    assert (found.carrier, found.error, found.attempt) == ("sur", "0x00000401", 2)
    assert found.route == "chile"


async def test_without_another_carrier_it_ends_at_once(pair: MakePair) -> None:
    made = await pair(
        {"statuses": {"ESME_RINVSRCADR": 1}}, {"accept_binds": False}, failover_unbound_seconds=5
    )
    made.pass_seconds(6)
    await made.put(1)
    await made.until(rejected=1)
    (found,) = (await made.store.records.messages("crm")).items
    assert found.carrier == "andina"


async def test_a_carriers_own_table(pair: MakePair) -> None:
    made = await pair(
        {"statuses": {"0x0401": 0.5, "ESME_RINVDSTADR": 0.5}},
        statuses=(("0x0401", "reject"), ("ESME_RINVDSTADR", "failover")),
    )
    await made.put(*range(40))
    refused = await _rejected(made)
    assert made.taken("sur") == 40 - refused
    assert 0 < refused < 40


async def _rejected(made: Pair) -> int:
    found: Counter[str] = Counter()

    async def ended() -> bool:
        nonlocal found
        await made.store.queue.depths()
        report = await made.store.records.report("crm", "c1")
        assert report is not None
        found = Counter(report.by_state)
        return found["rejected"] + found["delivered"] == 40

    await until(ended)
    return found["rejected"]


async def test_trouble_that_lasts_goes_elsewhere_after_its_attempts(pair: MakePair) -> None:
    made = await pair({"statuses": {"ESME_RSUBMITFAIL": 1}}, {"statuses": {"ESME_RSUBMITFAIL": 1}})
    await made.put(1)
    await made.until(failed=1)
    assert len(made.sims["andina"].submissions) == 3
    assert len(made.sims["sur"].submissions) == 3
    (found,) = (await made.store.records.messages("crm")).items
    assert (found.carrier, found.attempt) == ("sur", 6)


async def test_too_many_errors_put_a_carrier_out(pair: MakePair) -> None:
    made = await pair({"statuses": {"ESME_RSYSERR": 1}})
    await made.put(*range(40))

    async def refused() -> bool:
        return len(made.sims["andina"].submissions) >= 40

    async def out() -> bool:
        made.now += 0.001
        made.carriers.look(made.now)
        return made.carriers.accounts["andina"].out == "errors"

    await until(refused)  # before a look's minute of seconds has passed in no time
    await until(out)
    await made.until(delivered=40)
    assert (made.taken("andina"), made.taken("sur")) == (0, 40)


async def test_throttling_that_lasts_puts_a_carrier_out(pair: MakePair) -> None:
    made = await pair({"statuses": {"ESME_RTHROTTLED": 1}}, rate=1000)
    await made.put(*range(40))

    async def out() -> bool:
        if len(made.sims["andina"].submissions) > made.now - 1_000:
            made.pass_seconds(5)
        return made.carriers.accounts["andina"].out == "throttled"

    await until(out)
    await made.until(delivered=40)
    assert (made.taken("andina"), made.taken("sur")) == (0, 40)


async def test_a_message_of_which_parts_have_left_stays(pair: MakePair) -> None:
    """One segment was taken: the other never goes over another carrier."""
    made = await pair({"numbers": [], "statuses": {"ESME_RINVSRCADR": 0.5}})
    await made.put(*range(30), segments=2, text=LONG)

    async def ended() -> bool:
        await made.store.queue.depths()
        report = await made.store.records.report("crm", "c1")
        assert report is not None
        found = report.by_state
        return found.get("delivered", 0) + found.get("rejected", 0) == 30

    await until(ended)
    assert made.twice == []
    parts = {
        name: {(s.recipient, s.part) for s in sim.submissions if s.status <= 0}
        for name, sim in made.sims.items()
    }
    both = {to for to, _ in parts["andina"]} & {to for to, _ in parts["sur"]}
    assert both == set()
    assert parts["sur"]


async def test_a_message_in_doubt_is_sent_again_by_its_own_carrier_alone(pair: MakePair) -> None:
    made = await pair({"drop_after": 1, "receipts": {"form": "none"}}, window=1)
    await made.put(1, message={"in_doubt": InDoubtRule.resend.value})
    await made.until(in_doubt=1)
    await made.carriers.pause("andina")
    doubtful = [found async for found in made.store.queue.doubtful(wall_ms() + 1)]
    ((account, message),) = doubtful
    again: Message = msgspec.structs.replace(message, attempt=2, fates="")
    assert await made.store.queue.resend(account, [again], wall_ms()) == 1
    made.carriers.wake()
    made.sims["andina"].follow({"drop_after": 0})
    made.sims["andina"].cut_links()  # one that was made meanwhile would be dropped again
    await made.put(2)
    await made.until(queued=1, delivered=1)
    assert made.taken("sur") == 1
    await made.carriers.resume("andina")
    await made.until(submitted=1, delivered=1)
    assert (made.taken("andina"), made.taken("sur")) == (2, 1)


async def test_a_weighted_split_and_what_becomes_of_a_share(pair: MakePair) -> None:
    route = {"strategy": "weighted", "weights": (3, 1)}
    made = await pair(route=route)
    split = Split(made.route)
    meant = Counter(split.lane_route(f"569{n:08d}") for n in range(200))
    for n in range(100):
        await made.put(n, message={"route": split.lane_route(f"569{n:08d}")})
    await made.until(delivered=100)
    first = Counter(split.lane_route(f"569{n:08d}") for n in range(100))
    assert made.taken("andina") == first["chile>andina"]
    assert made.taken("sur") == first["chile>sur"]
    await made.carriers.pause("sur")
    for n in range(100, 200):
        await made.put(n, message={"route": split.lane_route(f"569{n:08d}")})
    await made.until(delivered=200)
    assert made.taken("sur") == first["chile>sur"]
    assert made.taken("andina") + made.taken("sur") == 200 == sum(meant.values())
    assert await made.store.queue.depths() == {}


@pytest.mark.parametrize("status", ["ESME_RSYSERR", "ESME_RINVSRCADR"])
async def test_one_sent_again_out_of_doubt_stays_though_its_carrier_refuses_it(
    pair: MakePair, status: str
) -> None:
    """It may have delivered the first attempt: the second, refused for now or for good, is never
    another carrier's."""
    made = await pair({"drop_after": 1, "receipts": {"form": "none"}}, window=1)
    await made.put(1, message={"in_doubt": InDoubtRule.resend.value})
    await made.until(in_doubt=1)
    made.sims["andina"].follow({"drop_after": 0, "statuses": {status: 1}})
    made.sims["andina"].cut_links()  # one that was made meanwhile would be dropped again
    ((account, message),) = [found async for found in made.store.queue.doubtful(wall_ms() + 1)]
    again: Message = msgspec.structs.replace(message, attempt=2, fates="")
    assert await made.store.queue.resend(account, [again], wall_ms()) == 1
    made.carriers.wake()

    async def refused() -> bool:
        settled = made.carriers.accounts["andina"].inbound.idle
        return settled and len(made.sims["andina"].submissions) > 1

    await until(refused)
    await made.carriers.pause("andina")
    await made.store.queue.promote(wall_ms() + 3_600_000)
    await made.put(2)
    wanted = {"rejected" if status == "ESME_RINVSRCADR" else "queued": 1}
    await made.until(delivered=1, **wanted)
    assert made.taken("sur") == 1


async def test_what_was_moved_does_not_wait_for_all_that_comes_after_it(pair: MakePair) -> None:
    """The other carrier has a campaign of its own of the same priority: they take turns."""
    made = await pair(rate=200)
    await made.carriers.pause("andina")
    made.carriers.accounts["sur"].pump.routes = lambda: ["chile", "chile/andina"]
    await made.put(*range(200))
    await made.put(*range(200, 220), message={"route": "chile/andina"})
    await made.until(delivered=220)
    order = [int(s.recipient[3:]) for s in made.sims["sur"].submissions]
    assert max(order.index(n) for n in range(200, 220)) < 100


async def test_attempts_at_a_carrier_that_is_out_do_not_count_at_the_next(pair: MakePair) -> None:
    """The first had two of the three; the next one's first refusal is not the last word."""
    made = await pair({"statuses": {"ESME_RSUBMITFAIL": 1}}, {"statuses": {"ESME_RSUBMITFAIL": 1}})
    andina, sur = made.sims["andina"], made.sims["sur"]
    await made.put(1)

    async def twice() -> bool:
        await made.store.queue.promote(wall_ms() + 3_600_000)
        if len(andina.submissions) == 2:
            await made.carriers.pause("andina")
            return made.carriers.accounts["andina"].inbound.idle
        return False

    await until(twice)
    await made.until(failed=1)
    assert (len(andina.submissions), len(sur.submissions)) == (2, 3)
    (found,) = (await made.store.records.messages("crm")).items
    assert (found.carrier, found.attempt) == ("sur", 5)
