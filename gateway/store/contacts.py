"""What is known of the owners of numbers, and when they have been contacted.

A :class:`Known` is kept for a creditor, or for all of them (:data:`EVERYONE`). The contacts of late
of a debtor are kept apart, for as long as a cap may ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.policy.caps import Contact as Touch
from gateway.policy.decide import Listed
from gateway.store import scripts
from gateway.store.keys import RECORD
from gateway.store.redis import Redis

EVERYONE = "*"
"""The creditor of what holds for all of them."""
OF_THE_NUMBER = "n"
"""What begins the name of a contact with a number, whoever its debtor is (admission.lua)."""
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
    hours: str = ""
    """The hours that its owner asked for, as a campaign keeps its own; empty: none."""


class Group(NamedTuple):
    """What a rule's caps ask (:class:`gateway.policy.caps.Thresholds`)."""

    limits: list[int]
    channels: list[str]
    two_way: bool
    other_channels_since: int
    reach_ms: int
    ages: Sequence[int] = ()


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
    by: str = ""
    """It leaves only lists on which this source alone has put it; empty: whichever has."""
    beside: str = ""
    """The creditor whose confirmation counts as this one's, too; empty: none's."""
    once: bool = False
    """With entries that are there already it changes nothing: it may be told again."""
    hours: str | None = None
    """Those that its owner asked for; empty: none any more."""


Admitted = int | tuple[Known | None, Known | None] | list[Touch] | Stopped
"""A number: it may go and is noted as a contact, and so many of late count. A list: the contacts of
late, which stand against it. Two values: what is known of the number, for its creditor and for all,
which has to be looked at first."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Known).decode


class Opened:
    """The calendars that may be claimed, and what the caps of each ask (None: nothing).

    Without calendars all may: contact rules are off.
    """

    def __init__(self, asked: Mapping[str, Group | None] | None = None) -> None:
        groups: list[Group] = []
        places: dict[str, int] = {}
        for name, group in (asked or {}).items():
            if group is not None:
                groups.append(group)
            places[name] = len(groups) if group is not None else 0
        self.calendars = msgspec.Raw(_encode(False if asked is None else places))
        self.groups = msgspec.Raw(_encode(groups))
        """Packed once for many claims, as claim.lua reads them."""


EVERY_CALENDAR = Opened()


class Contacts:
    """The numbers of one shard."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._keys = redis.keys

    async def admit(self, asked: Sequence[Asked], now_ms: int) -> list[Admitted]:
        """May these go, by the lists and caps? In one step: of two for one debtor, one may."""
        groups: list[Group] = []
        places: dict[int, int] = {}
        rows: list[str | int | bool] = []
        for one in asked:
            group = 0
            if one.group is not None:
                group = places.get(id(one.group), 0)
                if not group:
                    groups.append(one.group)
                    group = places[id(one.group)] = len(groups)
            rows += (
                one.id, one.to, one.creditor, one.debtor, group, one.looked, one.client,
                one.accepted_ms,
            )  # fmt: skip
        answers = await self._redis.run(scripts.ADMIT, [now_ms, groups, rows])
        return [admitted(answer) for answer in answers]

    async def learn(self, changes: Sequence[Change]) -> list[bool]:
        """Take in what is told of numbers, all of it in one step.

        Answers for each whether it is the first since the last that asked for nothing more to be
        confirmed; the first one told again is still the first.
        """
        rows = [
            [
                c.creditor, c.number, c.comes_on, c.leaves,
                False if c.zones is None else c.zones,
                False if c.region is None else c.region,
                c.entries, c.confirmed_ms, c.once, c.by, c.beside,
                False if c.hours is None else c.hours,
            ]
            for c in changes
        ]  # fmt: skip
        if not rows:
            return []
        return [
            answer == 1 for answer in await self._redis.run(scripts.LEARN, [KEPT_ENTRIES, rows])
        ]

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


def admitted(answer: Any) -> Admitted:
    """What ``admission.lua`` says of a message."""
    if isinstance(answer, int):
        return answer
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


def hours_asked(own: Known | None, common: Known | None) -> str:
    """The hours asked for: of the creditor, else of all of them."""
    return (own and own.hours) or (common and common.hours) or ""


def listed_of(own: Known | None, common: Known | None) -> Listed:
    """What the lists say: the creditor's, and those for all of them."""
    return Listed((own.listed if own else 0) | (common.listed if common else 0))
