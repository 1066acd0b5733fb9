"""What inbound does while the store is away: a real store that fails for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest

from gateway.carrier import inbound as module
from gateway.carrier.inbound import Inbound
from gateway.carrier.session import Bind
from gateway.config import Carrier
from gateway.errors import StoreUnavailable
from gateway.metrics import Metrics
from gateway.smpp.pdu import DeliverSm, Pdu
from gateway.smpp.session import Session
from gateway.store import Store
from tests.carrier.conftest import until

CARRIER = Carrier(name="andina", host="127.0.0.1", port=1, system_id="s", password="p")


class Answers:
    """A bind as inbound sees it: what was answered, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[int, int]] = []

    def respond(self, session: Session, response: Pdu) -> None:
        self.said.append((response.sequence_number, response.command_status))

    def acknowledge(self, session: Session, sequence_numbers: Iterable[int]) -> None:
        self.said += [(number, 0) for number in sequence_numbers]

    def flush(self) -> None:
        pass


class Desk:
    """An inbound whose store fails as often as ``failures`` says."""

    def __init__(self, store: Store) -> None:
        self.failures = 0
        self.bind = Answers()
        self.held: list[bool] = []
        self._commits = store.correlation.commit, store.correlation.reply
        store.correlation.commit = self._or_fail(store.correlation.commit)  # type: ignore[method-assign]
        store.correlation.reply = self._or_fail(store.correlation.reply)  # type: ignore[method-assign]
        self.inbound = Inbound(CARRIER, store, Metrics(), "crm", self.held.append)

    def _or_fail(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        async def step(*args: Any, **kwargs: Any) -> Any:
            if self.failures > 0:
                self.failures -= 1
                raise StoreUnavailable("away for the test")
            return await commit(*args, **kwargs)

        return step

    def take(
        self, number: int, text: bytes, esm_class: int = 0, source: str = "56900000001"
    ) -> None:
        pdu = DeliverSm(
            sequence_number=number,
            source_addr=source,
            destination_addr="3450",
            esm_class=esm_class,
            short_message=text,
        )
        self.inbound.take(cast(Bind, self.bind), cast(Session, None), pdu)

    async def idle(self) -> None:
        async def reached() -> bool:
            return self.inbound.idle

        await until(reached)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)


async def test_a_reply_told_to_come_again_is_stored_once(store: Store, at_once: None) -> None:
    desk = Desk(store)
    desk.failures = 3
    desk.take(7, b"1")
    await desk.idle()
    assert desk.bind.said == [(7, CARRIER.try_later_status)]
    desk.take(8, b"1")
    assert desk.bind.said[1:] == [(8, 0)]
    desk.take(9, b"1")  # a third is the debtor's own
    await desk.idle()
    assert desk.bind.said[2:] == [(9, 0)]
    page = await store.records.replies("crm")
    assert [reply.text for reply in page.items] == ["1", "1"]


async def test_a_number_of_old_is_the_number_of_now(store: Store) -> None:
    """Mexico's mobiles have lost their 1; some carriers still write it, in receipts too."""
    desk = Desk(store)
    desk.take(1, b"BAJA", source="5215512345678")
    desk.take(2, b"id:7 stat:DELIVRD err:000 text:", 4, source="5215512345678")
    assert [one.item.receipt.to for one in desk.inbound._deliveries if one.item] == ["525512345678"]
    await desk.idle()
    (reply,) = (await store.records.replies("crm")).items
    assert reply.sender == "525512345678"


async def test_an_outage_never_stops_the_reading_of_responses(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FULL", 3)
    monkeypatch.setattr(module, "EMPTY_AGAIN", 2)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    desk = Desk(store)
    desk.failures = 1_000_000
    receipt = b"id:%d submit date:2611220000 done date:2611220000 stat:DELIVRD err:000"
    for number in range(1, 4):
        desk.take(number, receipt % number, 4)
    desk.take(4, receipt % 4, 4)
    assert desk.held == [True]  # nobody knows yet that the store is away

    async def away() -> bool:
        return desk.inbound.store_away

    await until(away)
    assert desk.held == [True, False]
    for number in range(5, 9):
        desk.take(number, receipt % number, 4)
    late = [number for number, status in desk.bind.said if status == CARRIER.try_later_status]
    assert late == [8]  # the first batch has left the queue meanwhile: three more wait
    desk.failures = 0
    await desk.idle()
    assert sorted(number for number, status in desk.bind.said if status == 0) == list(range(1, 8))
