"""Mutated PDUs on real sockets: an account of ours lives through them, a simulated carrier too."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import wall_ms
from gateway.simulator import Script, Simulator
from gateway.simulator.loading import merged
from gateway.smpp.pdu import DeliverSm, SubmitSm
from gateway.store import Store
from tests.carrier.conftest import Line, bound
from tests.fuzz.talk import Carrier, Talk, bound_to
from tests.store.conftest import store as store

PDUS, PARTS = 20_000, 4


@pytest.fixture
async def raised() -> AsyncIterator[list[dict[str, Any]]]:
    """What nobody caught in the loop; nothing may be in it at the end."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    yield found
    assert not found


async def test_an_account_lives_through_a_fuzzing_carrier(
    store: Store, tmp_path: Path, raised: list[dict[str, Any]]
) -> None:
    """It answers each request once, binds again when the framing is lost, and still delivers."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier())
        account = await bound(stack, store, tmp_path, carrier.port, inactivity_seconds=0)
        for part in range(PARTS):
            talk = await carrier.bound()
            await talk.fuzz(PDUS // PARTS)
            await talk.settled()
            if part < PARTS - 1:
                await talk.lose_the_framing()
        assert carrier.binds == PARTS
        assert account.binds[0].bound
        line = Line(store, None, account)
        await line.put(1)
        await talk.until(lambda: talk.messages)
        receipt = b"id:the-id sub:001 dlvrd:001 done date:2611220001 stat:DELIVRD err:000 text:"
        submit = talk.messages[0]
        letter = DeliverSm(
            source_addr=submit.destination_addr,
            destination_addr=submit.source_addr,
            esm_class=4,
            short_message=receipt,
        )
        assert (await talk.ask(letter)).command_status == 0
        await line.until(delivered=1)
        assert wall_ms() - account.status()["at_ms"] < 1_000
        assert account.inbound.unread.view()


async def test_the_simulated_carrier_lives_through_a_fuzzing_esme(
    raised: list[dict[str, Any]],
) -> None:
    """It too: and the receipt of the last message comes."""
    settings = {"listen": "127.0.0.1:0", "seed": 1, "replies": {"share": 0.1, "delay_ms": 1}}
    async with Simulator(merged(Script(), settings)) as carrier:
        for part in range(PARTS):
            talk = await bound_to(carrier.port, part)
            await talk.fuzz(PDUS // PARTS)
            await talk.settled()
            if part < PARTS - 1:
                await talk.lose_the_framing()
                await talk.close()
        await _message_and_receipt(talk)
        assert len(carrier.links) == 1
        assert carrier.stats()["submits"] > PDUS // 4
        await talk.close()


async def _message_and_receipt(talk: Talk) -> None:
    submit = SubmitSm(
        source_addr="3450",
        destination_addr="56999999999",
        registered_delivery=1,
        short_message=b"hola",
    )
    response = await talk.ask(submit)
    assert response.command_status == 0
    wanted = b"id:%b " % response.message_id.encode()
    await talk.until(lambda: any(m.short_message.startswith(wanted) for m in talk.messages))
    assert Counter(m.short_message for m in talk.messages).most_common(1)
