"""A debtor has paid, or must be left alone: nothing that has not left goes out."""

from __future__ import annotations

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
from gateway.api.shapes import REASON_PATTERN, DebtorLine, DebtorOut, DebtorsOut, DebtorStop
from gateway.api.submit import media_type
from gateway.store.waiting import Ended, Stop

_read = Reader(DebtorStop)
_reason = re.compile(REASON_PATTERN)


def _values(cells: Cells) -> dict[str, Any]:
    return dict(cells)


FORM: Form[DebtorLine] = Form(
    Reader(DebtorLine), DebtorLine.__struct_encode_fields__, ("debtor",), _values
)


async def cancel(context: Context, exchange: Exchange) -> Answer:
    """Stop a debtor: nothing that has not left goes out, in all campaigns; without a body: paid."""
    kind = media_type(exchange.http.headers.get("content-type", "application/json"))
    body = await whole(exchange.http, context.config.http.max_body_bytes)
    if body and kind != "application/json":
        raise fault("unsupported-media-type", f"{kind}; allowed: application/json")
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
