"""The carrier's rate: met within 1%, and never exceeded by more than one segment."""

from __future__ import annotations

from collections import deque

from benchmarks import wording
from benchmarks.carrier import SILENT_RECEIPTS
from benchmarks.gateway import Gateway
from benchmarks.results import Result, progress
from benchmarks.stage import BINDS, WINDOW, Options, stage

RATES = (100, 1_000)
TOLERANCE = 0.01


async def run(options: Options) -> Result:
    """100 and 1,000 segments a second over 30 s, with messages of 1 to 4 segments."""
    seconds = options.seconds(30, 5)
    result = Result("pace", {"seconds": seconds, "binds": BINDS, "window": WINDOW})
    for rate in RATES:
        times = await _submits(rate, seconds)
        _judge(result, rate, seconds, times)
    return result


async def _submits(rate: int, seconds: float) -> list[float]:
    """When the carrier had each segment of the first ``seconds``, in seconds from the first."""
    progress(f"gateway: {rate} segments a second for {seconds:g} s")
    wanted = round(rate * seconds)
    async with stage() as on:
        carrier = on.carrier(
            receipts=SILENT_RECEIPTS, record={"submits": 2 * wanted, "taken": 0, "texts": False}
        )
        gateway = await on.gateway(carrier, rate=rate)
        await _queue(gateway, round(wanted * 1.2))
        await carrier.start()
        await carrier.until_submits(round(wanted * 1.05), seconds * 2 + 30)
        recorded = [submit.at for submit in await carrier.submits()]
    return [at - recorded[0] for at in recorded]


async def _queue(gateway: Gateway, segments: int) -> None:
    """Messages of 1, 2, 3, 4, 1, ... segments."""
    campaign = await gateway.campaign("pace")
    number = -(-segments * 4 // 10)
    messages = (wording.message(index, campaign, segments=1 + index % 4) for index in range(number))
    await gateway.upload(messages, number)


def _judge(result: Result, rate: int, seconds: float, times: list[float]) -> None:
    reached = sum(at < seconds for at in times) / seconds
    must = f"{rate} segments a second met within 1% over {seconds:g} s"
    result.holds(must, reached, "segments/s", abs(reached - rate) <= TOLERANCE * rate)
    most = most_in_a_second(times)
    if rate == RATES[0]:
        must = f"never more than {rate + 1} segments in any sliding second"
        result.holds(must, most, "segments", most <= rate + 1)
    else:
        result.notes[f"most in a sliding second at {rate}"] = most


def most_in_a_second(times: list[float]) -> int:
    """The largest number of times in any half-open second."""
    window: deque[float] = deque()
    most = 0
    for at in times:
        window.append(at)
        while at - window[0] >= 1.0:
            window.popleft()
        most = max(most, len(window))
    return most
