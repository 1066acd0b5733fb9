"""A storm of receipts while messages are submitted."""

from __future__ import annotations

import asyncio

from tests.journeys.stage import Stage, message, messages, until

SIZE = 2_000
ROUNDS = 10
GROWTH = 64 * 1024 * 1024


async def test_a_storm_of_receipts_while_submitting(stage: Stage) -> None:
    """20,000 receipts at once, nine of ten of them repeats: every one is acknowledged, repeats
    change nothing, messages are accepted and sent meanwhile, and memory stays bounded."""
    carrier = await stage.carrier(receipts={"share": 0.0}, record={"taken": SIZE})
    gateway = await stage.gateway(carrier, account={"window": 100})
    campaign = await gateway.campaign()
    await gateway.upload(messages(SIZE, campaign))
    await gateway.until_states(campaign, submitted=SIZE)
    before = gateway.program.rss_bytes()
    for _ in range(ROUNDS):
        assert await carrier.storm(SIZE) == SIZE
    meanwhile = await gateway.campaign("meanwhile")
    posted = sent = 0
    peak = before

    async def through() -> bool:
        nonlocal posted, sent, peak
        answers = await asyncio.gather(
            *(
                gateway.call("POST", "/v1/messages", message(50_000 + posted + n, meanwhile))
                for n in range(10)
            )
        )
        posted += len(answers)
        peak = max(peak, gateway.program.rss_bytes())
        acknowledged = await carrier.acknowledged()
        if acknowledged < SIZE * ROUNDS:
            sent = (await carrier.stats())["submits"] - SIZE
            return False
        return True

    await until(through, "every receipt to be acknowledged")
    assert posted > 50
    assert sent > 0
    assert peak - before < GROWTH
    await gateway.until_states(campaign, delivered=SIZE)
    await gateway.until_states(meanwhile, submitted=posted)
    delivered = [e for e in await gateway.events() if e["kind"] == "delivered"]
    assert len(delivered) == SIZE
    assert await carrier.nothing_twice() == SIZE + posted
