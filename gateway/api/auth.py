"""Whose key it is, what it may do, and how often.

A bearer token is known by its SHA-256 alone, compared in constant time with every client's. A
token that was right is remembered, so that the next request costs one look in a dict, whose hash
is keyed anew in every process and tells nothing of the token by the time it takes.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256

from gateway.api.problems import Refusal, fault, later
from gateway.config import Client

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="recado"'}


class Rate:
    """At most ``rate`` requests a second, and a second's worth at once (GCRA); 0: no limit."""

    def __init__(self, rate: int) -> None:
        self._gap = 1.0 / rate if rate else 0.0
        self._free_at = 0.0

    def take(self, now: float) -> float:
        """0.0 when a request may go on at ``now`` (monotonic seconds), else how long to wait."""
        if not self._gap:
            return 0.0
        free_at = max(self._free_at, now - 1.0)
        if free_at + self._gap - now > 1e-9:
            return free_at + self._gap - now
        self._free_at = free_at + self._gap
        return 0.0


class Caller:
    """A client of the configuration, as the requests of this process know it."""

    def __init__(self, client: Client) -> None:
        self.name = client.name
        self.scopes = client.scopes
        self.rate = Rate(client.rate)
        self.digest = client.key_sha256.encode()


class Keyring:
    """The clients' keys."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._callers = [Caller(client) for client in clients]
        self._known: dict[str, Caller] = {}

    def admit(self, authorization: str | None, scope: str, now: float) -> Caller:
        """The caller of a request with this Authorization header; ``a|b`` is either scope.

        Raises CallerError: ``no-key`` (401), ``no-scope`` (403), ``rate-limited`` (429).
        """
        caller = self._known.get(authorization or "") or self._recognise(authorization)
        if scope not in caller.scopes and caller.scopes.isdisjoint(scope.split("|")):
            needed = scope.replace("|", "' or '")
            raise fault("no-scope", f"this call needs the scope '{needed}'")
        wait = caller.rate.take(now)
        if wait:
            raise later("rate-limited", f"free again in {wait:.2f} s", wait)
        return caller

    def _recognise(self, authorization: str | None) -> Caller:
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Refusal("no-key", "send 'Authorization: Bearer KEY'", headers=CHALLENGE)
        digest = sha256(token.encode("utf-8", "surrogateescape")).hexdigest().encode()
        found = [c for c in self._callers if hmac.compare_digest(digest, c.digest)]
        if not found:
            raise Refusal("no-key", "nobody has this key", headers=CHALLENGE)
        if authorization is not None and len(self._known) < 1024:
            self._known[authorization] = found[0]
        return found[0]
