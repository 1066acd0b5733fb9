"""What is known of the owners of numbers, and when they have been contacted.

A :class:`Known` is kept for a creditor, or for all of them (:data:`EVERYONE`). The contacts of late
of a debtor are kept apart, for as long as a cap may ask for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.policy.caps import Contact as Touch
from gateway.policy.decide import Listed
from gateway.store import scripts
from gateway.store.keys import DAY_MS, RECORD, STOP_DAYS
from gateway.store.redis import Redis

EVERYONE = "*"
"""The creditor of what holds for all of them."""
KEPT_ENTRIES = 20
"""Of a number's history: the latest, and the latest of each kind."""
KEPT_TOUCHES_MS = 12 * 86_400_000
"""For how long contacts are kept at least, whichever rule is asked first."""


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One change of what is known of a number, with its evidence."""

    at_ms: int
    what: str
    """``opt_out, wrong_number, legal_stop, consent``, or one of them with ``-`` before it."""
    source: str
    """``api, reply, file``, or the caller's own word."""
    text: str = ""
    by: str = ""
    """The client's name, or the carrier a reply came over."""
    review: bool = False
    """Inferred from words that are not plain: somebody should look."""


class Known(msgspec.Struct, array_like=True):
    """What is known of a number's owner, for one creditor or for all."""

    listed: int = 0
    """:class:`gateway.policy.decide.Listed`, together."""
    zones: tuple[str, ...] = ()
    region: str = ""
    entries: list[Entry] = []
    confirmed_ms: int = 0
    """When the opt-out was confirmed to its owner; 0: it has not been."""


class Group(NamedTuple):
    """What a rule's caps ask at an instant (:func:`gateway.policy.caps.thresholds`)."""

    limits: list[int]
    channels: list[str]
    two_way: bool
    other_channels_since: int
    reach_ms: int


class Asked(NamedTuple):
    """A claimed message that wants to go."""

    id: str
    to: str
    creditor: str
    debtor: str
    """The debtor as the client names him, else the number."""
    group: Group | None
    """None: no caps."""
    looked: bool = False
    """What is known of the number has been taken into account."""
    client: str = ""
    """Whose message it is, where it names a debtor; else empty."""
    accepted_ms: int = 0

    @property
    def noted(self) -> str:
        """Under which name it is noted as a contact; empty: it is not."""
        return f"{self.creditor}:{self.debtor}" if self.group is not None else ""


class Stopped(NamedTuple):
    """A message's debtor has been stopped."""

    reason: str
    for_good: bool
    """Nothing may go to him ever again; else this message was accepted before the stop."""


class Change(NamedTuple):
    """What is told of a number's owner; None stays as it is."""

    number: str
    creditor: str
    """Or :data:`EVERYONE`."""
    comes_on: int = 0
    """The lists it comes on (:class:`gateway.policy.decide.Listed`)."""
    leaves: int = 0
    zones: tuple[str, ...] | None = None
    region: str | None = None
    entries: Sequence[Entry] = ()
    confirmed_ms: int = 0
    """When its opt-out is confirmed to it, if it has not been; -1: it has not been any more."""


