"""What went wrong in TLS with a carrier: in words, with what to do next.

OpenSSL says it in codes of verification (X509_V_ERR_...) and in reasons, of which those with
ALERT in them are the other side's words (RFC 8446, 6).
"""

from __future__ import annotations

import ssl
from typing import NamedTuple

LOOK = "openssl s_client -connect {at} -servername {name} -showcerts shows what it presents"


class Trouble(NamedTuple):
    """What is wrong, and what to do: the likeliest first."""

    what: str
    todo: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what}: {'; or '.join(self.todo)}" if self.todo else self.what


class Ours(NamedTuple):
    """What we brought: where we connected, the name we verify, and our files (empty: none)."""

    at: str
    name: str
    ca_file: str = ""
    cert_file: str = ""


_UNKNOWN_AUTHORITY = (
    "the carrier's certificate is of an authority that we do not trust",
    (
        "ask the carrier for its authority's certificate (PEM), and name the file with tls_ca_file",
        "the carrier does not send the certificates between its own and its authority's: put them "
        "into that file too",
    ),
)
_SELF_SIGNED = (
    "the carrier's certificate is self-signed",
    (
        "ask the carrier for it over another way, compare its fingerprint, and name the file with "
        "tls_ca_file",
        "this is not the carrier but somebody in between",
    ),
)
_BY_CODE: dict[int, tuple[str, tuple[str, ...]]] = {
    9: (
        "the carrier's certificate is not valid yet",
        ("look at this machine's clock", "the carrier must put another certificate there"),
    ),
    10: (
        "the carrier's certificate has expired",
        (
            "the carrier must renew it: tell them",
            "look at this machine's clock",
            "it is their authority's that has expired: ask for the new one for tls_ca_file",
        ),
    ),
    18: _SELF_SIGNED,
    19: _UNKNOWN_AUTHORITY,
    2: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    23: ("the carrier's certificate is revoked", ("the carrier must renew it: tell them",)),
    26: (
        "the carrier's certificate is not made for a server",
        ("the carrier must put another certificate there",),
    ),
    62: (
        "the carrier's certificate is not for the name {name}",
        (
            "set tls_server_name to a name that is in it, if the carrier confirms that name ("
            + LOOK
            + ")",
            "host is wrong, and another server answers there",
        ),
    ),
    64: (
        "the carrier's certificate is not for the address {name}",
        (
            "set tls_server_name to the name that is in it, if the carrier confirms that name ("
            + LOOK
            + ")",
            "host is wrong, and another server answers there",
        ),
    ),
    66: (
        "the carrier's certificate has a key that is too short",
        ("the carrier must put another certificate there",),
    ),
    68: (
        "the carrier's certificate is signed with a digest that is too weak",
        ("the carrier must put another certificate there",),
    ),
}
"""X509_V_ERR_...: openssl's x509_vfy.h."""

