"""kill -9 of the gateway in the middle of a drain."""

from __future__ import annotations

import pytest

from tests.journeys.stage import TWO_WINDOWS, Stage, all_ended, messages, until

SIZE = 600


@pytest.mark.parametrize("echoed", [True, False], ids=["reference", "no-reference"])
async def test_a_killed_gateway_loses_nothing_and_sends_nothing_twice(
    stage: Stage, echoed: bool
) -> None:
    """What was under way is in doubt, two windows a bind at most; its receipts settle it.

    With user_message_reference echoed, and without: then by recipient and sender alone.
    """
    carrier = await stage.carrier(delay_ms=30, receipts={"delay_ms": 1_200, "reference": echoed})
    gateway = await stage.gateway(carrier)
    campaign = await gateway.campaign()
    await gateway.upload(messages(SIZE, campaign))
    await carrier.until_submits(SIZE // 4)
    await gateway.kill()
    await gateway.start()
    (recovered,) = gateway.program.events("recovered")
    assert 0 < recovered["in_doubt"] <= TWO_WINDOWS
    await all_ended(gateway, carrier, campaign, SIZE)
    assert await gateway.ever_in_doubt() == recovered["in_doubt"]
    assert (await gateway.states(campaign))["in_doubt"] < recovered["in_doubt"]


async def test_a_killed_gateway_leaves_doubt_where_no_receipts_come(stage: Stage) -> None:
    """Without receipts what was under way stays in doubt, and is listed as such."""
    carrier = await stage.carrier(delay_ms=30, receipts={"form": "none"})
    gateway = await stage.gateway(carrier)
    campaign = await gateway.campaign()
    await gateway.upload(messages(400, campaign))
    await carrier.until_submits(100)
    await gateway.kill()
    await gateway.start()

    async def all_left() -> bool:
        return set(await gateway.states(campaign)) == {"submitted", "in_doubt"}

    await until(all_left, "the rest to be sent")
    states = await gateway.states(campaign)
    assert states.total() == 400
    assert 0 < states["in_doubt"] <= TWO_WINDOWS
    assert await carrier.nothing_twice() <= 400
    listed = await gateway.call("GET", "/v1/messages?state=in_doubt&limit=1000")
    assert len(listed["items"]) == states["in_doubt"]