Admitted = tuple[Known | None, Known | None] | list[Touch] | Stopped | None
"""None: it may go, and counts as a contact. A list: the contacts that stand against it. Two values:
what is known of the number, for its creditor and for all, which has to be looked at first."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Known).decode


class Contacts:
    """The numbers of one shard."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._keys = redis.keys

    async def admit(self, asked: Sequence[Asked], now_ms: int) -> list[Admitted]:
        """May these go, by the lists and caps? In one step: of two for one debtor, one may."""
        groups: list[Group] = []
        places: dict[int, int] = {}
        sections: dict[str, list[Any]] = {}
        order: dict[str, list[int]] = {}
        stops: dict[str, list[Any]] = {}
        for number, one in enumerate(asked):
            group = 0
            if one.group is not None:
                group = places.get(id(one.group), 0)
                if not group:
                    groups.append(one.group)
                    group = places[id(one.group)] = len(groups)
            sections.setdefault(one.creditor, []).extend(
                (one.id, one.to, one.debtor, group, one.looked)
            )
            order.setdefault(one.creditor, []).append(number)
            if one.client:
                stops.setdefault(one.client, []).extend(
                    (one.id, one.debtor, one.creditor, one.accepted_ms)
                )
        flat = [part for section in sections.items() for part in section]
        answers = await self._redis.run(scripts.ADMIT, [now_ms, groups, flat, stops])
        numbers = [number for creditor in sections for number in order[creditor]]
        found: list[Admitted] = [None] * len(asked)
        for number, answer in zip(numbers, answers, strict=True):
            found[number] = _admitted(answer)
        return found

    async def nothing(self, creditors: Iterable[str], clients: Iterable[str], now_ms: int) -> bool:
        """Is nothing known of any number for these creditors, nor any debtor of these stopped?"""
        span = now_ms // DAY_MS // STOP_DAYS
        keys = [self._keys("contact", creditor) for creditor in {EVERYONE, *creditors}]
        for client in clients:
            keys.append(self._keys("legal", client))
            keys += [self._keys("stops", client, str(at)) for at in (span - 1, span)]
        return not await self._redis.call("EXISTS", *keys)

    async def learn(self, changes: Sequence[Change]) -> list[bool]:
        """Take in what is told of numbers, all of it in one step.

        Answers for each whether it is the first since the last that asked for nothing more to be
        confirmed.
        """
        rows = [
            [
                c.creditor, c.number, c.comes_on, c.leaves,
                False if c.zones is None else c.zones,
                False if c.region is None else c.region,
                c.entries, c.confirmed_ms,
            ]
            for c in changes
        ]  # fmt: skip
        if not rows:
            return []
        return [
            answer == 1 for answer in await self._redis.run(scripts.LEARN, [KEPT_ENTRIES, rows])
        ]

    async def forget(self, creditor: str, number: str) -> bool:
        """Forget what is known of a number for a creditor; was there anything?"""
        return bool(await self._redis.call("HDEL", self._keys("contact", creditor), number))

    async def unnote(self, admitted: Iterable[Asked]) -> None:
        """These were admitted and reached no carrier: they are no contacts."""
        flat = [part for one in admitted for part in (one.noted, one.id)]
        if flat:
            await self._redis.run(scripts.UNNOTE, flat)

    async def touch(
        self, creditor: str, debtor: str, touches: Sequence[tuple[str, Touch]], keep_ms: int
    ) -> None:
        """Note contacts by others: (a name of each, so that it counts once, and the contact)."""
        rows = [[name, t.at, t.channel, t.two_way] for name, t in touches]
        await self._redis.run(scripts.TOUCH, [creditor, debtor, keep_ms, rows])

    async def touches(self, creditor: str, debtor: str) -> list[Touch]:
        """The contacts of late, oldest first."""
        text = await self._redis.call("GET", self._keys("cap", creditor, debtor))
        return _touches(text or b"")

    async def known(self, creditor: str, numbers: Sequence[str]) -> list[Known | None]:
        """What is known of numbers, for a creditor (or :data:`EVERYONE`) alone."""
        if not numbers:
            return []
        found = await self._redis.call("HMGET", self._keys("contact", creditor), *numbers)
        return [None if blob is None else _decode(blob) for blob in found]

    async def keep(self, creditor: str, known: Mapping[str, Known]) -> None:
        """Keep what is known of numbers; of one of whom nothing is known any more, nothing."""
        key = self._keys("contact", creditor)
        gone = [number for number, one in known.items() if one == Known()]
        flat: list[str | bytes] = []
        for number, one in known.items():
            if one != Known():
                one.entries = one.entries[-KEPT_ENTRIES:]
                flat += (number, _encode(one))
        commands: list[tuple[str | bytes | int, ...]] = []
        if flat:
            commands.append(("HSET", key, *flat))
        if gone:
            commands.append(("HDEL", key, *gone))
        await self._redis.pipeline(commands)


def _admitted(answer: Any) -> Admitted:
    if answer == 0:
        return None
    if isinstance(answer, bytes):
        return _touches(answer)
    own, common = answer
    if isinstance(common, int):
        return Stopped(own.decode(), common == 1)
    return (_decode(own) if own else None, _decode(common) if common else None)


def _touches(text: bytes) -> list[Touch]:
    found = []
    for entry in text.decode().split(RECORD) if text else ():
        at, _, *rest = entry.split(" ")
        channel = rest[0] if rest else "sms"
        found.append(Touch(int(at), channel, len(rest) > 1 and rest[1] == "1"))
    return found


def whereabouts(own: Known | None, common: Known | None) -> tuple[tuple[str, ...], str]:
    """Zones and region as they are stored: the creditor's, else those for all of them."""
    zones = (own and own.zones) or (common and common.zones) or ()
    return zones, (own and own.region) or (common and common.region) or ""


def listed_of(own: Known | None, common: Known | None) -> Listed:
    """What the lists say: the creditor's, and those for all of them."""
    return Listed((own.listed if own else 0) | (common.listed if common else 0))
