"""The three TLS files of a carrier: what is wrong with them, and the context made of them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple

from gateway.errors import TlsFileError

BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
PRIVATE_KEY = b"PRIVATE KEY-----"
ENCRYPTED = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")
DER = b"\x30\x82"
"""How a certificate begins that is not PEM: a SEQUENCE with a length of two octets."""
ANOTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")


class Problem(NamedTuple):
    """A mistake in a TLS file: the configuration's key, and what is wrong and what to do."""

    key: str
    what: str


def context(ca_file: str = "", cert_file: str = "", key_file: str = "") -> ssl.SSLContext:
    """Verified TLS, 1.2 or newer: ``ca_file`` or the system's authorities; our certificate.

    What ``ca_file`` holds is trusted as it is, also a certificate that is no authority's: so a
    carrier's self-signed one can be named there. Raises TlsFileError.
    """
    for problem in problems_of(ca_file, cert_file, key_file):
        raise TlsFileError(f"{problem.key}: {problem.what}")
    try:
        made = ssl.create_default_context(cafile=ca_file or None)
        # The same on every CPython: 3.13 turns on the first, and the second, which refuses
        # authorities without the extensions of RFC 5280, as carriers' own often are.
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if cert_file:
            made.load_cert_chain(cert_file, key_file or None, _no_passphrase)
    except OSError as error:  # it has changed since it was looked at
        raise TlsFileError(f"the TLS files cannot be read: {error}") from error
    return made


def problems_of(ca_file: str = "", cert_file: str = "", key_file: str = "") -> list[Problem]:
    """What is wrong with the files; an empty name is none to look at."""
    found = [_authorities(ca_file)] if ca_file else []
    if cert_file:
        found.append(_own(cert_file, key_file))
    return [problem for problem in found if problem is not None]


def _authorities(path: str) -> Problem | None:
    octets = _read("tls_ca_file", path)
    if isinstance(octets, Problem):
        return octets
    if BEGIN_CERTIFICATE not in octets and b"-----BEGIN TRUSTED CERTIFICATE-----" not in octets:
        return Problem("tls_ca_file", _no_certificate(path, octets))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        return Problem("tls_ca_file", f"{path} holds no certificate that can be read ({error})")
    return None


def _own(cert_file: str, key_file: str) -> Problem | None:
    certificate = _read("tls_cert_file", cert_file)
    if isinstance(certificate, Problem):
        return certificate
    if BEGIN_CERTIFICATE not in certificate:
        return Problem("tls_cert_file", _no_certificate(cert_file, certificate))
    key = _read("tls_key_file", key_file) if key_file else certificate
    if isinstance(key, Problem):
        return key
    return _key(key, key_file, cert_file) or _together(cert_file, key_file)


def _key(key: bytes, key_file: str, cert_file: str) -> Problem | None:
    if PRIVATE_KEY not in key:
        if not key_file:
            what = f"{cert_file} holds no private key: name its file with tls_key_file"
            return Problem("tls_cert_file", what)
        swapped = "; is it the certificate?" if BEGIN_CERTIFICATE in key else ""
        return Problem("tls_key_file", f"{key_file} holds no private key in PEM form{swapped}")
    if any(mark in key for mark in ENCRYPTED):
        return Problem(
            "tls_key_file" if key_file else "tls_cert_file",
            f"the key in {key_file or cert_file} is encrypted, and nobody types a passphrase at "
            "start: write it without one (openssl pkey -in KEY -out NEW) where only the service "
            "may read it",
        )
    return None


def _together(cert_file: str, key_file: str) -> Problem | None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
            cert_file, key_file or None, _no_passphrase
        )
    except (ssl.SSLError, OSError) as error:
        if getattr(error, "reason", None) in ANOTHER_KEY:
            return Problem(
                "tls_key_file" if key_file else "tls_cert_file",
                f"the key in {key_file or cert_file} does not fit the first certificate in "
                f"{cert_file}: ours must be the first, then those that lead to its authority. "
                "These must print the same: openssl x509 -noout -pubkey -in CERTIFICATE; "
                "openssl pkey -pubout -in KEY",
            )
        return Problem("tls_cert_file", f"{cert_file} and its key cannot be used ({error})")
    return None


def _read(key: str, path: str) -> bytes | Problem:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        return Problem(key, f"cannot read {path}: {error.strerror}")


def _no_certificate(path: str, octets: bytes) -> str:
    if octets.startswith(DER):
        return (
            f"{path} is not PEM but DER: convert it, "
            "openssl x509 -inform der -in CERTIFICATE -out NEW.pem"
        )
    if PRIVATE_KEY in octets:
        return f"{path} holds a key and no certificate: are the two files exchanged?"
    return f"{path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"


def _no_passphrase() -> str:
    raise OSError("the key is encrypted")
