"""``recado trace`` as an operator uses it: a gateway that runs, a carrier, a capture."""

from __future__ import annotations

import signal
from collections import Counter

from gateway.smpp.framing import split
from gateway.smpp.pdu import decode
from tests.journeys.stage import KEY, Gateway, Program, Stage, messages, until
from tests.tracing.test_pcap import read

SIZE = 20


async def _watching(stage: Stage, gateway: Gateway, *words: str) -> Program:
    """A trace that has been told how the binds are."""
    options = ("--url", gateway.base, *words)
    program = await stage.start("trace", "trace", "andina", *options, env={"RECADO_KEY": KEY})

    async def begun() -> bool:
        return "== bound" in program.said()

    await until(begun, "the trace to begin")
    return program


async def test_a_campaign_is_seen_and_captured(stage: Stage) -> None:
    """Every PDU of it, told and written, with neither numbers nor texts."""
    carrier = await stage.carrier()
    gateway = await stage.gateway(carrier, account={"binds": 1})
    campaign = await gateway.campaign()
    path = stage.folder / "andina.pcap"
    trace = await _watching(stage, gateway, "--count", str(4 * SIZE), "--pcap", str(path))
    await gateway.upload(messages(SIZE, campaign))
    await gateway.until_states(campaign, delivered=SIZE)
    assert await trace.ended() == 0
    said = trace.said()
    assert f"{4 * SIZE} PDUs, in {path}" in said
    assert "569*****019" in said
    assert "+5690000" not in said
    assert "Banco" not in said
    seen = Counter[str]()
    for ours in (True, False):
        ways = [p.payload for p in read(path.read_bytes()) if (p.target[1] == carrier.port) is ours]
        frames = split(bytearray(b"".join(ways)), 65_536)
        assert isinstance(frames, list)
        seen.update(type(decode(frame)).__name__ for frame in frames)
    assert seen == dict.fromkeys(("SubmitSm", "SubmitSmResp", "DeliverSm", "DeliverSmResp"), SIZE)
    assert b"Banco" not in path.read_bytes()


async def test_it_ends_with_an_interrupt_and_with_the_gateway(stage: Stage) -> None:
    """Each says how much it was; neither holds up the stop."""
    carrier = await stage.carrier()
    gateway = await stage.gateway(carrier, account={"binds": 1})
    first = await _watching(stage, gateway)
    second = await _watching(stage, gateway)
    first.send(signal.SIGINT)
    assert await first.ended() == 130
    assert "0 PDUs; broken off" in first.said()
    assert await gateway.stop(6.0) == 0
    assert await second.ended() == 1
    assert "; the gateway stops" in second.said()