_NOT_TLS = (
    "what answers on this port is not TLS",
    (
        "ask the carrier for its TLS port",
        "tls = false, if it has none and the way there is private: password and texts travel open",
    ),
)
_VERSIONS = (
    "the carrier and we have no version of TLS in common",
    ("we speak 1.2 and 1.3 alone: the carrier must offer one of them",),
)
_OUR_CERTIFICATE = (
    "the carrier does not accept our certificate",
    (
        "send the carrier the certificate in tls_cert_file, or its authority's",
        "put the certificates between ours and its authority's into tls_cert_file, after ours",
        "the account has another certificate: ask which",
    ),
)
_NO_CERTIFICATE = (
    "the carrier wants a client certificate, and none is set",
    ("set tls_cert_file and tls_key_file to those that the carrier knows",),
)
_EXPIRED = (
    "the carrier says that our certificate has expired",
    ("renew the one in tls_cert_file: openssl x509 -noout -dates -in CERTIFICATE shows its dates",),
)
_REVOKED = ("the carrier says that our certificate is revoked", ("ask the carrier for a new one",))
_NAME = (
    "the carrier knows no {name} on this port",
    ("set tls_server_name to the name that the carrier gives for its TLS port",),
)
_CIPHERS = (
    "the carrier breaks off the TLS handshake",
    (
        "it has no cipher in common with what we offer (ours are those of OpenSSL): ask which",
        "it wants a client certificate (tls_cert_file, tls_key_file) that it knows",
        "it wants another name in the handshake: tls_server_name",
    ),
)
_WEAK = (
    "the carrier's TLS is too weak or too old for this OpenSSL",
    ("the carrier must renew its keys or its server: tell them these words",),
)
_BY_REASON: tuple[tuple[str, tuple[str, tuple[str, ...]]], ...] = (
    ("CERTIFICATE_REQUIRED", _NO_CERTIFICATE),
    ("ALERT_CERTIFICATE_EXPIRED", _EXPIRED),
    ("ALERT_CERTIFICATE_REVOKED", _REVOKED),
    ("ALERT_UNKNOWN_CA", _OUR_CERTIFICATE),
    ("ALERT_BAD_CERTIFICATE", _OUR_CERTIFICATE),
    ("ALERT_CERTIFICATE_UNKNOWN", _OUR_CERTIFICATE),
    ("ALERT_UNSUPPORTED_CERTIFICATE", _OUR_CERTIFICATE),
    ("ALERT_NO_CERTIFICATE", _NO_CERTIFICATE),
    ("ALERT_ACCESS_DENIED", _OUR_CERTIFICATE),
    ("UNRECOGNIZED_NAME", _NAME),
    ("ALERT_PROTOCOL_VERSION", _VERSIONS),
    ("UNSUPPORTED_PROTOCOL", _VERSIONS),
    ("VERSION_TOO_LOW", _VERSIONS),
    ("WRONG_SSL_VERSION", _VERSIONS),
    ("ALERT_HANDSHAKE_FAILURE", _CIPHERS),
    ("INSUFFICIENT_SECURITY", _CIPHERS),
    ("NO_CIPHERS", _CIPHERS),
    ("NO_SHARED", _CIPHERS),
    ("WRONG_CIPHER", _CIPHERS),
    ("TOO_SMALL", _WEAK),
    ("TOO_WEAK", _WEAK),
    ("LEGACY_RENEGOTIATION", _WEAK),
    ("WRONG_SIGNATURE_TYPE", _WEAK),
    ("WRONG_VERSION_NUMBER", _NOT_TLS),
    ("RECORD_LAYER_FAILURE", _NOT_TLS),
    ("PACKET_LENGTH", _NOT_TLS),
    ("RECORD_TOO_SMALL", _NOT_TLS),
    ("HTTP_REQUEST", _NOT_TLS),
    ("UNKNOWN_PROTOCOL", _NOT_TLS),
)
"""A part of OpenSSL's reason, whose names differ between its versions, and what it means."""


def of_error(error: ssl.SSLError, ours: Ours) -> Trouble:
    """What an error of the handshake, or of the first read after it, means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _BY_CODE.get(error.verify_code)
        if known is None:
            return Trouble(f"the carrier's certificate does not hold: {error.verify_message}", ())
        return _filled(known, ours, f"OpenSSL: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return closed(ours)
    reason = (error.reason or str(error)).upper().replace(" ", "_")
    for part, known in _BY_REASON:
        if part in reason:
            if known is _NO_CERTIFICATE and ours.cert_file:
                known = _OUR_CERTIFICATE
            return _filled(known, ours, f"OpenSSL: {error.reason or error}")
    return Trouble(f"TLS failed (OpenSSL: {error.reason or error})", ("tell the carrier",))


def closed(ours: Ours) -> Trouble:
    """The connection ended within the handshake, without a word."""
    return Trouble(
        "the carrier closed the connection during the TLS handshake, without saying why",
        (
            f"{ours.at} is not its TLS port: ask the carrier for it",
            "the address we come from is not allowed there",
            "it does not accept our certificate (tls_cert_file)"
            if ours.cert_file
            else "it wants a client certificate (tls_cert_file, tls_key_file)",
            "it wants another name in the handshake (tls_server_name)",
            "it has only old versions or ciphers of TLS",
        ),
    )


def silence(ours: Ours, seconds: float) -> Trouble:
    """Connected, and no answer to the handshake: an SMSC without TLS waits for more."""
    return Trouble(
        f"connected, but no answer to the TLS handshake in {seconds:g} s",
        (
            f"{ours.at} speaks no TLS: ask the carrier for its TLS port",
            "a firewall lets the connection through and nothing else",
        ),
    )


def _filled(known: tuple[str, tuple[str, ...]], ours: Ours, said: str) -> Trouble:
    what, todo = known
    named = {"at": ours.at, "name": ours.name}
    if known is _UNKNOWN_AUTHORITY and ours.ca_file:
        todo = (f"{ours.ca_file} does not hold its authority: ask the carrier for it", todo[1])
    return Trouble(f"{what.format(**named)} ({said})", tuple(t.format(**named) for t in todo))
