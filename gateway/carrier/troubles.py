"""What keeps us from an SMSC, from its name to its answer to the bind, in words.

TLS has its own in :mod:`gateway.tls.troubles`. Of each trouble the likeliest cause comes first.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final

from gateway.config import Carrier
from gateway.tls.troubles import Ours, Trouble, of_error

TLS_RECORDS: Final = (b"\x14\x03", b"\x15\x03", b"\x16\x03", b"\x17\x03")
"""How TLS records begin: their type, then the major version (RFC 8446, 5.1)."""
TLS_WANTED: Final = "the port speaks TLS: set tls = true"


def place_of(carrier: Carrier) -> str:
    """``smpp.example:2775``."""
    return f"{carrier.host}:{carrier.port}"


def ours_of(carrier: Carrier) -> Ours:
    """What we bring to a TLS handshake."""
    return Ours(
        place_of(carrier), carrier.verified_name, carrier.tls_ca_file, carrier.tls_cert_file
    )


def of_name(carrier: Carrier, error: OSError | UnicodeError) -> Trouble:
    """The host name could not be resolved."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Trouble(
            f"the name {carrier.host} cannot be looked up now",
            (
                "no name server answers: see /etc/resolv.conf, and whether this machine has a "
                "network",
                "use the address as host, and the name as tls_server_name",
            ),
        )
    said = getattr(error, "strerror", None) or str(error)
    return Trouble(
        f"the name {carrier.host} is not found ({said})",
        (
            "host is mistyped",
            "the name is known only in the carrier's network or VPN: ask for its address",
        ),
    )


def of_socket(carrier: Carrier, error: OSError) -> Trouble:
    """The TCP connection could not be made."""
    at = place_of(carrier)
    match error.errno:
        case errno.ECONNREFUSED:
            return Trouble(
                f"{at} refuses the connection",
                (
                    "port is wrong: ask the carrier which, for SMPP and for TLS",
                    "the carrier's SMSC is down",
                    "a firewall refuses the address that we come from",
                ),
            )
        case errno.EHOSTUNREACH | errno.ENETUNREACH:
            return Trouble(
                f"there is no route to {at}",
                (
                    "the VPN or the link to the carrier is down: ip route get shows the way",
                    "host is an address of another network, or IPv6 and this machine has none",
                ),
            )
        case errno.EACCES | errno.EPERM:
            return Trouble(
                f"this machine does not let us connect to {at}",
                ("its own firewall forbids it: nft list ruleset, iptables -L OUTPUT",),
            )
        case errno.ETIMEDOUT:
            return unreached(carrier)
    return Trouble(f"cannot connect to {at} ({error.strerror or error})", ())


def unreached(carrier: Carrier) -> Trouble:
    """No answer at all to the attempts to connect."""
    return Trouble(
        f"no answer from {place_of(carrier)} in {carrier.connect_seconds:g} s",
        (
            "a firewall drops it, here or there: the carrier must allow the address we come from",
            "host or port is wrong",
            "the VPN or the link to the carrier is down",
        ),
    )


def of_link(carrier: Carrier, error: Exception | None) -> Trouble:
    """The connection ended before the bind had an answer."""
    if isinstance(error, ssl.SSLError):
        return of_error(error, ours_of(carrier))
    tls = (
        "it wants a client certificate: tls_cert_file, tls_key_file"
        if carrier.tls and not carrier.tls_cert_file
        else "it does not accept our certificate: tls_cert_file"
        if carrier.tls
        else TLS_WANTED
    )
    said = f" ({error})" if error is not None and str(error) else ""
    return Trouble(
        f"the carrier closed the connection without an answer to the bind{said}",
        (
            "the address we come from is not on its list: tell the carrier which it is",
            tls,
            "it closes for a wrong system_id or password instead of saying so",
            "all binds of the account are in use, and it closes instead of saying so",
        ),
    )


def of_silence(carrier: Carrier, seconds: float) -> Trouble:
    """Connected, and the bind has no answer."""
    todo = (
        "the SMSC is overloaded or half up: ask the carrier",
        "the port is not for SMPP: ask for the right one",
    )
    return Trouble(
        f"no answer to the bind in {seconds:g} s",
        todo if carrier.tls else (TLS_WANTED + ", if the carrier has TLS there", *todo),
    )


def of_octets(carrier: Carrier, octets: bytes) -> Trouble | None:
    """The first octets of the carrier, where they are not SMPP; None if they may be."""
    if octets[:2] in TLS_RECORDS and not carrier.tls:
        return Trouble(
            f"{place_of(carrier)} speaks TLS, and tls = false",
            (
                "set tls = true",
                "ask the carrier for its port without TLS, where the way is private",
            ),
        )
    if octets[:1].isalpha() and octets[:4].isascii():
        return Trouble(
            f"what answers at {place_of(carrier)} is not SMPP (it says {octets[:16]!r})",
            ("port is wrong: ask the carrier which", "a proxy or another service answers there"),
        )
    return None
