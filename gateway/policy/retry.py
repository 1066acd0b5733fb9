"""What to do with a submit that the carrier refused: try again, and when; elsewhere; or give up.

The statuses are those of SMPP 3.4, 5.1.3. A refusal is the carrier's word that it did not take
the message, so trying again cannot send it twice, neither here nor at another carrier. Four
questions decide:

- Is it the account, not the message (too fast, queue full, bind lost)? Again, and the attempt
  does not count against the message. When it lasts, the whole carrier is out of service
  (:mod:`gateway.policy.health`).
- May the same message pass later? Again, each time after twice as long, a few times; then
  elsewhere.
- May it pass at another carrier (the sender is not registered here, our settings here are wrong)?
  To the route's next carrier, and if there is none, ``rejected`` or ``failed``.
- Will it pass nowhere (its recipient, its text)? ``rejected``.

A carrier's own table (``statuses``) goes before: for vendors' statuses, and where a carrier means
something of its own by a standard one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from aiosmpplib.state import SmppCommandStatus as Status

from gateway.refusal import (
    BUSY,
    FAILED,
    FULL,
    NOT_HERE,
    REJECTED,
    THROTTLED,
    UNBOUND,
    UNCLEAR,
    Again,
    Fail,
    Failover,
    Rule,
    rule,
    status,
)


class Retry(msgspec.Struct, frozen=True, gc=False):
    """Send again after ``after_seconds``.

    ``slow_account``: the carrier says that the account is too fast. ``counted``: the attempt
    counts against the message; where it is not, the next :func:`judge` gets the same ``attempt``.
    """

    after_seconds: float
    slow_account: bool
    counted: bool


RULES: Final[Mapping[int, Rule]] = {
    # the account, not the message
    Status.ESME_RTHROTTLED: THROTTLED,
    Status.ESME_RMSGQFUL: FULL,
    Status.ESME_RINVBNDSTS: UNBOUND,
    Status.ESME_RALYBND: UNBOUND,
    Status.ESME_RBINDFAIL: UNBOUND,
    Status.ESME_RINVPASWD: UNBOUND,
    Status.ESME_RINVSYSID: UNBOUND,
    # it may pass
    Status.ESME_RSYSERR: BUSY,
    Status.ESME_RX_T_APPN: BUSY,
    0x0102: BUSY,  # ESME_RSERTYPUNAVAIL (SMPP 5.0): an outage of the service
    Status.ESME_RSUBMITFAIL: UNCLEAR,
    Status.ESME_RUNKNOWNERR: UNCLEAR,
    # the message
    Status.ESME_RINVMSGLEN: REJECTED,
    Status.ESME_RINVSRCADR: NOT_HERE,
    Status.ESME_RINVDSTADR: REJECTED,
    Status.ESME_RINVNUMDESTS: REJECTED,
    Status.ESME_RINVDLNAME: REJECTED,
    Status.ESME_RINVDESTFLAG: REJECTED,
    Status.ESME_RCNTSUBDL: REJECTED,
    Status.ESME_RINVSRCTON: NOT_HERE,
    Status.ESME_RINVSRCNPI: NOT_HERE,
    Status.ESME_RINVDSTTON: NOT_HERE,
    Status.ESME_RINVDSTNPI: NOT_HERE,
    Status.ESME_RX_P_APPN: REJECTED,
    Status.ESME_RX_R_APPN: REJECTED,
    Status.ESME_RDELIVERYFAILURE: REJECTED,
    # our settings, or an operation that is no submit
    Status.ESME_RINVCMDLEN: FAILED,
    Status.ESME_RINVCMDID: FAILED,
    Status.ESME_RINVPRTFLG: FAILED,
    Status.ESME_RINVREGDLVFLG: FAILED,
    Status.ESME_RINVMSGID: FAILED,
    Status.ESME_RCANCELFAIL: FAILED,
    Status.ESME_RREPLACEFAIL: FAILED,
    Status.ESME_RINVSERTYP: FAILED,
    Status.ESME_RINVSUBREP: FAILED,
    Status.ESME_RINVESMCLASS: FAILED,
    Status.ESME_RINVSYSTYP: FAILED,
    Status.ESME_RINVREPFLAG: FAILED,
    Status.ESME_RINVNUMMSGS: FAILED,
    Status.ESME_RINVSCHED: FAILED,
    Status.ESME_RINVEXPIRY: FAILED,
    Status.ESME_RINVDFTMSGID: FAILED,
    Status.ESME_RQUERYFAIL: FAILED,
    Status.ESME_RINVOPTPARSTREAM: FAILED,
    Status.ESME_ROPTPARNOTALLWD: FAILED,
    Status.ESME_RINVPARLEN: FAILED,
    Status.ESME_RMISSINGOPTPARAM: FAILED,
    Status.ESME_RINVOPTPARAMVAL: FAILED,
}

OTHERWISE: Final[Rule] = FAILED
"""For statuses of the vendor (0x0400 to 0x04FF) and reserved ones: only the carrier's own table
knows which of them pass, and a refusal tried again without knowing costs rate for nothing."""


def rules_of(table: Iterable[tuple[str, str]]) -> Mapping[int, Rule]:
    """The rules of a carrier with a table of its own."""
    own = {status(key): rule(words) for key, words in table}
    return {**RULES, **own} if own else RULES


def judge(
    command_status: int, attempt: int, rules: Mapping[int, Rule] = RULES
) -> Retry | Failover | Fail:
    """What follows a submit answered with ``command_status``. Total.

    ``attempt`` is how many counted attempts the message has had at this carrier, this one included,
    from 1. ``rules`` may be a carrier's own table over :data:`RULES`. A status of 0 in a
    generic_nack says nothing that can be acted on: it is taken for an unknown one.
    """
    rule = rules.get(command_status, OTHERWISE)
    if not isinstance(rule, Again):
        return rule
    if not rule.attempts:
        return Retry(rule.first_seconds, rule.slow_account, False)
    if attempt >= rule.attempts:
        return FAILED
    doubled = rule.first_seconds * 2.0 ** min(max(0, attempt - 1), 32)
    return Retry(min(doubled, rule.longest_seconds), rule.slow_account, True)


def troubles(rules: Mapping[int, Rule]) -> tuple[frozenset[int], frozenset[int]]:
    """The statuses that say "too fast", and those that are the message's own fault.

    What is in neither (and is not 0) tells of the carrier's health.
    """
    slow = {s for s, rule in rules.items() if isinstance(rule, Again) and rule.slow_account}
    own = {s for s, rule in rules.items() if rule == REJECTED}
    return frozenset(slow), frozenset(own)
