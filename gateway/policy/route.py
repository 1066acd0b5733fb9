"""Which route a message takes, and which of its carriers.

The longest prefix decides, then campaign and sender. What a message is to do at a route is written
in the route's part of its lane's name: ``chile``; ``chile>andina``, that it is andina's share of a
weighted split; ``chile/andina``, that andina has refused it and others shall have it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:  # the configuration reads files and names the host: not for a pure folder
    from gateway.config import Route

SOFT = ("throttled", "errors")
"""Out of service, but something passes: better than a carrier without a bind."""


class Router:
    """The routes of the configuration, ready to be asked for every message."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = list(routes)
        self._general = _Prefixes([route for route in self._routes if not route.campaigns])
        self._by_campaign: dict[str, _Prefixes] = {"": self._general}
        self._all_general = all(not route.campaigns for route in self._routes)

    def route(self, to: str, sender: str = "", campaign: str = "") -> Route | None:
        """The route of ``to`` (digits without ``+``), or None.

        Routes for other campaigns (by name) do not count. Among routes with the same longest
        prefix: one for this campaign before one for any; then one that names the sender, else one
        that takes any sender, else the first. So the route found may not take this sender; a
        shorter prefix never does instead, because it leads to other carriers than the number asks
        for.
        """
        if self._all_general:
            return self._general.route(to, sender)
        found = self._by_campaign.get(campaign)
        if found is None:
            if len(self._by_campaign) > 10_000:
                self._by_campaign = {"": self._general}
            found = self._by_campaign[campaign] = _Prefixes(
                [r for r in self._routes if not r.campaigns or _names(r.campaigns, campaign)]
            )
        return found.route(to, sender)


def _names(patterns: Sequence[str], campaign: str) -> bool:
    """Is the campaign one of these? A pattern may end in ``*``."""
    return any(
        campaign.startswith(pattern[:-1]) if pattern.endswith("*") else campaign == pattern
        for pattern in patterns
    )


class _Prefixes:
    """Routes by prefix."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_prefix: dict[str, list[Route]] = {}
        for route in sorted(routes, key=lambda route: not route.campaigns):
            for prefix in route.prefixes:
                self._by_prefix.setdefault(prefix.removeprefix("+"), []).append(route)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)

    def route(self, to: str, sender: str) -> Route | None:
        for length in self._lengths:
            found = self._by_prefix.get(to[:length])
            if found is not None and len(to) >= length:
                return found[0] if len(found) == 1 else _for_sender(found, sender)
        return None


def _for_sender(routes: list[Route], sender: str) -> Route:
    """Those for this campaign stand first; one of them decides before the others are asked."""
    own = [route for route in routes if route.campaigns] or routes
    for among in (own, routes):
        if sender:
            for route in among:
                if sender in route.senders:
                    return route
            for route in among:
                if not route.senders:
                    return route
    return own[0]


class Split:
    """Divides recipients between the carriers of a weighted route, each always to the same."""

    def __init__(self, route: Route) -> None:
        self._name = route.name
        self._carriers = route.carriers
        self._upto = list(accumulate(route.weights or (1,) * len(route.carriers)))

    def lane_route(self, to: str) -> str:
        """The lane's route of a new message to ``to`` (digits)."""
        place = crc32(to.encode()) % self._upto[-1]
        return f"{self._name}>{self._carriers[bisect_right(self._upto, place)]}"


def route_name(lane_route: str) -> str:
    """The route in the configuration that a lane's route is of."""
    return lane_route.split("/", 1)[0].split(">", 1)[0]


def carriers_of(route: Route, lane_route: str) -> list[str]:
    """The carriers that may have what is on such a lane, first choice first."""
    where, *tried = lane_route.split("/")
    share = where.partition(">")[2]
    first = [share] if share in route.carriers else []
    order = first + [name for name in route.carriers if name != share]
    return [name for name in order if name not in tried]


def without(lane_route: str, carrier: str) -> str:
    """The lane's route of a message that ``carrier`` has refused, too."""
    return f"{lane_route}/{carrier}"


def takers(order: Sequence[str], out: Mapping[str, str]) -> Sequence[str]:
    """Which of these carriers take now: ``out`` says of each why it is out of service, if it is.

    The first that is in service; else the first of which something still passes; else all, so that
    whoever comes back first goes on.
    """
    for why in ("", *SOFT):
        for name in order:
            if out.get(name, "") == why:
                return (name,)
    return order


class Routing:
    """Which lanes each carrier drains now. ``out`` tells why a carrier is out of service."""

    def __init__(self, routes: Iterable[Route], out: Callable[[], Mapping[str, str]]) -> None:
        self._routes = {route.name: route for route in routes}
        self._out = out
        self._known: dict[str, None] = {}
        """Lanes' routes: those that new messages take, and those that have been seen."""
        for route in self._routes.values():
            weighted = route.strategy == "weighted" and len(route.carriers) > 1
            for name in route.carriers if weighted else ("",):
                self._known[f"{route.name}>{name}" if name else route.name] = None
        self._lanes: dict[str, list[str]] = {}

    def changed(self) -> None:
        """Ask again who is out of service."""
        self._lanes = {}

    def seen(self, lane_routes: Iterable[str]) -> None:
        """There are lanes of these."""
        for lane_route in lane_routes:
            if lane_route not in self._known and route_name(lane_route) in self._routes:
                self._known[lane_route] = None
                self._lanes = {}

    def lanes(self, carrier: str) -> list[str]:
        """The lanes' routes that this carrier drains now."""
        found = self._lanes.get(carrier)
        if found is None:
            out = self._out()
            found = self._lanes[carrier] = [
                lane_route
                for lane_route in self._known
                if carrier in takers(self._order(lane_route) or self._rest(lane_route), out)
            ]
        return found

    def elsewhere(self, lane_route: str, carrier: str) -> str:
        """The lane's route of a message that ``carrier`` refuses; empty: nobody else is there."""
        rest = without(lane_route, carrier)
        out = self._out()
        if all(out.get(name, "") not in ("", *SOFT) for name in self._order(rest)):
            return ""
        self.seen([rest])
        return rest

    def _order(self, lane_route: str) -> list[str]:
        route = self._routes.get(route_name(lane_route))
        return carriers_of(route, lane_route) if route else []

    def _rest(self, lane_route: str) -> list[str]:
        """Of a lane all of whose carriers have gone from the configuration: those that are there
        have refused what is on it, and refuse it again; so it has an end."""
        return self._order(route_name(lane_route))
