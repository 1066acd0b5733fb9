"""What a submit is answered: decided here from the script, the facts and a draw; nothing is sent.

An answer is a command_status, or :data:`NO_ANSWER`. The order of reasons is the order of
:meth:`Answers.decide`: a silent carrier is silent to all, limits come before the rules for
numbers, and those before the shares.
"""

from __future__ import annotations

import re

from gateway.simulator.chance import Draw, Shares, happens
from gateway.simulator.script import NumberRule, Script
from gateway.simulator.words import OK, status_code

NO_ANSWER = -1
"""The submit is taken, and its response is never written."""

TAKEN = frozenset({OK, NO_ANSWER})
"""The answers after which the message is on its way."""


class Rule:
    """A :class:`NumberRule`, compiled, and how often each number has met it."""

    def __init__(self, rule: NumberRule) -> None:
        self.rule = rule
        self.answer = NO_ANSWER if rule.silent else status_code(rule.status)
        self._found = re.compile(rule.to).search
        self._met: dict[str, int] = {}

    def fits(self, recipient: str) -> bool:
        """Whether the rule is about this recipient, however often it has held."""
        return self._found(recipient) is not None

    def holds(self, recipient: str) -> bool:
        """Whether the rule decides this submit. Counts it."""
        if not self.fits(recipient):
            return False
        if not self.rule.times:
            return True
        met = self._met.get(recipient, 0)
        self._met[recipient] = met + 1
        return met < self.rule.times


class Answers:
    """Decides submit by submit; of the past it remembers counts alone."""

    def __init__(self, script: Script, draw: Draw) -> None:
        self._draw = draw
        self._asked = 0
        self.rules: list[Rule] = []
        self.follow(script)

    def follow(self, script: Script) -> None:
        """Go on under a changed script. Rules that stay keep their counts."""
        self._script = script
        self._shares = Shares({status_code(w): s for w, s in script.statuses.items()}, OK)
        self._over_rate = status_code(script.rate_status)
        self._over_window = status_code(script.window_status)
        kept = {rule.rule: rule for rule in self.rules}
        self.rules = [kept.get(rule) or Rule(rule) for rule in script.numbers]
        self.plain = not (self.rules or script.statuses or _ever_silent(script))

    def decide(self, recipient: str, elapsed: float, admitted: bool, in_window: bool) -> int:
        """The command_status for a submit, or NO_ANSWER.

        ``elapsed`` is seconds since the carrier started; ``admitted`` and ``in_window`` say
        whether the account's rate and the bind's window let it through.
        """
        self._asked += 1
        if self.plain and admitted and in_window:
            return OK
        if self._silent(elapsed):
            return NO_ANSWER
        if not in_window:
            return self._over_window
        if not admitted:
            return self._over_rate
        for rule in self.rules:
            if rule.holds(recipient):
                return rule.answer
        return self._shares.pick(self._draw)

    def rule_for(self, recipient: str) -> NumberRule | None:
        """The rule that names a recipient, for its receipt and its reply."""
        for rule in self.rules:
            if rule.fits(recipient):
                return rule.rule
        return None

    def _silent(self, elapsed: float) -> bool:
        script = self._script
        since = self._asked - script.silence_after if script.silence_after else 0
        begin, length = script.silence_period_s
        return (
            script.silence
            or (since > 0 and (not script.silence_count or since <= script.silence_count))
            or begin <= elapsed < begin + length
            or happens(script.silence_share, self._draw)
        )


def _ever_silent(script: Script) -> bool:
    return bool(
        script.silence or script.silence_share or script.silence_after or script.silence_period_s[1]
    )
