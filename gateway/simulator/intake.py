"""Submits in: decided, recorded, answered, and what follows from them put on the calendar.

This is the carrier's hot path: one call a read, whatever number of submits the read held.
"""

from __future__ import annotations

from random import Random
from struct import Struct
from typing import Protocol

from gateway.simulator.account import Account, Delivery, Receiver
from gateway.simulator.answers import NO_ANSWER, TAKEN, Answers
from gateway.simulator.calendar import Calendar
from gateway.simulator.chance import Draw, wait
from gateway.simulator.numbering import in_response
from gateway.simulator.parts import Content, content, message_reference
from gateway.simulator.receipts import Plan, Taken
from gateway.simulator.record import Record
from gateway.simulator.replies import letters, reply_to
from gateway.simulator.script import Script
from gateway.smpp.pdu import Command, Status, SubmitSm

_head = Struct(">IIII").pack
_RESPONSE = int(Command.SUBMIT_SM_RESP)

UCS2 = 0x08
ADDRESS = 20
"""Octets of an address without its NUL (4.4.1): a longer one could not be written in a receipt."""
QUOTED = 20
"""Octets of the text that a receipt quotes (appendix B)."""


class Source(Receiver, Protocol):
    """The bind that submits come from."""

    account: Account
    rate: int
    """Segments a second its account may send; 0: any."""
    unanswered: int
    """Submits whose response is on the calendar."""
    condemned: bool
    """Its link is about to be cut: what it takes now, it does not answer."""

    def queue(self, octets: bytes, received: float) -> None:
        """Write a response with the next flush."""

    def respond_late(self, octets: bytes, received: float, now: float) -> None:
        """Write a response that was on the calendar with the next flush."""


def sequence(seed: int, purpose: str) -> Draw:
    """A sequence of draws: always the same one for a seed other than 0 and a purpose."""
    return Random(f"{seed}:{purpose}" if seed else None).random


class Intake:
    """Takes submits under one script; ``first`` is the first message id's number."""

    def __init__(self, script: Script, record: Record, first: int, started: float) -> None:
        self.record = record
        self.responses: Calendar[tuple[Source, bytes, float]] = Calendar()
        self.deliveries: Calendar[tuple[Account, Delivery]] = Calendar()
        self._number = first
        self._started = started
        self._delays = sequence(script.seed, "delays")
        self._fates = sequence(script.seed, "receipts")
        self._debtors = sequence(script.seed, "replies")
        self._answers = Answers(script, sequence(script.seed, "answers"))
        self._script = script
        self.follow(script)

    def follow(self, script: Script) -> None:
        """Go on under a changed script."""
        self._script = script
        self._answers.follow(script)
        self._plan = Plan(script.receipts)
        self._id = in_response(script.ids)
        self._replying = bool(script.replies.share or any(rule.reply for rule in script.numbers))
        self._limited = bool(script.rate or any(a.rate for a in script.accounts) or script.window)

    def take(self, bind: Source, submits: list[SubmitSm], now: float, wall: int) -> None:
        """All submits of one read. Their responses are queued on the bind or the calendar."""
        account = bind.account
        self.record.arrived(now, len(submits))
        account.arrivals.add(now, len(submits))
        waiting = bind.unanswered
        delay = self._script.delay_ms
        for submit in submits:
            waiting += 1
            status = self._decide(account, bind, submit, waiting, now)
            part = content(submit)
            self.record.add(now, account.system_id, submit, part, status)
            answered = now + wait(delay, self._delays) if delay else now
            identity = b""
            if status in TAKEN:
                number = self._number
                self._number = number + 1
                identity = self._id(number).encode("latin-1") + b"\0"
                self._keep(bind, submit, part, number, answered, wall)
            if status != NO_ANSWER:
                octets = _head(16 + len(identity), _RESPONSE, status, submit.sequence_number)
                self._answer(bind, octets + identity, now, answered)
        account.most_unanswered = max(account.most_unanswered, waiting)

    def _decide(
        self, account: Account, bind: Source, submit: SubmitSm, waiting: int, now: float
    ) -> int:
        if bind.condemned:
            return NO_ANSWER
        if len(submit.source_addr) > ADDRESS:
            return int(Status.ESME_RINVSRCADR)
        if len(submit.destination_addr) > ADDRESS:
            return int(Status.ESME_RINVDSTADR)
        if not self._limited:
            elapsed = now - self._started
            return self._answers.decide(submit.destination_addr, elapsed, True, True)
        script = self._script
        rate = bind.rate
        room = not rate or script.over_rate == "record" or account.admitted.at(now) < rate
        window = script.window
        inside = not window or script.over_window == "record" or waiting <= window
        elapsed = now - self._started
        status = self._answers.decide(submit.destination_addr, elapsed, room, inside)
        if status in TAKEN:
            account.admitted.add(now, 1)
        return status

    def _answer(self, bind: Source, octets: bytes, now: float, due: float) -> None:
        if due <= now:
            bind.queue(octets, now)
        else:
            bind.unanswered += 1
            self.responses.put(due, (bind, octets, now))

    def _keep(
        self, bind: Source, submit: SubmitSm, part: Content, number: int, answered: float, wall: int
    ) -> None:
        """Remember a taken segment; its receipts and its reply are planned now."""
        quoted = b"" if submit.data_coding == UCS2 else part.text[:QUOTED]
        taken = Taken(
            number,
            submit.source_addr,
            submit.source_addr_ton,
            submit.source_addr_npi,
            submit.destination_addr,
            submit.dest_addr_ton,
            submit.dest_addr_npi,
            message_reference(submit) if submit.tlvs else b"",
            quoted,
            wall,
        )
        bind.account.taken.append(taken)
        rules = self._answers.rules
        rule = self._answers.rule_for(taken.recipient) if rules else None
        if submit.registered_delivery or self._script.receipts.unasked:
            word = (rule.outcome if rule else "") or self._plan.word(self._fates)
            if self._plan.asked(submit.registered_delivery, word):
                self._plan_receipts(bind, taken, word, answered)
        if self._replying and part.part == 1:
            answer = reply_to(self._script.replies, rule, answered, self._debtors)
            if answer is not None:
                self.reply(bind.account, taken, answer[1], answer[0], bind)

    def _plan_receipts(self, bind: Source, taken: Taken, word: str, answered: float) -> None:
        for due in self._plan.of(word, answered, self._fates):
            delivery = Delivery(bind, taken, due.word, due.other_bind)
            if due.early:
                bind.account.waiting.append(delivery)
            else:
                self.deliveries.put(due.at, (bind.account, delivery))

    def reply(
        self, account: Account, taken: Taken, text: str, at: float, home: Source | None = None
    ) -> None:
        """A debtor's text, due at ``at``."""
        for letter in letters(taken, text):
            self.deliveries.put(at, (account, Delivery(home, pdu=letter)))

    def storm(self, accounts: list[Account], count: int) -> int:
        """``count`` receipts at once, one a message, for the messages taken last; their number."""
        sent = 0
        for account in accounts:
            newest = list(account.taken)[-(count - sent) :] if count > sent else []
            for taken in newest:
                word = self._plan.word(self._fates)
                account.waiting.append(Delivery(None, taken, word))
            sent += len(newest)
        return sent
