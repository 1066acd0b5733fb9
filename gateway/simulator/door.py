"""Who may bind: system_ids and passwords, refusals, the number of binds."""

from __future__ import annotations

from gateway.simulator.account import Account
from gateway.simulator.script import Script
from gateway.simulator.words import OK, status_code
from gateway.smpp.pdu import Bind, Status


class Door:
    """Keeps the accounts, and counts whom it let in."""

    def __init__(self, script: Script) -> None:
        self.accounts: dict[str, Account] = {}
        self.accepted = self.refused = 0
        self._turned_away = 0
        self._script = script

    def follow(self, script: Script) -> None:
        """Go on under a changed script; a changed ``refuse_binds`` counts from now."""
        if script.refuse_binds != self._script.refuse_binds:
            self._turned_away = 0
        self._script = script

    def ask(self, request: Bind) -> int:
        """The status of the bind's response. Counts it."""
        status = self._decide(request)
        if status == OK:
            self.accepted += 1
        else:
            self.refused += 1
        return status

    def _decide(self, request: Bind) -> int:
        script = self._script
        known = {account.system_id: account for account in script.accounts}
        if known and request.system_id not in known:
            return int(Status.ESME_RINVSYSID)
        if known and request.password != known[request.system_id].password:
            return int(Status.ESME_RINVPASWD)
        if not script.accept_binds:
            return status_code(script.refuse_status)
        if self._turned_away < script.refuse_binds:
            self._turned_away += 1
            return status_code(script.refuse_status)
        binds = len(self.account(request.system_id).binds)
        if script.max_binds and binds >= script.max_binds:
            return int(Status.ESME_RALYBND)
        return OK

    def account(self, system_id: str) -> Account:
        """The account of a system_id, made when it is first seen."""
        if system_id not in self.accounts:
            self.accounts[system_id] = Account(system_id, self._script.record.taken)
        return self.accounts[system_id]

    def rate(self, system_id: str) -> int:
        """Segments a second for a system_id; 0: no limit."""
        for account in self._script.accounts:
            if account.system_id == system_id and account.rate is not None:
                return account.rate
        return self._script.rate
