"""What to do with a submit that the carrier refused: try again, and when; or give up, and how.

The statuses are those of SMPP 3.4, 5.1.3. A refusal is the carrier's word that it did not take
the message, so trying again cannot send it twice. Three questions decide:

- Is it the account, not the message (too fast, queue full, bind lost)? Again, and the attempt
  does not count against the message.
- May the same message pass later? Again, each time after twice as long, a few times.
- Will it never pass? ``rejected`` where the message is at fault (its addresses, its text),
  ``failed`` where the settings of the account are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from aiosmpplib.state import SmppCommandStatus as Status

from gateway.message import MessageState


class Retry(msgspec.Struct, frozen=True, gc=False):
    """Send again after ``after_seconds``.

    ``slow_account``: the carrier says that the account is too fast. ``counted``: the attempt
    counts against the message; where it is not, the next :func:`judge` gets the same ``attempt``.
    """

    after_seconds: float
    slow_account: bool
    counted: bool


class Fail(msgspec.Struct, frozen=True, gc=False):
    """Give up: ``reason`` is ``rejected`` or ``failed``."""

    reason: MessageState


class Again(msgspec.Struct, frozen=True, gc=False):
    """A rule: the first wait, doubled each time up to the longest, for ``attempts`` in all.

    ``attempts`` 0: for as long as the message lives, always after the first wait, uncounted.
    """

    first_seconds: float
    longest_seconds: float = 0.0
    attempts: int = 0
    slow_account: bool = False


Rule = Again | Fail

THROTTLED: Final = Again(1.0, slow_account=True)
FULL: Final = Again(5.0, slow_account=True)
UNBOUND: Final = Again(5.0)
BUSY: Final = Again(5.0, longest_seconds=300.0, attempts=8)
"""5, 10, 20, 40, 80, 160 and 300 seconds: ten minutes of a carrier's trouble."""
UNCLEAR: Final = Again(10.0, longest_seconds=300.0, attempts=3)
"""Carriers say it of passing trouble and of final refusals alike."""
REJECTED: Final = Fail(MessageState.rejected)
FAILED: Final = Fail(MessageState.failed)

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
    Status.ESME_RINVSRCADR: REJECTED,
    Status.ESME_RINVDSTADR: REJECTED,
    Status.ESME_RINVNUMDESTS: REJECTED,
    Status.ESME_RINVDLNAME: REJECTED,
    Status.ESME_RINVDESTFLAG: REJECTED,
    Status.ESME_RCNTSUBDL: REJECTED,
    Status.ESME_RINVSRCTON: REJECTED,
    Status.ESME_RINVSRCNPI: REJECTED,
    Status.ESME_RINVDSTTON: REJECTED,
    Status.ESME_RINVDSTNPI: REJECTED,
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


def judge(command_status: int, attempt: int, rules: Mapping[int, Rule] = RULES) -> Retry | Fail:
    """What follows a submit answered with ``command_status``. Total.

    ``attempt`` is how many counted attempts the message has had, this one included, from 1.
    ``rules`` may be a carrier's own table over :data:`RULES`. A status of 0 in a generic_nack
    says nothing that can be acted on: ``failed``.
    """
    rule = rules.get(command_status, OTHERWISE)
    if isinstance(rule, Fail):
        return rule
    if not rule.attempts:
        return Retry(rule.first_seconds, rule.slow_account, False)
    if attempt >= rule.attempts:
        return FAILED
    doubled = rule.first_seconds * 2 ** max(0, attempt - 1)
    return Retry(min(doubled, rule.longest_seconds), rule.slow_account, True)
