"""Who holds claims: an incarnation of this process, with a lease; and what dead ones leave.

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
from pathlib import Path

from gateway.errors import Fenced, StoreRefused
from gateway.store.redis import Redis

log = logging.getLogger(__name__)

LEASE_SECONDS = 20.0
LEASE_MS = int(LEASE_SECONDS * 1000)
RENEW_SECONDS = 3.0
WRITE_MARGIN = 5.0
"""Before a lease ends, this long, we stop writing to carriers."""


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
        self._renewed = 0.0

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
            while await self._redis.call("GET", lease) not in (None, self._folder.encode()):
                before, left = left, int(await self._redis.call("PTTL", lease))
                if left > before:
                    raise StoreRefused(
                        f"another gateway runs as node {self.name!r} on this store: give each its "
                        "own [node] name"
                    )
                await asyncio.sleep(0.25)

    async def renew(self) -> None:
        """Prolong the lease; raises :class:`StoreUnavailable`, or :class:`Fenced`."""
        asked = time.monotonic()
        known, _ = await self._redis.pipeline(
            [
                ("SISMEMBER", self._redis.keys("nodes"), self.incarnation),
                ("SET", self._lease, self._folder, "PX", LEASE_MS),
            ]
        )
        if not known:
            raise Fenced(f"{self.incarnation} has been declared dead: its lease had ended")
        self._renewed = asked

    def may_write(self, now: float) -> bool:
        """Is the lease sure to hold at monotonic ``now``? Asked before each write to a carrier."""
        return now - self._renewed < LEASE_SECONDS - WRITE_MARGIN

    async def fence_dead(self) -> set[str]:
        """Declare dead whoever's lease has ended, and earlier incarnations of this locked node.

        From then on no commit of theirs is taken. Answers who is alive, ourselves included.
        """
        nodes = self._redis.keys("nodes")
        names = [member.decode() for member in await self._redis.call("SMEMBERS", nodes)]
        leases = await self._redis.pipeline(
            [("GET", self._redis.keys("lease", name)) for name in names]
        )
        ours = self._folder.encode()
        alive = {
            name
            for name, lease in zip(names, leases, strict=True)
            if name == self.incarnation
            or (lease is not None and (name.rpartition("/")[0] != self.name or lease != ours))
        }
        if dead := [name for name in names if name not in alive]:
            log.info("declared dead", extra={"incarnations": dead})
            await self._redis.call("SREM", nodes, *dead)
        return alive | {self.incarnation}

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
