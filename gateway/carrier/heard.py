"""What debtors' replies change: who asks for no more messages gets none, from the next moment on.

A reply is answered to its carrier only after this, and stays among those that nobody has heeded
until it is done, so that one that asks to stop is not lost with a crash. To take a reply twice
changes nothing. What is understood from a phrase rather than said by a keyword counts at once, too,
and is marked for somebody to look at.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from gateway.clock import wall_ms
from gateway.policy.decide import Listed, refused
from gateway.policy.optout import LegalStop, Meaning, Start, Stop, WrongNumber, classify
from gateway.policy.packed import lists
from gateway.store import Store
from gateway.store.contacts import EVERYONE, Change, Entry
from gateway.store.correlation import Heard

log = logging.getLogger(__name__)

_ALSO = {"wrong_number": Listed.WRONG_NUMBER, "legal": Listed.LEGAL_STOP}

Confirm = Callable[[Heard], Awaitable[None]]
"""Tells a debtor, once, that there will be no more messages."""


class Hearing:
    """The lists, as debtors' replies change them."""

    def __init__(self, store: Store, confirm: Confirm) -> None:
        self._store = store
        self._confirm = confirm
        self._under_way: set[str] = set()

    async def take(self, replies: Sequence[Heard]) -> None:
        """Heed what these replies ask for. Raises StoreUnavailable: then all are to come again."""
        places = {heard.place for heard in replies}
        self._under_way |= places
        try:
            for heard in replies:
                await self._heed(heard)
            await self._store.correlation.heeded(replies)
        finally:
            self._under_way -= places

    async def again(self) -> None:
        """Heed what was stored and not heeded: its process died, or the store went away."""
        left = await self._store.correlation.unheeded()
        await self.take([heard for heard in left if heard.place not in self._under_way])

    async def _heed(self, heard: Heard) -> None:
        meaning = classify(heard.text)
        if isinstance(meaning, (Stop, WrongNumber, LegalStop)):
            await self._stop(heard, meaning)
        elif isinstance(meaning, Start):
            await self._start(heard, meaning)

    async def _stop(self, heard: Heard, meaning: Stop | WrongNumber | LegalStop) -> None:
        """Where nobody knows for whom its sender was written to, it holds for everyone."""
        scope, asked, review = _asked(meaning)
        creditor = EVERYONE if scope == "all" or not heard.creditor else heard.creditor
        number, now = heard.sender, wall_ms()
        names = lists(int(asked))
        entries = [_entry(heard, name, review) for name in names]
        confirms = heard.at_ms if Listed.OPT_OUT in asked and not _private(asked) else 0
        change = Change(
            number,
            creditor,
            int(asked),
            entries=entries,
            confirmed_ms=confirms,
            beside=heard.creditor if creditor == EVERYONE else EVERYONE,
            once=True,
        )
        (first,) = await self._store.contacts.learn([change])
        (known,) = await self._store.contacts.known(creditor, [number])
        if known is None or not known.listed & asked:
            return  # taken before, and he has asked for messages again since
        log.info("stopped by a reply", extra={"to": number, "lists": ", ".join(names)})
        ends = refused(now, None, asked, None)
        assert ends is not None
        of = "" if creditor == EVERYONE else creditor
        await self._store.waiting.block({(of, number): ends.reason}, now)
        if first:
            await self._confirm(heard)

    async def _start(self, heard: Heard, meaning: Start) -> None:
        """The channel is open again; a legal stop and a wrong number stay, and so does what
        somebody else than a debtor has set for everyone."""
        for creditor in filter(None, (heard.creditor, EVERYONE)):
            known = (await self._store.contacts.known(creditor, [heard.sender]))[0]
            if known is None:
                continue
            listed = known.listed & Listed.OPT_OUT
            if listed or known.confirmed_ms:
                change = Change(
                    heard.sender,
                    creditor,
                    leaves=listed,
                    entries=[_entry(heard, "-opt_out")] if listed else (),
                    confirmed_ms=-1,
                    by="reply" if creditor == EVERYONE else "",
                    once=bool(listed),
                )
                await self._store.contacts.learn([change])


def _entry(heard: Heard, what: str, review: bool = False) -> Entry:
    """The evidence that a reply is."""
    return Entry(heard.at_ms, what, "reply", heard.text[:160], heard.carrier, review)


def _asked(meaning: Meaning) -> tuple[str, Listed, bool]:
    """For whom, which lists, and whether somebody should look at it."""
    match meaning:
        case Stop(scope, inferred, _, also):
            asked = Listed.OPT_OUT
            for name in also:
                asked |= _ALSO[name]
            return scope, asked, inferred
        case WrongNumber():
            return "creditor", Listed.WRONG_NUMBER, True
        case _:
            return "creditor", Listed.LEGAL_STOP, True


def _private(asked: Listed) -> bool:
    """To a wrong number nothing is confirmed, nor to one with a lawyer."""
    return bool(asked & (Listed.WRONG_NUMBER | Listed.LEGAL_STOP))
