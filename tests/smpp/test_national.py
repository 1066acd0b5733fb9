"""National language tables, what data_coding 0 means to a carrier, SAR and message_payload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smpp.text import (
    ENCODINGS,
    SIZES,
    Decoded,
    Measure,
    SegmentBody,
    TextError,
    decode,
    measure,
    segments,
    split_header,
    transliterate,
    units_left,
)

SHARED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "segments.json").read_text()
)
CAPACITY: dict[str, int] = SHARED["capacity"]
SPANISH = [vector for vector in SHARED["vectors"] if "spa_septets" in vector["before"]]
NATIONAL = [encoding for encoding in ENCODINGS if "-" in encoding]


def test_the_capacities_are_the_shared_ones() -> None:
    """A header's octets are taken from every segment, also from one alone."""
    for name, encoding in (
        ("plain", "gsm7"),
        ("nat1", "gsm7-es"),
        ("nat1", "gsm7-pt-locking"),
        ("nat2", "gsm7-pt-both"),
    ):
        tied = "cat" if name == "plain" else f"{name}_cat"
        assert SIZES[encoding, "udh16"] == (CAPACITY[name], CAPACITY[f"{tied}16"])
        assert SIZES[encoding, "udh8"] == (CAPACITY[name], CAPACITY[f"{tied}8"])
    assert SIZES["ucs2", "udh16"] == (140, 132)
    assert SIZES["ucs2", "udh8"] == (140, 134)


@pytest.mark.parametrize("vector", SPANISH, ids=lambda v: v["id"])
def test_spanish_vectors(vector: dict[str, Any]) -> None:
    """Septets and segments under the Spanish single shift table; auto takes it if it saves one."""
    text, told = vector["text"], vector["before"]
    for long, parts in (("udh8", told["spa_parts8"]), ("udh16", told["spa_parts16"])):
        national = Measure("gsm7-es", told["spa_septets"], parts)
        assert measure(text, "gsm7-es", long) == national
        plain = measure(text, "auto", long)
        auto = measure(text, "auto", long, "gsm7", ("spanish",))
        assert auto == (national if parts < plain.segments else plain)
    parts16 = segments(text, "gsm7-es", 9)
    assert "".join(decode(p.short_message, 0, p.udhi, "gsm7").text for p in parts16) == text


@pytest.mark.parametrize(
    ("encoding", "text", "octets"),
    [
        (
            "gsm7-es",
            "ñáíóúÁÍÓÚç€",
            "03 240102 7d 1b61 1b69 1b6f 1b75 1b41 1b49 1b4f 1b55 1b09 1b65",
        ),
        ("gsm7-pt", "ãõâêôç Ô", "03 240103 1b7b 1b7c 1b7f 1b05 1b0c 1b09 20 1b0b"),
        ("gsm7-pt-locking", "ãõâêôç€^", "03 250103 7b 7c 1d 04 0c 09 18 16"),
        ("gsm7-pt-both", "ãê[Φ", "06 250103 240103 7b 04 1b3c 1b12"),
        ("gsm7-tr", "ğışĞİŞç", "03 240101 1b67 1b69 1b73 1b47 1b49 1b53 1b63"),
        ("gsm7-tr-locking", "ğışĞİŞç€[", "03 250101 0c 07 1d 0b 40 1c 60 04 1b3c"),
        ("gsm7-tr-both", "ğı", "06 250101 240101 0c 07"),
    ],
)
def test_national_octets(encoding: str, text: str, octets: str) -> None:
    """TS 23.038, A.2 and A.3; the header names the tables, also of a segment alone."""
    (part,) = segments(text, encoding, 1)
    assert part == SegmentBody(bytes.fromhex(octets), True, 0)
    assert decode(part.short_message, 0, True, "gsm7") == Decoded(text, None)


def test_national_headers_of_several_segments() -> None:
    """The tables' elements are in each, before the one that ties them."""
    parts = segments("í" * 100, "gsm7-es", 0x1ABCD, "udh16")
    assert [part.short_message[:10].hex(" ") for part in parts] == [
        "09 24 01 02 08 04 ab cd 02 01",
        "09 24 01 02 08 04 ab cd 02 02",
    ]
    narrow = segments("í" * 160, "gsm7-pt-both", 0x1ABCD, "udh8")
    assert narrow[0].short_message[:12].hex(" ") == "0b 25 01 03 24 01 03 00 03 cd 02 01"


@pytest.mark.parametrize(
    ("encodings", "letters"),
    [
        (("gsm7-es",), "áéíóúñüçÁÉÍÓÚÑÜ¿¡"),
        (("gsm7-pt", "gsm7-pt-both"), "áâãàçéêíóôõúüÁÂÃÀÇÉÊÍÓÔÕÚÜ"),
        (("gsm7-tr", "gsm7-tr-locking", "gsm7-tr-both"), "çğıöşüÇĞİÖŞÜ"),
    ],
)
def test_letters_of_the_languages_are_in_their_tables(
    encodings: tuple[str, ...], letters: str
) -> None:
    """Every letter goes, and comes back."""
    for encoding in encodings:
        (part,) = segments(letters, encoding, 1)
        assert decode(part.short_message, 0, True, "gsm7").text == letters


