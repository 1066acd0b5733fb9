"""A carrier that silently allows 137 a second while we are set to 500: its limit is found."""

from __future__ import annotations

from benchmarks import wording
from benchmarks.carrier import SILENT_RECEIPTS, Submit
from benchmarks.results import Result, progress
from benchmarks.stage import BINDS, WINDOW, Options, stage

SET, ALLOWED = 500, 137
REACHED, REFUSED = 0.97, 0.02
SETTLED = 30.0
"""Seconds in which the carrier's limit must have been found."""


async def run(options: Options) -> Result:
    """A minute with always something to send."""
    seconds = options.seconds(60, 40)
    result = Result(
        "throttle",
        {"set": SET, "allowed": ALLOWED, "seconds": seconds, "binds": BINDS, "window": WINDOW},
    )
    submits = await _submits(seconds)
    first = submits[0].at
    taken = [one.at - first for one in submits if one.status == "ESME_ROK"]
    late = sum(SETTLED <= at < seconds for at in taken) / (seconds - SETTLED)
    must = f"at least 97% of {ALLOWED} a second from {SETTLED:g} s on"
    result.holds(must, late, "segments/s", late >= REACHED * ALLOWED)
    refused = sum(one.status != "ESME_ROK" for one in submits) / len(submits)
    result.holds("under 2% of submits refused", 100 * refused, "%", refused < REFUSED)
    begun = sum(at < SETTLED for at in taken) / SETTLED
    result.notes["in the first 30 s"] = f"{begun:.1f} a second"
    return result


async def _submits(seconds: float) -> list[Submit]:
    progress(f"gateway: set to {SET} a second, allowed {ALLOWED}, for {seconds:g} s")
    wanted = round(ALLOWED * seconds)
    async with stage() as on:
        carrier = on.carrier(
            receipts=SILENT_RECEIPTS,
            rate=ALLOWED,
            record={"submits": 2 * wanted, "taken": 0, "texts": False},
        )
        gateway = await on.gateway(carrier, rate=SET)
        campaign = await gateway.campaign("throttle")
        await gateway.upload(wording.bulk(2 * wanted, campaign), 2 * wanted)
        await carrier.start()
        await carrier.until_submits(round(wanted * 1.02), seconds * 2 + 30)
        return await carrier.submits()
