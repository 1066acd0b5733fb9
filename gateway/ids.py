"""Message ids: time-ordered, or derived from what the caller calls the message.

An id is 24 hexadecimal digits: two of the shard, then 88 bits.
"""

from __future__ import annotations

import os
from hashlib import blake2b

_incarnation = int.from_bytes(os.urandom(4), "big") << 12
_sequence = int.from_bytes(os.urandom(4), "big")
_SHARDS = [f"{shard:02x}" for shard in range(0x100)]


def new_id(now_ms: int, shard: int = 0) -> str:
    """A fresh, time-ordered message id: shard, 44 bits of milliseconds, 44 that never repeat."""
    global _sequence
    _sequence = (_sequence + 1) & 0xFFFFFFFFFFF
    return f"{_SHARDS[shard]}{now_ms & 0xFFFFFFFFFFF:011x}{_sequence ^ _incarnation:011x}"


def derived_id(client: str, campaign: str, ref: str, shard: int = 0) -> str:
    """The id of (client, campaign, ref): the same job sent twice makes the same ids."""
    digest = blake2b(f"{client}\0{campaign}\0{ref}".encode(), digest_size=11)
    return _SHARDS[shard] + digest.hexdigest()