def test_a_locking_table_lacks_what_the_default_has() -> None:
    """The Portuguese one has no ñ."""
    with pytest.raises(TextError, match="not all of it is in the tables of gsm7-pt-locking"):
        measure("ñ", "gsm7-pt-locking")


@pytest.mark.parametrize(
    ("text", "tables", "encoding"),
    [
        ("día", ("spanish",), "ucs2"),  # no segment saved: what every phone reads
        ("día " * 20, ("spanish",), "gsm7-es"),
        ("día " * 20, (), "ucs2"),
        ("hoy " * 20, ("spanish",), "gsm7"),
        ("ação não " * 10, ("spanish",), "ucs2"),
        ("ação não " * 10, ("spanish", "portuguese"), "gsm7-pt"),
        ("ãõ" * 60, ("portuguese",), "gsm7-pt-locking"),  # two septets a letter would not fit
        ("ãõ" * 60 + "ÔΦ", ("portuguese",), "gsm7-pt-both"),
        ("€" * 100, ("portuguese",), "gsm7-pt-locking"),  # in GSM 7-bit, two septets each
        ("a" * 200, ("portuguese",), "gsm7"),
        ("ışğ" * 30, ("turkish",), "gsm7-tr-locking"),
        ("día ж" * 20, ("spanish",), "ucs2"),
    ],
)
def test_auto_takes_the_cheapest_that_is_allowed(
    text: str, tables: tuple[str, ...], encoding: str
) -> None:
    """Fewest segments; among equals GSM 7-bit, then UCS-2, then tables."""
    assert measure(text, "auto", "udh16", "gsm7", tables).encoding == encoding


def test_a_text_that_only_a_table_makes_short_enough() -> None:
    """UCS-2 would need more than 255 segments; without a table there is nothing."""
    text = "í" + "a" * 20_000
    assert measure(text, tables=("spanish",)).encoding == "gsm7-es"
    for tables in ((), ("turkish",)):
        with pytest.raises(TextError) as caught:
            measure(text, tables=tables)
        assert caught.value.code == "too-many-segments"


@given(
    st.text(alphabet="aí€ñãığ[", max_size=500),
    st.sampled_from(NATIONAL),
    st.sampled_from(["udh8", "udh16", "sar"]),
)
def test_national_segments(text: str, encoding: str, long: str) -> None:
    """As many as counted, none over 140 octets on the air, no pair is cut, and back."""
    try:
        told = measure(text, encoding, long)
    except TextError:
        return
    parts = segments(text, encoding, 5, long)
    assert len(parts) == told.segments
    decoded, total = [], 0
    for part in parts:
        header, body = split_header(part.short_message)
        assert part.udhi
        assert len(body) + -(-(len(header) + 1) * 8 // 7) <= 160
        assert body[-1:] != b"\x1b"
        total += len(body)
        decoded.append(decode(part.short_message, 0, True, "gsm7").text)
    assert total == told.units
    assert "".join(decoded) == text
    room = SIZES[encoding, long][len(parts) > 1]
    last = split_header(parts[-1].short_message)[1] if total else b""
    assert len(last) + units_left(text, encoding, long) == room


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("03 240102", "í"),
        ("03 2401ff", "i"),  # no such table: ignored (TS 23.040, 9.2.3.24.15)
        ("04 24020202", "i"),  # not the length of its kind
        ("02 2401", "i"),  # cut off
        ("06 240103 240102", "í"),  # the last of its kind counts
        ("09 080400070202 240102", "í"),
    ],
)
def test_national_tables_are_read(header: str, text: str) -> None:
    """What came in is read with the tables that its header names."""
    assert decode(bytes.fromhex(header) + b"\x1bi", 0, True, "gsm7").text == text


def test_a_carrier_that_reads_the_tables_itself() -> None:
    """Where data_coding 0 is not septets, the header's tables have been read already."""
    assert decode(bytes.fromhex("03 240102 ed"), 0, True, "latin1").text == "í"


# --- what data_coding 0 means, and other ties -----------------------------------------------------


