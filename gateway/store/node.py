"""Who holds claims and binds: an incarnation of this process, with a lease; what dead ones leave.

An incarnation lives by renewing its lease. What it holds goes with it: claims, and the slots of its
accounts, one a bind that the carrier allows. No carrier checks who holds a slot, so time does: we
stop writing, unbind, and only then the lease ends (:data:`WRITE_MARGIN`); and the store does: one
that others have declared dead claims and commits nothing more.

A lock on a file in the state directory proves that an earlier incarnation of this very node is
dead, so that a restart need not wait for its lease to end. What is written in the file goes into
the lease, so that it proves nothing about a node of the same name with a folder of its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.errors import Fenced, StoreRefused, StoreUnavailable
from gateway.store import scripts
from gateway.store.redis import Redis

log = logging.getLogger(__name__)

LEASE_SECONDS = 18.0
"""Another node has our binds this long after our last renewal, and a connection's time later."""
LEASE_MS = int(LEASE_SECONDS * 1000)
RENEW_SECONDS = 2.0
WRITE_MARGIN = 4.0
"""Before a lease ends, this long, we stop writing to carriers and unbind. What is left outlives an
outage of the store of 10 seconds: 2 to the last renewal, and 2 to come back."""
STEADY_MS = 10_000
"""Only one that has lived so long without a gap declares others dead for their lease alone."""
LOOK_AGAIN_SECONDS = 0.5
"""The soonest renewal after the last."""


class Wish(NamedTuple):
    """What a node says of an account when it renews."""

    account: str
    binds: int
    """How many the carrier allows, over all nodes."""
    held: list[int]
    """The slots it goes on holding; one that it does not name is let go of."""
    out: str
    """Why it takes the carrier for out of service; empty: it is in service."""


class Holding(NamedTuple):
    """What a node then has of an account."""

    slots: list[int]
    give: int
    """How many of its slots are due to other nodes; below 0: how many of theirs are due to it."""
    others: int
    """Slots that other nodes hold."""
    others_out: int
    """Those of them whose holder takes the carrier for out of service."""


