"""When a certificate is over: read from its DER, said a month before."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway.tls.dates import notes, validity
from tests.certificates import DAY, Authority


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("ends", [DAY, timedelta(days=40_000)])
def test_the_dates_are_those_that_another_reader_finds(
    authority: Authority, ends: timedelta
) -> None:
    """Two digits of the year until 2049, four after (RFC 5280, 4.1.2.5)."""
    pem = authority.issue("recado", ends=ends).certificate.read_text()
    other = x509.load_pem_x509_certificate(pem.encode())
    found = validity(ssl.PEM_cert_to_DER_cert(pem))
    assert found == (other.not_valid_before_utc, other.not_valid_after_utc)


@pytest.mark.parametrize(
    ("starts", "ends", "words"),
    [
        (-9 * DAY, -DAY, "is over since"),
        (DAY, 90 * DAY, "is not valid before"),
        (-DAY, 10.5 * DAY, "in 10 days: get a new one"),
    ],
)
def test_our_certificate_near_its_end(
    authority: Authority, starts: timedelta, ends: timedelta, words: str
) -> None:
    path = str(authority.issue("recado", starts=starts, ends=ends).certificate)
    (note,) = notes("", path, now())
    assert note.startswith(f"tls_cert_file: our certificate in {path} ")
    assert words in note


def test_authorities_count_when_all_are_over(authority: Authority, tmp_path: Path) -> None:
    (note,) = notes(str(authority.file), "", now() + 31 * DAY)
    assert note.startswith(f"tls_ca_file: every certificate in {authority.file} is over (the last")
    longer = authority.issue("a", ends=90 * DAY).certificate
    authority.file.write_bytes(authority.file.read_bytes() + longer.read_bytes())
    assert not list(notes(str(authority.file), "", now() + 31 * DAY))


def test_nothing_is_said_of_what_is_well_or_cannot_be_read(
    authority: Authority, tmp_path: Path
) -> None:
    assert not list(notes(str(authority.file), str(authority.issue("a").certificate), now()))
    assert not list(notes("gone.pem", "gone.pem", now()))
    bad = tmp_path / "bad.pem"
    for text in ("AAAA", "MIIB"):
        bad.write_text(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        assert not list(notes(str(bad), str(bad), now()))
