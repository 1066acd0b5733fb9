"""From a carrier's name to a connection: resolve, connect, TLS, each with its own words.

One step after the other, so that an error says which it was: where asyncio does all three at
once, a port that is silent and one that speaks no TLS look the same.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeAlias

from gateway.carrier import troubles
from gateway.config import Carrier
from gateway.errors import CannotConnect
from gateway.tls import troubles as tls_troubles
from gateway.tls.files import context

Address: TypeAlias = tuple[int, int, int, Any]
"""Family, kind, protocol and address, as getaddrinfo gives them."""

VERDICT_SECONDS = 1.0
"""After a handshake we wait as long as it took, and no longer than this, before we speak. A server
of TLS 1.3 that refuses our certificate says so only then (RFC 8446, 4.4.2.4); had we written
already, its close would be a reset, and its words lost with it."""


async def connect(carrier: Carrier, protocol: Callable[[], asyncio.Protocol]) -> None:
    """Connect ``protocol`` to the carrier within ``connect_seconds``. Raises CannotConnect."""
    deadline = asyncio.get_running_loop().time() + carrier.connect_seconds
    # The files are read anew each time: what replaces them counts from the next bind on.
    tls = await asyncio.to_thread(tls_of, carrier) if carrier.tls else None
    sock = await _connected(carrier, await _resolved(carrier, deadline), deadline)
    await _speaking(carrier, sock, protocol, tls, deadline)


def tls_of(carrier: Carrier) -> ssl.SSLContext:
    """The carrier's TLS. Raises TlsFileError."""
    return context(carrier.tls_ca_file, carrier.tls_cert_file, carrier.tls_key_file)


async def _resolved(carrier: Carrier, deadline: float) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(deadline):
            found = await loop.getaddrinfo(carrier.host, carrier.port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        late = socket.gaierror(socket.EAI_AGAIN, "no answer")
        raise CannotConnect(str(troubles.of_name(carrier, late))) from error
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that no name may have
        raise CannotConnect(str(troubles.of_name(carrier, error))) from error
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]


async def _connected(carrier: Carrier, addresses: list[Address], deadline: float) -> socket.socket:
    """A socket to the first address that answers, each with its share of the time."""
    loop = asyncio.get_running_loop()
    last = OSError(errno.ETIMEDOUT, "no answer")
    for tried, (family, kind, protocol, address) in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - tried)
        with ExitStack() as until_connected:
            try:
                sock = until_connected.enter_context(socket.socket(family, kind, protocol))
                sock.setblocking(False)
                async with asyncio.timeout(share):
                    await loop.sock_connect(sock, address)
            except OSError as error:  # TimeoutError is one
                last = error if error.errno else last
            else:
                until_connected.pop_all()
                return sock
    raise CannotConnect(str(troubles.of_socket(carrier, last))) from last


async def _speaking(
    carrier: Carrier,
    sock: socket.socket,
    protocol: Callable[[], asyncio.Protocol],
    tls: ssl.SSLContext | None,
    deadline: float,
) -> None:
    loop = asyncio.get_running_loop()
    ours = troubles.ours_of(carrier)
    name = carrier.verified_name if tls else None
    limit = carrier.connect_seconds + 1 if tls else None  # asyncio has its own, of 60 s
    began = loop.time()
    try:
        async with asyncio.timeout_at(deadline):
            await loop.create_connection(
                protocol, sock=sock, ssl=tls, server_hostname=name, ssl_handshake_timeout=limit
            )
        if tls:  # a refusal of our certificate in TLS 1.3 comes after the handshake: see below
            await asyncio.sleep(min(loop.time() - began, VERDICT_SECONDS))
    except ssl.SSLError as error:
        raise CannotConnect(str(tls_troubles.of_error(error, ours))) from error
    except TimeoutError as error:
        late = tls_troubles.silence(ours, carrier.connect_seconds)
        raise CannotConnect(str(late)) from error
    except ValueError as error:  # a name that cannot be one: it begins with a dot, say
        wrong = f"tls_server_name or host {carrier.verified_name!r} is no name: {error}"
        raise CannotConnect(wrong) from error
    except OSError as error:
        raise CannotConnect(str(tls_troubles.closed(ours))) from error
