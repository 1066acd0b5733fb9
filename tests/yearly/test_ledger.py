"""The ledger in memory answers as the store's script does."""

from __future__ import annotations

import random

from gateway.policy.caps import Contact
from gateway.store import Store
from gateway.store.contacts import Asked, Change, Contacts, Group, Known
from gateway.yearly.ledger import Ledger
from tests.redis_server import RedisServer

NOW = 1_800_000_000_000
HOUR = 3_600_000


def group(chance: random.Random, now: int) -> Group | None:
    """A rule's questions, as random as they come."""
    if chance.random() < 0.1:
        return None
    limits = []
    for _ in range(chance.randint(0, 3)):
        limits += [chance.randint(1, 3), now - chance.randrange(100 * HOUR)]
    channels = chance.sample(["sms", "email", "im"], chance.randint(1, 3))
    crossed = now - chance.randrange(50 * HOUR) if chance.random() < 0.3 else 0
    ages = [2, chance.randint(1, 60) * HOUR] if chance.random() < 0.3 else []
    reach = chance.randint(1, 90) * HOUR
    return Group(limits, channels, chance.random() < 0.2, crossed, reach, ages)


async def test_like_the_script(redis_server: RedisServer) -> None:
    store = Store(redis_server.url)
    await store.redis.call("FLUSHALL")
    await store.open()
    chance, ledger, script = random.Random(5), Ledger(), Contacts(store.redis)
    ledger.known["crm", "56981234560"] = Known(listed=1)
    await script.learn([Change("56981234560", "crm", comes_on=1)])
    now = NOW
    for step in range(400):
        now += chance.randrange(20 * HOUR)
        debtor = f"d{chance.randrange(4)}"
        if chance.random() < 0.3:
            touch = Contact(now, chance.choice(["email", "im", "call"]), chance.random() < 0.5)
            ledger.touch("crm", debtor, f"t{step}", touch)
            await script.touch("crm", debtor, [(f"t{step}", touch)], 90 * 24 * HOUR)
            continue
        number = f"5698123456{chance.randrange(3)}"
        id, looked = f"m{chance.randrange(60)}", chance.random() < 0.3
        asked = [Asked(id, number, "crm", debtor, group(chance, now), looked)]
        mine, theirs = await ledger.admit(asked, now), await script.admit(asked, now)
        assert mine == theirs, step
    await store.close()
