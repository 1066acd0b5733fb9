"""Addresses between our form and a carrier's, by literals and there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smpp.addresses import Addresses, Numbers

NATIONAL, INTERNATIONAL, UNKNOWN = 2, 1, 0


def numbers(strip: str = "", add: str = "", ton: int = 1) -> Numbers:
    return Numbers((ton, 1), strip, add)


@pytest.mark.parametrize(
    ("strip", "add", "number", "address"),
    [
        ("", "", "56912345678", "56912345678"),
        ("", "00", "56912345678", "0056912345678"),
        ("", "+", "56912345678", "+56912345678"),
        ("56", "", "56912345678", "912345678"),
        ("56", "0", "56912345678", "0912345678"),
        ("56", "", "51912345678", "51912345678"),
        ("56", "0", "51912345678", "51912345678"),
        ("52", "521", "5215512345678", "52115512345678"),
        ("56", "", "56", "56"),
    ],
)
def test_add_takes_the_place_of_strip(strip: str, add: str, number: str, address: str) -> None:
    assert numbers(strip, add).written(number) == (1, 1, address)


def test_a_number_with_its_country_code_is_never_called_national() -> None:
    chile = numbers("56", "", NATIONAL)
    assert chile.written("56912345678") == (2, 1, "912345678")
    assert chile.written("51912345678") == (1, 1, "51912345678")
    assert numbers("56", "", UNKNOWN).written("51912345678") == (0, 1, "51912345678")
    assert numbers("", "", NATIONAL).written("51912345678") == (2, 1, "51912345678")


@pytest.mark.parametrize(
    ("strip", "add", "address", "ton", "number"),
    [
        # as it went
        ("56", "", "912345678", INTERNATIONAL, "56912345678"),
        ("56", "", "912345678", UNKNOWN, "56912345678"),
        ("56", "0", "0912345678", INTERNATIONAL, "56912345678"),
        ("", "00", "0056912345678", INTERNATIONAL, "56912345678"),
        ("", "+", "+56912345678", INTERNATIONAL, "56912345678"),
        ("56", "00", "00912345678", UNKNOWN, "56912345678"),
        ("39", "", "0612345678", UNKNOWN, "390612345678"),
        # as the carrier likes
        ("56", "", "56912345678", INTERNATIONAL, "56912345678"),
        ("56", "0", "56912345678", UNKNOWN, "56912345678"),
        ("56", "", "+56912345678", UNKNOWN, "56912345678"),
        ("56", "", "0056912345678", UNKNOWN, "56912345678"),
        ("56", "00", "0056912345678", UNKNOWN, "56912345678"),
        ("56", "", "+51912345678", NATIONAL, "51912345678"),
        ("", "+", "56912345678", UNKNOWN, "56912345678"),
        ("", "00", "56912345678", UNKNOWN, "56912345678"),
        ("", "00", "+56912345678", UNKNOWN, "56912345678"),
        ("56", "0", "912345678", NATIONAL, "56912345678"),
        ("56", "0", "56912345678", NATIONAL, "56912345678"),
        # what is no number of E.164 with it, or no number at all
        ("56", "", "103", UNKNOWN, "103"),
        ("56", "", "12345678901234", UNKNOWN, "12345678901234"),
        ("56", "", "", UNKNOWN, ""),
        ("56", "", "Banco", UNKNOWN, "Banco"),
        ("56", "", " +56912345678\0", UNKNOWN, "56912345678"),
        ("56", "", "²²²²²²²²²", UNKNOWN, "²²²²²²²²²"),
        ("56", "", "9123\n45678", UNKNOWN, "9123\ufffd45678"),
        # without settings
        ("", "", "912345678", NATIONAL, "912345678"),
        ("", "", "0056912345678", INTERNATIONAL, "56912345678"),
        ("", "", "+56912345678", INTERNATIONAL, "56912345678"),
    ],
)
def test_the_way_back(strip: str, add: str, address: str, ton: int, number: str) -> None:
    assert numbers(strip, add).read(address, ton) == number


def test_a_type_of_number_of_our_own_tells_national_from_international() -> None:
    chile = numbers("56", "", NATIONAL)
    assert chile.read("56912345", NATIONAL) == "5656912345"
    assert chile.read("56912345", INTERNATIONAL) == "56912345"
    assert chile.read("51912345678", INTERNATIONAL) == "51912345678"


@given(
    number=st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True),
    strip=st.sampled_from(["", "5", "56", "569", "1"]),
    add=st.sampled_from(["", "0", "00", "+", "+00", "011", "9", "12345"]),
)
def test_there_and_back_with_national_for_what_is_stripped(
    number: str, strip: str, add: str
) -> None:
    """A type of number that tells brings every number back, but for an accidental 00."""
    side = numbers(strip, add, NATIONAL if strip else INTERNATIONAL)
    sent = side.written(number)
    if add.startswith(("00", "+")) or not sent.address.startswith("00"):
        assert side.read(sent.address, sent.ton) == number


@given(
    rest=st.from_regex(r"[1-9][0-9]{6,11}", fullmatch=True),
    strip=st.sampled_from(["56", "1", "598"]),
    add=st.sampled_from(["", "0", "00", "+", "9"]),
    ton=st.sampled_from([UNKNOWN, INTERNATIONAL, 4]),
)
def test_there_and_back_without_it(rest: str, strip: str, add: str, ton: int) -> None:
    """What does not look international when it is stripped comes back whatever the type."""
    side = numbers(strip, add, ton)
    address = side.write(strip + rest)
    if not rest.startswith(strip) and not address.startswith(strip):
        assert side.read(address, ton) == strip + rest


@given(address=st.text(max_size=70), ton=st.integers(0, 255), strip=st.sampled_from(["", "56"]))
def test_nothing_that_comes_raises(address: str, ton: int, strip: str) -> None:
    for add in ("", "0", "00", "+", "569"):
        assert "\n" not in numbers(strip, add).read(address, ton)


def addresses(strip: str = "", add: str = "", ton: int = 1, digits: int = 8) -> Addresses:
    return Addresses(numbers(), numbers(strip, add, ton), (3, 0), (5, 0), digits)


def test_a_sender_by_its_form() -> None:
    chile = addresses("56", "0", 2)
    assert chile.sender("3450") == (3, 0, "3450")
    assert chile.sender("56345678") == (3, 0, "56345678")
    assert chile.sender("Banco 56") == (5, 0, "Banco 56")
    assert chile.sender("56222345678") == (2, 1, "0222345678")
    assert chile.sender("51222345678") == (1, 1, "51222345678")
    assert addresses("56", digits=7).sender("56345678") == (1, 1, "345678")


def test_our_sender_comes_back() -> None:
    chile = addresses("56", "")
    assert chile.sender_of("222345678", 1) == "56222345678"
    assert chile.sender_of("+56222345678", 0) == "56222345678"
    assert chile.sender_of("3450", 1) == "3450"
    assert chile.sender_of("12345678", 1) == "12345678"
    assert chile.sender_of("22345678", 2) == "5622345678"
    assert chile.sender_of("Banco", 5) == "Banco"
    assert chile.sender_of("\0 3450 ", 3) == "3450"
    as_ours = addresses()
    assert as_ours.sender_of("+56222345678", 0) == "56222345678"
    assert as_ours.sender_of("0800123456", 0) == "0800123456"
