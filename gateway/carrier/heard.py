"""What debtors' replies change: who asks for no more messages gets none, from the next moment on.

A reply is answered to its carrier only after this, so that one that asks to stop is not lost with a
crash. What is understood from a phrase rather than said by a keyword counts at once, too, and is
marked for somebody to look at.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from gateway.clock import wall_ms
from gateway.message import MessageState
from gateway.policy.decide import Listed
from gateway.policy.optout import LegalStop, Meaning, Start, Stop, WrongNumber, classify
from gateway.store import Store
from gateway.store.contacts import EVERYONE, Entry, Known
from gateway.store.correlation import Heard

log = logging.getLogger(__name__)

NAMES = {
    Listed.OPT_OUT: "opt_out",
    Listed.WRONG_NUMBER: "wrong_number",
    Listed.LEGAL_STOP: "legal_stop",
}
_ALSO = {"wrong_number": Listed.WRONG_NUMBER, "legal": Listed.LEGAL_STOP}
_WAITING = (MessageState.scheduled, MessageState.queued)

Confirm = Callable[[Heard], Awaitable[None]]
"""Tells a debtor, once, that there will be no more messages."""


class Hearing:
    """The lists, as debtors' replies change them."""

    def __init__(self, store: Store, confirm: Confirm) -> None:
        self._store = store
        self._confirm = confirm

    async def take(self, replies: Sequence[Heard], carrier: str) -> None:
        """Heed what these replies ask for. Raises StoreUnavailable: then all are to come again."""
        for heard in replies:
            meaning = classify(heard.text)
            if isinstance(meaning, (Stop, WrongNumber, LegalStop)):
                await self._stop(heard, meaning, carrier)
            elif isinstance(meaning, Start):
                await self._start(heard, meaning, carrier)

    async def _stop(
        self, heard: Heard, meaning: Stop | WrongNumber | LegalStop, carrier: str
    ) -> None:
        scope, lists, review = _asked(meaning)
        creditor = EVERYONE if scope == "all" else heard.creditor
        now = wall_ms()
        known = (await self._store.contacts.known(creditor, [heard.sender]))[0] or Known()
        confirm = Listed.OPT_OUT in lists and not known.confirmed_ms and not _private(lists)
        known.listed |= int(lists)
        known.entries += [
            Entry(now, NAMES[one], "reply", heard.text[:160], carrier, review) for one in lists
        ]
        if confirm:
            known.confirmed_ms = now
        await self._store.contacts.keep(creditor, {heard.sender: known})
        names = ", ".join(NAMES[one] for one in lists)
        log.info("stopped by a reply", extra={"to": heard.sender, "lists": names})
        await self._end_waiting(heard, NAMES[next(iter(lists))], now)
        if confirm:
            await self._confirm(heard)

    async def _end_waiting(self, heard: Heard, reason: str, now: int) -> None:
        """What waits for that number does not go; what is claimed already is asked about there."""
        cursor: str | None = None
        while True:
            page = await self._store.records.messages(
                heard.client, to=heard.sender, cursor=cursor, limit=500
            )
            waiting = [one.id for one in page.items if one.state in _WAITING]
            if waiting:
                await self._store.queue.cancel(heard.client, waiting, now, reason)
            cursor = page.next
            if cursor is None:
                return

    async def _start(self, heard: Heard, meaning: Start, carrier: str) -> None:
        """The channel is open again; a legal stop and a wrong number stay."""
        now = wall_ms()
        for creditor in (heard.creditor, EVERYONE):
            known = (await self._store.contacts.known(creditor, [heard.sender]))[0]
            if known is not None and known.listed & Listed.OPT_OUT:
                known.listed &= ~int(Listed.OPT_OUT)
                known.confirmed_ms = 0
                known.entries.append(Entry(now, "-opt_out", "reply", heard.text[:160], carrier))
                await self._store.contacts.keep(creditor, {heard.sender: known})


def _asked(meaning: Meaning) -> tuple[str, Listed, bool]:
    """For whom, which lists, and whether somebody should look at it."""
    match meaning:
        case Stop(scope, inferred, _, also):
            lists = Listed.OPT_OUT
            for name in also:
                lists |= _ALSO[name]
            return scope, lists, inferred
        case WrongNumber():
            return "creditor", Listed.WRONG_NUMBER, True
        case _:
            return "creditor", Listed.LEGAL_STOP, True


def _private(lists: Listed) -> bool:
    """To a wrong number nothing is confirmed, nor to one with a lawyer."""
    return bool(lists & (Listed.WRONG_NUMBER | Listed.LEGAL_STOP))
