"""Which route a message takes: the longest prefix of its number decides, then the sender."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the configuration reads files and names the host: not for a pure folder
    from gateway.config import Route


class Router:
    """The routes of the configuration, ready to be asked for every message."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_prefix: dict[str, list[Route]] = {}
        for route in routes:
            for prefix in route.prefixes:
                self._by_prefix.setdefault(prefix.removeprefix("+"), []).append(route)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)

    def route(self, to: str, sender: str = "") -> Route | None:
        """The route of ``to`` (digits without ``+``), or None.

        Among routes with the same longest prefix: one that names the sender, else one that takes
        any sender, else the first. So the route found may not take this sender; a shorter prefix
        never does instead, because it leads to other carriers than the number asks for.
        """
        for length in self._lengths:
            found = self._by_prefix.get(to[:length])
            if found is not None and len(to) >= length:
                return found[0] if len(found) == 1 else _for_sender(found, sender)
        return None


def _for_sender(routes: list[Route], sender: str) -> Route:
    if sender:
        for route in routes:
            if sender in route.senders:
                return route
        for route in routes:
            if not route.senders:
                return route
    return routes[0]