class Node:
    """This process as a consumer of lanes."""

    def __init__(self, redis: Redis, name: str, state_dir: Path) -> None:
        self._redis = redis
        self.name = name
        self.incarnation = f"{name}/{uuid.uuid4().hex[:12]}"
        self._lease = redis.keys("lease", self.incarnation)
        self._lock_file = state_dir / f"node-{name}.lock"
        self._lock: int | None = None
        self._folder = "1"
        """Of our lease: which lock file we hold."""
        self._renewed = float("-inf")
        self._renewals = 0
        """How many have been asked for: the store ignores one that comes after a later one."""
        self.renew_in = RENEW_SECONDS
        """Seconds from the last renewal to the next: sooner where another's lease ends before, or
        another owes us a bind."""
        self.found_dead = False
        """Did the last renewal declare others dead? What they had claimed is to be recovered."""

    def lock(self) -> None:
        """Take the node's lock; raises :class:`StoreRefused` when another process has it."""
        self._lock_file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._lock_file, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreRefused(
                f"another gateway runs as node {self.name!r} ({self._lock_file} is locked): stop "
                "it, or give this one its own [node] name and [redis] state_dir"
            ) from error
        self._folder = os.read(self._lock, 64).decode()
        if not self._folder:
            self._folder = uuid.uuid4().hex
            os.write(self._lock, self._folder.encode())

    def consumer(self, account: str, whole: bool = False) -> str:
        """The name under which the pump of ``account`` claims.

        One that submits long messages whole (message_payload) has a ``+`` behind it: whoever puts
        its claims in doubt must know that such a message has one fate.
        """
        return f"{self.incarnation}:{account}{'+' if whole else ''}"

    async def join(self) -> None:
        """Begin to live; raises StoreUnavailable, or StoreRefused for a living namesake."""
        await self._await_namesakes()
        # The lease first: whoever is among the nodes without one is dead.
        await self._redis.call("SET", self._lease, self._folder, "PX", LEASE_MS)
        await self._redis.call("SADD", self._redis.keys("nodes"), self.incarnation)
        await self.renew()

    async def _await_namesakes(self) -> None:
        """Wait for the lease of a node of our name elsewhere to end; one that is renewed lives."""
        names = await self._redis.call("SMEMBERS", self._redis.keys("nodes"))
        for name in (member.decode() for member in names):
            if name.rpartition("/")[0] != self.name:
                continue
            lease, left = self._redis.keys("lease", name), LEASE_MS
            while not self._is_ours(await self._redis.call("GET", lease)):
                before, left = left, int(await self._redis.call("PTTL", lease))
                if left > before:
                    raise StoreRefused(
                        f"another gateway runs as node {self.name!r} on this store: give each its "
                        "own [node] name"
                    )
                await asyncio.sleep(0.25)

    def _is_ours(self, lease: bytes | None) -> bool:
        """No lease, or one of an incarnation that had our lock file."""
        return lease is None or lease.split(b" ")[0] == self._folder.encode()

    async def renew(self, wishes: Sequence[Wish] = (), *, leaving: bool = False) -> list[Holding]:
        """Prolong the lease, and keep and take slots; one answer a wish.

        ``leaving`` takes none and no longer has a share. Raises :class:`StoreUnavailable`, or
        :class:`Fenced`.
        """
        asked = time.monotonic()
        self._renewals += 1
        known, *answer = await self._redis.run(
            scripts.RENEW,
            [
                self.incarnation, self._folder, LEASE_MS, STEADY_MS, leaving, list(wishes),
                self._renewals,
            ],
        )  # fmt: skip
        if not known:
            raise Fenced(f"{self.incarnation} has been declared dead: its lease had ended")
        if known < 0:
            raise StoreUnavailable("a later renewal came before this one")
        self._renewed = asked
        fenced, next_end, *holdings = answer
        self.found_dead = bool(fenced)
        found = [Holding(*holding) for holding in holdings]
        if any(holding.give < 0 for holding in found):
            self.renew_in = LOOK_AGAIN_SECONDS
        elif next_end >= 0:
            self.renew_in = min(RENEW_SECONDS, max(LOOK_AGAIN_SECONDS, next_end / 1000 + 0.01))
        else:
            self.renew_in = RENEW_SECONDS
        return found

    @property
    def joined(self) -> bool:
        """Has it had a lease?"""
        return self._renewed > float("-inf")

    def may_write(self, now: float) -> bool:
        """Is the lease sure to hold at monotonic ``now``? Asked before each write to a carrier."""
        return now - self._renewed < LEASE_SECONDS - WRITE_MARGIN

    async def fence_dead(self) -> set[str]:
        """Declare dead whoever's lease has ended, and earlier incarnations of this locked node.

        From then on they claim and commit nothing. Answers who is alive, ourselves included.
        """
        nodes = self._redis.keys("nodes")
        names = [member.decode() for member in await self._redis.call("SMEMBERS", nodes)]
        ours, *leases = await self._redis.pipeline(
            [("GET", self._redis.keys("lease", name)) for name in (self.incarnation, *names)]
        )
        steady = await self._steady(ours)
        alive = {
            name
            for name, lease in zip(names, leases, strict=True)
            if name == self.incarnation
            or (not self._is_ours(lease) if self._is_namesake(name) else lease or not steady)
        }
        if dead := [name for name in names if name not in alive]:
            log.info("declared dead", extra={"incarnations": dead})
            await self._redis.call("SREM", nodes, *dead)
        return alive | {self.incarnation}

    def _is_namesake(self, name: str) -> bool:
        return name.rpartition("/")[0] == self.name

    async def _steady(self, lease: bytes | None) -> bool:
        """Has this lease lasted for :data:`STEADY_MS` without a gap, by the store's clock?"""
        since = lease.split(b" ")[1:] if lease else []
        seconds, micros = map(int, await self._redis.call("TIME"))
        return bool(since) and seconds * 1000 + micros // 1000 - int(since[0]) >= STEADY_MS

    async def leave(self) -> None:
        """At the end of an orderly stop: nothing is claimed any more."""
        await self._redis.pipeline(
            [
                ("SREM", self._redis.keys("nodes"), self.incarnation),
                ("DEL", self._lease),
            ]
        )
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
