"""The files of a carrier's TLS: each mistake in words, found before any connection."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from gateway.errors import TlsFileError
from gateway.tls.files import context, problems_of
from tests.certificates import Authority, encrypted


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def said(*files: object) -> str:
    """The only problem of these files: its key, and its words."""
    (problem,) = problems_of(*map(str, files))
    with pytest.raises(TlsFileError) as raised:
        context(*map(str, files))
    assert str(raised.value) == f"{problem.key}: {problem.what}"
    return f"{problem.key}: {problem.what}"


def test_what_is_right_is_no_problem_and_verified(authority: Authority) -> None:
    pair = authority.issue("recado")
    files = (str(authority.file), str(pair.certificate), str(pair.key))
    assert problems_of(*files) == []
    made = context(*files)
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_without_files_the_systems_authorities_count() -> None:
    assert problems_of() == []
    made = context()
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname


def test_certificate_and_key_may_share_a_file(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("recado")
    both = tmp_path / "both.pem"
    both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    assert problems_of("", str(both)) == []


def test_files_that_are_not_there(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("recado")
    gone = tmp_path / "gone.pem"
    why = f"cannot read {gone}: No such file or directory"
    assert said(gone) == f"tls_ca_file: {why}"
    assert said("", gone) == f"tls_cert_file: {why}"
    assert said("", pair.certificate, gone) == f"tls_key_file: {why}"
    assert said(tmp_path).endswith("Is a directory")


def test_a_key_that_does_not_fit(authority: Authority) -> None:
    one, other = authority.issue("recado"), authority.issue("recado")
    found = said("", one.certificate, other.key)
    assert found.startswith(f"tls_key_file: the key in {other.key} does not fit the first certif")
    assert "openssl pkey -pubout -in KEY" in found


def test_a_chain_in_the_wrong_order(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("recado")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(authority.file.read_bytes() + pair.certificate.read_bytes())
    assert "ours must be the first" in said("", chain, pair.key)


@pytest.mark.parametrize("traditional", [False, True])
def test_an_encrypted_key_asks_nobody_for_a_passphrase(
    authority: Authority, tmp_path: Path, traditional: bool
) -> None:
    pair = authority.issue("recado")
    key = encrypted(pair)
    if traditional:
        command = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", pair.key, "-out", key]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    found = said("", pair.certificate, key)
    assert found.startswith(f"tls_key_file: the key in {key} is encrypted")
    assert "openssl pkey" in found


def test_files_in_each_others_place(authority: Authority) -> None:
    pair = authority.issue("recado")
    assert "holds a key and no certificate: are the two files ex" in said("", pair.key, pair.key)
    found = said("", pair.certificate, pair.certificate)
    assert found.endswith("holds no private key in PEM form; is it the certificate?")
    assert found.startswith("tls_key_file: ")
    assert said("", pair.certificate).endswith("no private key: name its file with tls_key_file")


def test_what_is_no_pem(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(ssl.PEM_cert_to_DER_cert(authority.file.read_text()))
    assert "is not PEM but DER: convert it, openssl x509 -inform der" in said(path)
    path.write_text("hello")
    assert "holds no certificate in PEM form" in said(path)
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert "holds no certificate that can be read" in said(path)
    key = authority.issue("recado").key
    assert "cannot be used (" in said("", path, key)
