"""What is answered of accepted and refused messages: one, or many as counts, items or lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from gateway.api.problems import (
    BudgetView,
    ErrorItem,
    FindingView,
    Members,
    Refusal,
    fault,
    finding_views,
)
from gateway.api.shapes import ItemOut, LineError, LineOut, MessageOut
from gateway.errors import CallerError
from gateway.message import MessageState
from gateway.store.types import Put, PutResult

MOST_ERRORS = 1_000
"""Errors in the answer of a stream."""

_encode_lines = msgspec.json.Encoder().encode_lines


def shown(shape: type[MessageOut], put: Put, state: MessageState, **more: int) -> MessageOut:
    message = put.message
    return shape(
        id=message.id,
        state=state._name_,
        segments=message.segments,
        encoding=message.encoding,
        ref=message.ref or None,
        not_before=_not_before(put),
        reason=put.blocked or put.hold or None,
        changed=dict(put.told.changes) if put.told else None,
        warnings=(put.told.warnings or None) if put.told else None,
        findings=finding_views(put.findings) if put.findings else None,
        **more,
    )


def _findings_of(error: CallerError) -> list[FindingView] | None:
    return error.members.get("findings") if isinstance(error, Refusal) else None


def _not_before(put: Put) -> str | None:
    """When it is to go at the earliest, as far as anybody has said so or the rules do."""
    at = max(put.not_before_ms, put.opens_ms)
    return rfc3339(at) if at else None


@lru_cache(maxsize=4096)
def rfc3339(at_ms: int) -> str:
    """A stored time as callers see it."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def over_budget(view: BudgetView, what: str) -> Refusal:
    """The refusal of what a budget has no room for."""
    until = f", until {view.resets_at}" if view.resets_at else ""
    return Refusal(
        "over-budget",
        f"{what}; the {view.of} has used {view.used} of {view.limit}{until}",
        members={"budget": view},
    )


def note_held(put: Put, result: PutResult) -> None:
    """Tell in the answer that it waits for a budget."""
    if result.held:
        put.opens_ms = max(put.opens_ms, result.held_ms)
        put.hold = "over_budget"


def refused(put: Put, result: PutResult, resets_ms: int = 0) -> CallerError | None:
    """What the store found against a message, if it did; budgets begin anew at ``resets_ms``."""
    kind = result.kind
    if kind in ("new", "same"):
        return None
    message = put.message
    if kind == "conflict":
        if message.ref:
            return fault("ref-conflict", f"{message.ref!r} was accepted with other content", "ref")
        return fault("idempotency-conflict", "this key was used for other content")
    if kind == "campaign-canceled":
        return fault("campaign-canceled", f"{message.campaign} takes no more", "campaign")
    if kind in ("client-over-budget", "campaign-over-budget"):
        of_client = kind == "client-over-budget"
        view = BudgetView(
            of="client" if of_client else "campaign",
            used=result.used,
            limit=result.limit,
            resets_at=rfc3339(resets_ms) if of_client and resets_ms else None,
        )
        return over_budget(view, f"{message.segments} segments")
    return fault("unknown-campaign", message.campaign, "campaign")


class Lot:
    """What became of many, in numbers and the first errors."""

    def __init__(self) -> None:
        self.accepted = self.rejected = self.committed_lines = 0
        self.errors: list[ErrorItem] = []

    def reject(self, index: int, error: CallerError, ref: str | None) -> None:
        """One of them is refused."""
        self.rejected += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(ErrorItem(index, error.type, error.detail, error.field, ref))

    def members(self) -> Members:
        """What a 503 tells of what is committed."""
        return {
            "committed_lines": self.committed_lines,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "errors": self.errors,
        }


class Tally(Lot):
    """The same of messages."""

    def __init__(self) -> None:
        super().__init__()
        self.segments = 0
        self.findings: dict[str, int] = {}

    def accept(self, index: int, put: Put, state: MessageState) -> None:
        """A message is committed."""
        self.accepted += 1
        self.segments += put.message.segments
        if put.findings:
            self._note({one.word for one in put.findings})

    def reject(self, index: int, error: CallerError, ref: str | None) -> None:
        """A message is refused."""
        super().reject(index, error, ref)
        found = _findings_of(error)
        if found:
            self._note({one.word for one in found})

    def _note(self, words: set[str]) -> None:
        for word in words:
            self.findings[word] = self.findings.get(word, 0) + 1

    async def flush(self) -> None:
        """A batch is over."""


class ItemTally(Tally):
    """Keeps each message: of an array."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[ItemOut] = []

    def accept(self, index: int, put: Put, state: MessageState) -> None:
        super().accept(index, put, state)
        item = shown(ItemOut, put, state, index=index)
        assert isinstance(item, ItemOut)
        self.items.append(item)


class LineTally(Tally):
    """Writes a line for each line, once a batch."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        super().__init__()
        self._write = write
        self._lines: list[LineOut] = []

    def accept(self, index: int, put: Put, state: MessageState) -> None:
        super().accept(index, put, state)
        message = put.message
        self._lines.append(
            LineOut(
                index=index,
                id=message.id,
                ref=message.ref or None,
                state=state.name,
                segments=message.segments,
                encoding=message.encoding,
                not_before=_not_before(put),
                reason=put.blocked or put.hold or None,
                changed=dict(put.told.changes) if put.told else None,
                warnings=(put.told.warnings or None) if put.told else None,
                findings=finding_views(put.findings) if put.findings else None,
            )
        )

    def reject(self, index: int, error: CallerError, ref: str | None) -> None:
        super().reject(index, error, ref)
        wrong = LineError(error.type, error.detail, error.field, _findings_of(error))
        self._lines.append(LineOut(index=index, ref=ref, error=wrong))

    async def flush(self) -> None:
        lines, self._lines = self._lines, []
        await self._write(_encode_lines(lines))
