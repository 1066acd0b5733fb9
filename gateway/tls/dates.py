"""How long a certificate holds, read from its DER (RFC 5280, 4.1): the one thing asked of it.

The standard library shows these dates only of a peer's certificate, after a handshake.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

SOON = timedelta(days=30)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17


def notes(ca_file: str, cert_file: str, now: datetime) -> Iterator[str]:
    """What an operator should know of the dates: over, not begun, over within 30 days.

    Nothing is said of a file that cannot be read.
    """
    if cert_file:
        for start, end in _dates(cert_file)[:1]:
            yield from _said(f"tls_cert_file: our certificate in {cert_file}", start, end, now)
    if ca_file:
        dates = _dates(ca_file)
        if dates and all(end <= now for _, end in dates):
            last = max(end for _, end in dates)
            yield f"tls_ca_file: every certificate in {ca_file} is over (the last {_day(last)})"


def _said(what: str, start: datetime, end: datetime, now: datetime) -> Iterator[str]:
    if end <= now:
        yield f"{what} is over since {_day(end)}: carriers refuse it; get a new one"
    elif start > now:
        yield f"{what} is not valid before {_day(start)}: is this machine's clock right?"
    elif end - now < SOON:
        yield f"{what} is over on {_day(end)}, in {(end - now).days} days: get a new one"


def _day(when: datetime) -> str:
    return when.strftime("%Y-%m-%d")


def _dates(path: str) -> list[tuple[datetime, datetime]]:
    try:
        text = Path(path).read_text(encoding="latin-1")
        return [validity(ssl.PEM_cert_to_DER_cert(pem)) for pem in _PEM.findall(text)]
    except (OSError, ValueError, IndexError):
        return []


def validity(der: bytes) -> tuple[datetime, datetime]:
    """notBefore and notAfter. Raises ValueError or IndexError for what is no certificate."""
    _, at, _ = _element(der, 0)  # Certificate
    _, at, _ = _element(der, at)  # TBSCertificate
    tag, _, end = _element(der, at)
    if tag == _VERSION:
        at = end
    for _ in ("serialNumber", "signature", "issuer"):
        _, _, at = _element(der, at)
    _, at, _ = _element(der, at)  # Validity
    start, at = _time(der, at)
    return start, _time(der, at)[0]


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, where the content begins, and where it ends (X.690, 8.1)."""
    tag, length = der[at], der[at + 1]
    at += 2
    if length & 0x80:
        octets = length & 0x7F
        length = int.from_bytes(der[at : at + octets], "big")
        at += octets
    if at + length > len(der):
        raise ValueError("cut off")
    return tag, at, at + length


def _time(der: bytes, at: int) -> tuple[datetime, int]:
    """A time and where the next element begins; two digits of a year are 1950 to 2049."""
    tag, start, end = _element(der, at)
    digits = der[start:end].decode("ascii")
    if tag == _UTC_TIME:
        digits = ("19" if digits >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC), end
