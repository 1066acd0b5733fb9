"""Nodes on one store: who lives, and who holds which bind of an account."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from gateway.carrier.slots import UNBIND_SECONDS
from gateway.errors import Fenced, StoreUnavailable
from gateway.store import Store, scripts
from gateway.store.node import (
    LEASE_SECONDS,
    LOOK_AGAIN_SECONDS,
    RENEW_SECONDS,
    STEADY_MS,
    Holding,
    Node,
    Wish,
)


async def joined(store: Store, folder: Path, name: str) -> Node:
    node = Node(store.redis, name, folder / name)
    node.lock()
    await node.join()
    return node


async def renew(node: Node, binds: int, held: list[int], out: str = "") -> Holding:
    (holding,) = await node.renew([Wish("andina", binds, held, out)])
    return holding


async def expire(store: Store, node: Node) -> None:
    """The node's leases have ended a moment ago."""
    key = store.redis.keys("slots", "andina")
    flat = await store.redis.call("HGETALL", key)
    for field, value in zip(flat[::2], flat[1::2], strict=True):
        if field == b"@" + node.incarnation.encode():
            await store.redis.call("HSET", key, field, 1000)
        elif value.startswith(node.incarnation.encode() + b"\x1f"):
            parts = value.split(b"\x1f")
            await store.redis.call("HSET", key, field, b"\x1f".join([parts[0], b"1000", parts[2]]))
    await store.redis.call("DEL", store.redis.keys("lease", node.incarnation))


async def steady(store: Store, node: Node) -> None:
    """The node has lived long enough to declare others dead."""
    since = int(time.time() * 1000) - STEADY_MS
    key = store.redis.keys("lease", node.incarnation)
    folder = (await store.redis.call("GET", key)).split(b" ")[0].decode()
    await store.redis.call("SET", key, f"{folder} {since}", "KEEPTTL")


async def test_one_node_holds_all(store: Store, tmp_path: Path) -> None:
    node = await joined(store, tmp_path, "n1")
    assert await renew(node, 3, []) == Holding([0, 1, 2], 0, 0, 0)
    assert await renew(node, 3, [0, 1, 2]) == Holding([0, 1, 2], 0, 0, 0)


@pytest.mark.parametrize(
    ("binds", "nodes", "shares"),
    [
        (4, 2, [2, 2]),
        (3, 2, [2, 1]),
        (1, 2, [1, 0]),
        (2, 3, [1, 1, 0]),
        (5, 3, [2, 2, 1]),
        (64, 5, [13, 13, 13, 13, 12]),
    ],
)
async def test_nodes_share_evenly(
    store: Store, tmp_path: Path, binds: int, nodes: int, shares: list[int]
) -> None:
    """They come one after another, and each hands over what is due to those that came later."""
    held: dict[Node, list[int]] = {}
    for number in range(nodes):
        held[await joined(store, tmp_path, f"n{number}")] = []
        for _ in range(4):
            for node in held:
                found = await renew(node, binds, held[node])
                held[node] = found.slots[max(0, found.give) :]
                taken = [slot for slots in held.values() for slot in slots]
                assert len(taken) == len(set(taken))
    assert sorted(map(len, held.values()), reverse=True) == shares
    assert sum(map(len, held.values())) == binds
    first = next(iter(held))
    before = held[first]
    assert await renew(first, binds, before) == Holding(before, 0, binds - len(before), 0)


async def test_whatever_comes_and_goes_no_bind_is_held_twice(store: Store, tmp_path: Path) -> None:
    chance, held, number = random.Random(5), dict[Node, list[int]](), 0
    for _ in range(300):
        if len(held) < 2 or (len(held) < 5 and chance.random() < 0.1):
            number += 1
            held[await joined(store, tmp_path, f"n{number}")] = []
        node = chance.choice(list(held))
        what = chance.random()
        if what < 0.05:
            await node.renew([Wish("andina", 6, [], "")], leaving=True)
            await node.leave()
            del held[node]
        elif what < 0.1:  # dies, and its lease ends
            await expire(store, node)
            del held[node]
        else:
            if chance.random() < 0.3:
                await steady(store, node)
            found = await renew(node, 6, held[node])
            assert set(found.slots) >= set(held[node])
            held[node] = found.slots[max(0, found.give) :] if chance.random() < 0.7 else found.slots
        taken = [slot for slots in held.values() for slot in slots]
        assert len(taken) == len(set(taken))
        assert all(slot < 6 for slot in taken)
    for _ in range(4):
        for node in held:
            await steady(store, node)
            found = await renew(node, 6, held[node])
            held[node] = found.slots[max(0, found.give) :]
    sizes = sorted(map(len, held.values()))
    assert sum(sizes) == 6
    assert sizes[-1] - sizes[0] <= 1


