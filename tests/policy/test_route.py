"""The longest prefix decides, then the sender."""

from __future__ import annotations

from gateway.config import Route
from gateway.policy.route import Router


def route(name: str, *prefixes: str, senders: tuple[str, ...] = ()) -> Route:
    return Route(name=name, prefixes=prefixes, carriers=("andina",), senders=senders)


def named(router: Router, to: str, sender: str = "") -> str | None:
    found = router.route(to, sender)
    return found.name if found else None


def test_the_longest_prefix_decides() -> None:
    """``+569`` takes a mobile number from ``+56``, and leaves it the rest."""
    router = Router([route("chile", "+56"), route("mobile", "+569", "+549")])
    assert named(router, "56912345678") == "mobile"
    assert named(router, "56223456789") == "chile"
    assert named(router, "5491123456789") == "mobile"


def test_no_prefix_fits() -> None:
    """A number of another country has no route."""
    router = Router([route("chile", "+56")])
    assert named(router, "51987654321") is None
    assert named(Router([]), "51987654321") is None


def test_a_bare_plus_takes_every_number() -> None:
    """The prefix ``+`` is the last resort."""
    router = Router([route("all", "+"), route("chile", "+56")])
    assert named(router, "51987654321") == "all"
    assert named(router, "56912345678") == "chile"


def test_a_number_shorter_than_a_prefix() -> None:
    """A prefix longer than the number does not fit it."""
    assert named(Router([route("odd", "+5691234567890")]), "5691234567") is None


def test_then_the_sender() -> None:
    """Of one prefix: who names the sender, else who takes any, else the first."""
    first = route("first", "+56", senders=("3450",))
    second = route("second", "+56", senders=("3451",))
    router = Router([first, second, route("any", "+56")])
    assert named(router, "56912345678", "3451") == "second"
    assert named(router, "56912345678", "9999") == "any"
    assert named(router, "56912345678") == "first"
    assert named(Router([first, second]), "56912345678", "9999") == "first"


def test_a_longer_prefix_wins_over_the_sender() -> None:
    """A shorter prefix that names the sender does not take the number."""
    router = Router(
        [route("chile", "+56", senders=("3450",)), route("mobile", "+569", senders=("1",))]
    )
    assert named(router, "56912345678", "3450") == "mobile"
