"""The longest prefix decides, then the sender."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.config import Route
from gateway.policy.route import Router, Routing, Split, carriers_of, route_name, takers


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


def with_campaigns(name: str, prefix: str, *campaigns: str, senders: tuple[str, ...] = ()) -> Route:
    return Route(
        name=name, prefixes=(prefix,), carriers=("andina",), campaigns=campaigns, senders=senders
    )


def test_a_route_for_campaigns_is_for_no_other() -> None:
    router = Router(
        [
            route("chile", "+56"),
            with_campaigns("otp", "+56", "otp"),
            with_campaigns("mora", "+569", "mora-*", "cierre"),
        ]
    )

    def of(campaign: str, to: str = "56912345678") -> str:
        found = router.route(to, "", campaign)
        assert found is not None
        return found.name

    assert of("") == of("otp-2") == of("mora") == "chile"
    assert of("otp") == "otp"
    assert of("mora-dia-3") == of("mora-") == of("cierre") == "mora"
    assert of("mora-dia-3", "56221234567") == "chile"


def test_of_one_prefix_the_campaign_goes_before_the_sender() -> None:
    router = Router(
        [
            route("sender", "+56", senders=("3450",)),
            with_campaigns("own", "+56", "mora", senders=("3451",)),
            with_campaigns("any", "+56", "otp"),
        ]
    )
    for campaign, sender, expected in [
        ("otp", "3450", "any"),
        ("mora", "3450", "sender"),
        ("mora", "3451", "own"),
        ("mora", "", "own"),
        ("mora", "9", "own"),
        ("", "9", "sender"),
    ]:
        found = router.route("56912345678", sender, campaign)
        assert found is not None
        assert (campaign, sender, found.name) == (campaign, sender, expected)


def weighted(*weights: int, names: tuple[str, ...] = ("a", "b", "c")) -> Route:
    return Route(
        name="chile", prefixes=("+56",), carriers=names, strategy="weighted", weights=weights
    )


@pytest.mark.parametrize(
    ("weights", "shares"),
    [((), (1 / 3,) * 3), ((7, 2, 1), (0.7, 0.2, 0.1)), ((1, 1, 98), (0.01, 0.01, 0.98))],
)
def test_a_split_keeps_its_weights(weights: tuple[int, ...], shares: tuple[float, ...]) -> None:
    split = Split(weighted(*weights))
    found = Counter(split.lane_route(f"569{n:08d}") for n in range(30_000))
    for name, share in zip("abc", shares, strict=True):
        assert found[f"chile>{name}"] / 30_000 == pytest.approx(share, abs=0.01)


def test_a_recipient_stays_with_one_carrier() -> None:
    one, two = Split(weighted(5, 3, 2)), Split(weighted(5, 3, 2))
    assert all(one.lane_route(to) == two.lane_route(to) for to in map(str, range(1000)))


FAILOVER = Route(name="chile", prefixes=("+56",), carriers=("a", "b", "c"))


@pytest.mark.parametrize(
    ("lane_route", "order"),
    [
        ("chile", "abc"),
        ("chile/a", "bc"),
        ("chile/a/c", "b"),
        ("chile>b", "bac"),
        ("chile>b/b", "ac"),
        ("chile>gone", "abc"),
        ("chile/a/b/c", ""),
    ],
)
def test_who_may_have_what_is_on_a_lane(lane_route: str, order: str) -> None:
    assert carriers_of(FAILOVER, lane_route) == list(order)
    assert route_name(lane_route) == "chile"


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ({}, "a"),
        ({"a": "unbound"}, "b"),
        ({"a": "errors", "b": "paused"}, "c"),
        ({"a": "unbound", "b": "errors", "c": "throttled"}, "c"),
        ({"a": "errors", "b": "errors", "c": "unbound"}, "a"),
        ({"a": "unbound", "b": "unbound", "c": "paused"}, "abc"),
    ],
)
def test_who_takes(out: dict[str, str], expected: str) -> None:
    assert list(takers("abc", out)) == list(expected)


def test_each_carrier_knows_its_lanes() -> None:
    out: dict[str, str] = {}
    peru = Route(name="peru", prefixes=("+51",), carriers=("b", "a"), strategy="weighted")
    routing = Routing([FAILOVER, peru], lambda: out)
    assert routing.lanes("a") == ["chile", "peru>a"]
    assert routing.lanes("b") == ["peru>b"]
    assert routing.lanes("c") == []
    routing.seen({"chile/a", "@a", "old"})
    assert routing.lanes("b") == ["peru>b", "chile/a"]
    assert routing.lanes("a") == ["chile", "peru>a"]
    out["a"] = "unbound"
    assert routing.lanes("a") == ["chile", "peru>a"]  # nobody has said so
    routing.changed()
    assert routing.lanes("a") == []
    assert routing.lanes("b") == ["chile", "peru>b", "peru>a", "chile/a"]


def test_what_waits_for_carriers_that_are_gone_goes_to_one_that_is_there() -> None:
    """It has refused the message once, and will again: then it ends, and is not moved."""
    routing = Routing([Route(name="chile", prefixes=("+56",), carriers=("a",))], dict)
    routing.seen(["chile/a", "chile>b", "old/a"])
    assert routing.lanes("a") == ["chile", "chile/a", "chile>b"]
    assert routing.elsewhere("chile/a", "a") == ""


def test_a_refused_message_goes_where_somebody_is() -> None:
    out = {"b": "unbound"}
    routing = Routing([FAILOVER], lambda: out)
    assert routing.elsewhere("chile", "a") == "chile/a"
    assert routing.lanes("c") == ["chile/a"]
    assert routing.elsewhere("chile/a", "c") == ""
    out["b"] = "throttled"
    assert routing.elsewhere("chile/a", "c") == "chile/a/c"
    assert routing.elsewhere("chile/a/c", "b") == ""
    assert routing.elsewhere("gone", "a") == ""