async def test_a_dead_nodes_binds_are_taken_and_it_can_do_nothing_more(
    store: Store, tmp_path: Path
) -> None:
    dead, other = await joined(store, tmp_path, "n1"), await joined(store, tmp_path, "n2")
    await renew(dead, 2, [])
    assert await renew(other, 2, []) == Holding([], -1, 2, 0)
    assert other.renew_in == LOOK_AGAIN_SECONDS
    await steady(store, other)
    await expire(store, dead)
    assert await renew(other, 2, []) == Holding([0, 1], 0, 0, 0)
    assert other.found_dead
    with pytest.raises(Fenced):
        await renew(dead, 2, [0, 1])
    store.queue.incarnation = dead.incarnation
    assert await store.queue.claim(["chile"], dead.consumer("andina"), 10, 0, 1) == []
    await renew(other, 2, [0, 1])
    assert not other.found_dead


async def test_a_renewal_that_comes_late_lets_go_of_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It timed out before the node had its binds, and the store carries it out after the renewal
    that brought them: no other node gets a bind that this one lives on."""
    one, two = await joined(store, tmp_path, "n1"), await joined(store, tmp_path, "n2")
    late: list[object] = []
    with monkeypatch.context() as patch:

        async def lost(script: object, argument: object, *more: bytes) -> object:
            late.append(argument)
            raise StoreUnavailable("no answer in 3 s")

        patch.setattr(store.redis, "run", lost)
        with pytest.raises(StoreUnavailable):
            await renew(one, 2, [])
    assert await renew(one, 2, []) == Holding([0, 1], 0, 0, 0)
    await store.redis.run(scripts.RENEW, late[0])
    assert await renew(two, 2, []) == Holding([], -1, 2, 0)
    assert await renew(one, 2, [0, 1]) == Holding([0, 1], 1, 0, 0)


async def test_after_an_outage_of_the_store_nobody_is_declared_dead(
    store: Store, tmp_path: Path
) -> None:
    """Every lease has ended: whoever comes back first waits for the others."""
    nodes = [await joined(store, tmp_path, name) for name in ("n1", "n2")]
    one, two = nodes
    await renew(one, 2, [])
    held = await renew(one, 2, [1])
    assert (await renew(two, 2, [])).slots == [0]
    for node in nodes:
        await steady(store, node)
        await expire(store, node)
    assert await renew(two, 2, [0]) == Holding([0], -1, 1, 0)
    assert not two.found_dead
    assert await two.fence_dead() == {one.incarnation, two.incarnation}
    assert (await renew(one, 2, held.slots)).slots == [1]
    await expire(store, one)
    await steady(store, two)
    assert await two.fence_dead() == {two.incarnation}


async def test_the_binds_of_an_earlier_incarnation_are_free_at_once(
    store: Store, tmp_path: Path
) -> None:
    old = await joined(store, tmp_path, "n1")
    await renew(old, 2, [])
    new = Node(store.redis, "n1", tmp_path / "n1")
    new._folder = old._folder  # the lock went with the process that died
    await new.join()
    assert (await renew(new, 2, [])).slots == []
    await new.fence_dead()
    assert (await renew(new, 2, [])).slots == [0, 1]


async def test_a_stopping_node_has_no_share(store: Store, tmp_path: Path) -> None:
    one, two = await joined(store, tmp_path, "n1"), await joined(store, tmp_path, "n2")
    await renew(one, 2, [])
    (left,) = await one.renew([Wish("andina", 2, [], "")], leaving=True)
    assert left == Holding([], 0, 0, 0)
    assert (await renew(two, 2, [])).slots == [0, 1]


async def test_what_a_holder_says_of_the_carrier_is_heard(store: Store, tmp_path: Path) -> None:
    one, two = await joined(store, tmp_path, "n1"), await joined(store, tmp_path, "n2")
    await renew(one, 2, [])
    await renew(one, 2, [0], "unbound")
    assert await renew(two, 2, []) == Holding([1], 0, 1, 1)
    assert await renew(one, 2, [0]) == Holding([0], 0, 1, 0)
    assert await renew(two, 2, [1], "throttled") == Holding([1], 0, 1, 0)


async def test_a_store_that_forgot_gives_the_same_binds_again(store: Store, tmp_path: Path) -> None:
    node = await joined(store, tmp_path, "n1")
    await renew(node, 4, [])
    await store.redis.call("DEL", store.redis.keys("slots", "andina"))
    assert (await renew(node, 4, [2, 3])).slots == [2, 3, 0, 1]


async def test_writing_stops_before_the_lease_ends(store: Store, tmp_path: Path) -> None:
    """Early enough to unbind, and late enough for an outage of the store of 10 seconds."""
    before = time.monotonic()
    node = await joined(store, tmp_path, "n1")
    assert node.may_write(before + RENEW_SECONDS + 10 + 2 - 0.1)
    assert not node.may_write(time.monotonic() + LEASE_SECONDS - UNBIND_SECONDS)
