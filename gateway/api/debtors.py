"""A debtor has paid, or must be left alone: nothing that has not left goes out."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from gateway.api.body import whole
from gateway.api.campaigns import creditor_name
from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.intake import check_word
from gateway.api.lots import take
from gateway.api.problems import fault
from gateway.api.reading import Reader
from gateway.api.records import Cells, Form
from gateway.api.shapes import (
    LIFT_CHARACTERS,
    LIFT_PATTERN,
    REASON_PATTERN,
    DebtorLift,
    DebtorLine,
    DebtorOut,
    DebtorsOut,
    DebtorStop,
    DebtorStopView,
    DebtorView,
    LiftView,
)
from gateway.api.submit import media_type
from gateway.api.tally import rfc3339
from gateway.store.waiting import Ended, KeptStop, Stop

log = logging.getLogger(__name__)

_read = Reader(DebtorStop)
_read_lift = Reader(DebtorLift)
_reason = re.compile(REASON_PATTERN)
_words = re.compile(LIFT_PATTERN)


def _values(cells: Cells) -> dict[str, Any]:
    return dict(cells)


FORM: Form[DebtorLine] = Form(
    Reader(DebtorLine), DebtorLine.__struct_encode_fields__, ("debtor",), _values
)


async def cancel(context: Context, exchange: Exchange) -> Answer:
    """Stop a debtor: nothing that has not left goes out, in all campaigns; without a body: paid."""
    body = await _body(context, exchange)
    wanted = _read.read(body) if body else DebtorStop()
    ends = _Ends(context, exchange.client)
    await ends.commit([_stop(exchange.parts[0], wanted)])
    return json_answer(DebtorOut(canceled=ends.did.ended, left=ends.did.left))


async def several(context: Context, exchange: Exchange) -> Answer:
    """Stop many debtors: an object, an array, or a stream."""
    ends = _Ends(context, exchange.client)
    lot = await take(context, exchange, FORM, lambda line: _stop(line.debtor, line), ends.commit)
    return json_answer(
        DebtorsOut(
            accepted=lot.accepted,
            rejected=lot.rejected,
            errors=lot.errors,
            canceled=ends.did.ended,
            left=ends.did.left,
        )
    )


async def read(context: Context, exchange: Exchange) -> Answer:
    """The stops of a debtor: those that hold, and those that have been lifted."""
    debtor = exchange.parts[0]
    check_word(debtor, "invalid-field", "debtor")
    return json_answer(await _view(context, exchange.client, debtor))


async def lift(context: Context, exchange: Exchange) -> Answer:
    """Lift a stop for what is submitted from now on; a legal one with a reason, kept on record."""
    body = await _body(context, exchange)
    wanted = _read_lift.read(body) if body else DebtorLift()
    debtor, client = exchange.parts[0], exchange.client
    check_word(debtor, "invalid-field", "debtor")
    creditor = creditor_name(wanted.creditor) if wanted.creditor is not None else ""
    stop = Stop(debtor, _why(wanted.reason), creditor)
    lifted = await context.store.waiting.lift(client, stop, client, context.clock())
    if lifted < 0:
        raise fault("missing-field", "a legal stop is lifted with a reason", "reason")
    if not lifted:
        raise fault("not-stopped", f"{debtor!r:.60}, for {creditor or 'any creditor'}")
    log.info("stop lifted", extra={"client": client, "creditor": creditor, "stops": lifted})
    return json_answer(await _view(context, client, debtor))


def _why(reason: str | None) -> str:
    if reason is None:
        return ""
    if len(reason) > LIFT_CHARACTERS or not _words.fullmatch(reason):
        raise fault("invalid-field", f"allowed: words, to {LIFT_CHARACTERS} characters", "reason")
    return reason


async def _body(context: Context, exchange: Exchange) -> bytes:
    kind = media_type(exchange.http.headers.get("content-type", "application/json"))
    body = await whole(exchange.http, context.config.http.max_body_bytes)
    if body and kind != "application/json":
        raise fault("unsupported-media-type", f"{kind}; allowed: application/json")
    return body


async def _view(context: Context, client: str, debtor: str) -> DebtorView:
    found = await context.store.waiting.stops(client, debtor, context.clock())
    return DebtorView(
        debtor=debtor,
        stops=[_stop_view(stop) for stop in found if not stop.lifted_ms],
        lifted=[_stop_view(stop) for stop in found if stop.lifted_ms],
    )


def _stop_view(stop: KeptStop) -> DebtorStopView:
    lifted = LiftView(at=rfc3339(stop.lifted_ms), by=stop.by, reason=stop.why)
    return DebtorStopView(
        reason=stop.reason,
        since=rfc3339(stop.since_ms),
        for_good=stop.for_good,
        creditor=stop.creditor or None,
        lifted=lifted if stop.lifted_ms else None,
    )


class _Ends:
    """Commits stops, and counts what they ended."""

    def __init__(self, context: Context, client: str) -> None:
        self._context = context
        self._client = client
        self.did = Ended()

    async def commit(self, stops: Sequence[Stop]) -> None:
        """Keep the stops, and end what waits."""
        context = self._context
        self.did += await context.store.waiting.stop(self._client, stops, context.clock())


def _stop(debtor: str, wanted: DebtorStop) -> Stop:
    check_word(debtor, "invalid-field", "debtor")
    if not _reason.fullmatch(wanted.reason):
        raise fault("invalid-field", "allowed: 1 to 40 of a-z, 0-9 and _", "reason")
    creditor = creditor_name(wanted.creditor) if wanted.creditor is not None else ""
    return Stop(debtor, wanted.reason, creditor)