@pytest.mark.parametrize(
    ("alphabet", "text", "octets"),
    [
        ("gsm7", "$@_¡¿ñÑ", "02 00 11 40 60 7d 5d"),
        ("latin1", "$@_¡¿ñÑ", "24 40 5f a1 bf f1 d1"),
        ("latin1", "a[b]", "61 5b 62 5d"),
        ("ascii", "$@_ a[b]~", "24 40 5f 20 61 5b 62 5d 7e"),
    ],
)
def test_octets_of_the_carriers_alphabet(alphabet: str, text: str, octets: str) -> None:
    """Written as the carrier reads data_coding 0; the count is that of septets all the same."""
    told = measure(text, "auto", "udh16", alphabet)
    assert told == measure(text)
    (part,) = segments(text, told.encoding, 1, "udh16", alphabet)
    assert part == SegmentBody(bytes.fromhex(octets), False, 0)
    assert decode(part.short_message, 0, False, alphabet).text == text


@pytest.mark.parametrize(
    ("alphabet", "text", "position"), [("latin1", "5 €", 2), ("ascii", "año", 1)]
)
def test_what_the_carriers_alphabet_has_not(alphabet: str, text: str, position: int) -> None:
    """It goes as UCS-2, and asked for as GSM 7-bit is refused by name."""
    assert measure(text, "auto", "udh16", alphabet).encoding == "ucs2"
    for ask in (
        lambda: measure(text, "gsm7", "udh16", alphabet),
        lambda: segments(text, "gsm7", 1, "udh16", alphabet),
    ):
        with pytest.raises(TextError, match=f"GSM 7-bit and {alphabet}") as caught:
            ask()
        assert (caught.value.code, caught.value.position) == ("not-gsm7", position)


@given(
    st.text(alphabet="añ[é ", max_size=700), st.sampled_from(["udh8", "udh16", "sar", "payload"])
)
def test_a_carriers_alphabet_changes_no_cut(text: str, long: str) -> None:
    """The same pieces as in septets, whatever the octets."""
    plain = segments(text, "gsm7", 1, long)
    written = segments(text, "gsm7", 1, long, "latin1")
    for one, other in zip(plain, written, strict=True):
        assert one.udhi == other.udhi
        assert [tag for tag, _ in one.tlvs] == [tag for tag, _ in other.tlvs]
        assert (
            decode(one.short_message, 0, one.udhi, "gsm7").text
            == decode(other.short_message, 0, other.udhi, "latin1").text
        )


def test_sar_parameters() -> None:
    """SMPP 3.4, 5.3.2.22 to 5.3.2.24: reference, total, number; the text has no header."""
    one, two = segments("a" * 152 + "b" * 9, "gsm7", 0x1ABCD, "sar")
    assert one == SegmentBody(
        b"a" * 152, False, 0, ((0x020C, b"\xab\xcd"), (0x020E, b"\2"), (0x020F, b"\1"))
    )
    assert two.short_message == b"b" * 9
    assert two.tlvs[2] == (0x020F, b"\2")
    assert segments("hola", "gsm7", 1, "sar") == [SegmentBody(b"hola", False, 0)]
    assert segments("í" * 70, "ucs2", 1, "sar")[0].tlvs == ()


def test_message_payload() -> None:
    """SMPP 3.4, 5.3.2.32: all of it in one submit, which counts as what the carrier makes of it."""
    text = "í" * 200
    assert measure(text, long="payload") == Measure("ucs2", 200, 4)
    assert segments(text, "ucs2", 1, "payload") == [
        SegmentBody(b"", False, 8, ((0x0424, text.encode("utf-16-be")),))
    ]
    assert segments("í" * 70, "ucs2", 1, "payload")[0].short_message
    (national,) = segments(text, "gsm7-es", 1, "payload")
    assert national.udhi
    assert national.tlvs[0][1][:4] == b"\x03\x24\x01\x02"


@pytest.mark.parametrize(
    ("text", "encoding", "left"),
    [("", "gsm7", 160), ("a" * 160, "gsm7", 0), ("a" * 161, "gsm7", 143), ("í" * 71, "ucs2", 61)],
)
def test_units_left(text: str, encoding: str, left: int) -> None:
    """What the last segment has room for."""
    assert units_left(text, encoding) == left


@pytest.mark.parametrize(
    ("alphabet", "text", "plain"),
    [
        ("latin1", "¿Debe €5? Año Δ", "¿Debe EUR5? Año "),
        ("ascii", "¿Debe €5? Año nuevo, atención", "Debe EUR5? Ano nuevo, atencion"),
        ("ascii", "æßø Å", "aesso A"),
    ],
)
def test_transliteration_for_a_narrower_carrier(alphabet: str, text: str, plain: str) -> None:
    """What Latin-1 or ASCII has not goes as well."""
    assert transliterate(text, alphabet).text == plain
    assert measure(plain, "auto", "udh16", alphabet).encoding == "gsm7"


def test_in_ascii_a_year_becomes_another_word() -> None:
    """The one that must be told."""
    told = transliterate("Feliz año", "ascii")
    assert told.changes == [("ñ", "n")]
    assert told.warnings == ["'año' became 'ano', which may read as another word"]
