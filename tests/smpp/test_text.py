"""Texts: the alphabet, the count, the cut, the header, and back again."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiosmpplib.codec import GSM7BitCodec
from hypothesis import given
from hypothesis import strategies as st

from gateway.smpp import gsm
from gateway.smpp.text import (
    Decoded,
    Measure,
    SegmentBody,
    TextError,
    concatenation,
    decode,
    measure,
    segments,
    split_header,
    transliterate,
)

DATA = Path(__file__).parents[1] / "data" / "segments.json"
VECTORS: list[dict[str, Any]] = json.loads(DATA.read_text())["vectors"]
CASES = [
    pytest.param(v[text], v[counts], id=f"{v['id']}-{counts}")
    for v in VECTORS
    for text, counts in (("text", "before"), ("translit", "after"))
]
HEADER_OCTETS = {"udh8": 6, "udh16": 7}
ROOM = {
    ("gsm7", "udh8"): 153,
    ("gsm7", "udh16"): 152,
    ("ucs2", "udh8"): 2 * 67,
    ("ucs2", "udh16"): 2 * 66,
}

any_text = st.text(alphabet=st.characters(), max_size=700)
gsm_text = st.text(alphabet=sorted(gsm.CHARACTERS), max_size=700)
pairs_text = st.text(alphabet="a€[ñ", min_size=150, max_size=700)
astral_text = st.text(alphabet="a😀í", min_size=60, max_size=400)
longs = st.sampled_from(["udh8", "udh16"])


def bodies(parts: list[SegmentBody], long: str) -> list[bytes]:
    """The segments' octets of text, without their headers."""
    skip = HEADER_OCTETS[long]
    return [part.short_message[skip if part.udhi else 0 :] for part in parts]


@pytest.mark.parametrize(("text", "counts"), CASES)
def test_vectors(text: str, counts: dict[str, Any]) -> None:
    """Encoding, units, and the length of each segment are those of the shared vectors."""
    encoding = counts["enc"].lower()
    octets_a_unit = 1 if encoding == "gsm7" else 2
    expected = Measure(encoding, counts["units"], counts["parts8"])
    assert measure(text, long="udh8") == expected
    lengths = [
        len(body) // octets_a_unit for body in bodies(segments(text, "auto", 9, "udh8"), "udh8")
    ]
    assert lengths == counts["lens8"]
    assert measure(text, long="udh16").segments == counts["parts16"]
    assert len(segments(text, encoding, 9)) == counts["parts16"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["id"])
def test_transliteration_vectors(vector: dict[str, Any]) -> None:
    """The vectors' texts become their transliteration, which stays as it is."""
    assert transliterate(vector["text"]).text == vector["translit"]
    assert transliterate(vector["translit"]).changes == []


# --- the alphabet ---------------------------------------------------------------------------------


def test_the_alphabet_has_its_size_and_no_letter_twice() -> None:
    """TS 23.038: 128 septets, one of them the escape, and ten characters beyond it."""
    assert len(gsm.BASIC) == len(set(gsm.BASIC)) == 128
    assert len(gsm.EXTENSION) == 10
    assert len(gsm.CHARACTERS) == 127 + 10


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@", "00"),
        ("$_¡¿ñÑ", "02 11 40 60 7d 5d"),
        ("éÉüÜàÇ", "05 1f 7e 5e 7f 09"),
        ("ΔΦΓΛΩΠΨΣΘΞ", "10 12 13 14 15 16 17 18 19 1a"),
        ("€[]{}\\^~|\f", "1b65 1b3c 1b3e 1b28 1b29 1b2f 1b14 1b3d 1b40 1b0a"),
        ("@€Δ\n\r", "00 1b65 10 0a 0d"),
    ],
)
def test_septets(text: str, octets: str) -> None:
    """Characters go to the septets of TS 23.038, and come back."""
    assert gsm.DEFAULT.encode(text) == bytes.fromhex(octets)
    assert gsm.DEFAULT.decode(bytes.fromhex(octets)) == text


def test_nothing_else_is_in_the_alphabet() -> None:
    """Of all characters only those of the tables encode, alone or beside a € or a Greek letter."""
    for char in map(chr, range(0x3000)):
        known = char in gsm.CHARACTERS
        assert (gsm.DEFAULT.encode(char) is not None) == known
        assert (gsm.DEFAULT.encode(char + "€") is not None) == known
        assert (gsm.DEFAULT.encode("Δ" + char) is not None) == known


def test_aiosmpplib_has_the_same_alphabet() -> None:
    """A second opinion that shares no table with ours."""
    codec = GSM7BitCodec()
    for char in map(chr, range(0x3000)):
        theirs = codec.encode(char)[0] if codec.is_gsm_text(char) else None
        assert gsm.DEFAULT.encode(char) == theirs


@given(gsm_text)
def test_septets_round_trip(text: str) -> None:
    """What encodes decodes to itself, one unit a character and one more an extension character."""
    octets = gsm.DEFAULT.encode(text)
    assert octets is not None
    assert gsm.DEFAULT.decode(octets) == text
    assert len(octets) == len(text) + sum(char in gsm.EXTENSION.values() for char in text)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"a\x1b", "a\ufffd"),  # an escape at the end
        (b"\x1b\x1bx", " x"),  # the escape of a further table (6.2.1.1)
        (b"\x1bA", "A"),  # an unknown pair shows the basic character
        (b"\x80\xff1", "\ufffd\ufffd1"),  # no septet at all
        (b"\x1b\xe9", "\ufffd"),
    ],
)
def test_septets_that_mean_nothing(octets: bytes, text: str) -> None:
    """Decoding septets never fails."""
    assert gsm.DEFAULT.decode(octets) == text


# --- counting and cutting -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "long", "expected"),
    [
        ("", "udh16", Measure("gsm7", 0, 1)),
        ("a" * 160, "udh16", Measure("gsm7", 160, 1)),
        ("a" * 161, "udh16", Measure("gsm7", 161, 2)),
        ("a" * 304, "udh16", Measure("gsm7", 304, 2)),
        ("a" * 305, "udh16", Measure("gsm7", 305, 3)),
        ("a" * 306, "udh8", Measure("gsm7", 306, 2)),
        ("a" * 151 + "€" + "a" * 151, "udh16", Measure("gsm7", 304, 3)),  # the pair moves on
        ("í" * 70, "udh16", Measure("ucs2", 70, 1)),
        ("í" * 71, "udh16", Measure("ucs2", 71, 2)),
        ("í" * 132, "udh16", Measure("ucs2", 132, 2)),
        ("í" * 133, "udh16", Measure("ucs2", 133, 3)),
        ("í" * 134, "udh8", Measure("ucs2", 134, 2)),
        ("😀" * 35, "udh16", Measure("ucs2", 70, 1)),
        ("í" * 65 + "😀" + "í" * 65, "udh16", Measure("ucs2", 132, 3)),  # so does this pair
    ],
)
def test_measure(text: str, long: str, expected: Measure) -> None:
    """The capacity of each encoding and header, and what pairs cost at a border."""
    assert measure(text, "auto", long) == expected
    assert len(segments(text, "auto", 1, long)) == expected.segments


@given(st.one_of(any_text, gsm_text, pairs_text, astral_text), longs)
def test_measure_and_segments_agree(text: str, long: str) -> None:
    """The count is the number of segments, none is too long, and joined they are the text."""
    told = measure(text, long=long)
    parts = segments(text, told.encoding, 77, long)
    assert len(parts) == told.segments
    assert told == measure(text, told.encoding, long)
    octets = sum(map(len, bodies(parts, long)))
    assert octets == told.units * (2 if told.encoding == "ucs2" else 1)
    limit = 140 if told.encoding == "ucs2" else 160
    for part in parts:
        # A header of 6 or 7 octets takes 7 or 8 septets of the 160.
        header = HEADER_OCTETS[long] if part.udhi else 0
        room = limit - (header if told.encoding == "ucs2" else -(-header * 8 // 7))
        assert len(part.short_message) - header <= room
        assert part.data_coding == (8 if told.encoding == "ucs2" else 0)
    decoded = [decode(p.short_message, p.data_coding, p.udhi, "gsm7").text for p in parts]
    assert "".join(decoded) == text.encode("utf-16-be", "replace").decode("utf-16-be")


@given(st.one_of(pairs_text, astral_text), longs)
def test_the_cut_is_greedy_and_keeps_pairs(text: str, long: str) -> None:
    """A segment ends before its room does only because a pair would not fit."""
    told = measure(text, long=long)
    pieces = bodies(segments(text, "auto", 1, long), long)
    if len(pieces) == 1:
        return
    room = ROOM[told.encoding, long]
    lead, octets = (gsm.ESCAPE, 1) if told.encoding == "gsm7" else (0xD8, 2)
    for piece, following in pairwise(pieces):
        assert len(piece) == room or (len(piece) == room - octets and following[0] == lead)
        assert piece[-octets] != lead


def test_gsm7_on_request_names_the_first_character_that_is_not() -> None:
    """The error says which character, where, and its code point."""
    with pytest.raises(TextError, match=r"character 5, 'í' \(U\+00ED\)") as caught:
        measure("un día aquí", "gsm7")
    assert (caught.value.code, caught.value.position, caught.value.character) == (
        "not-gsm7",
        4,
        "í",
    )
    with pytest.raises(ValueError, match="GSM 7-bit"):
        segments("“", "gsm7", 1)


def test_ucs2_on_request() -> None:
    """A text of GSM characters may be asked for in UCS-2."""
    assert measure("hola", "ucs2") == Measure("ucs2", 4, 1)
    assert segments("hé", "ucs2", 1) == [SegmentBody(b"\0h\0\xe9", False, 8)]


@pytest.mark.parametrize(("long", "room"), [("udh8", 153), ("udh16", 152)])
def test_at_most_255_segments(long: str, room: int) -> None:
    """The 256th segment cannot be numbered, so the text is refused when it is measured."""
    assert measure("a" * room * 255, long=long).segments == 255
    for refused in (
        lambda: measure("a" * (room * 255 + 1), long=long),
        lambda: segments("a" * (room * 255 + 1), "gsm7", 1, long),
    ):
        with pytest.raises(TextError) as caught:
            refused()
        assert caught.value.code == "too-many-segments"


def test_a_lone_surrogate_is_one_unit_and_harms_no_pair() -> None:
    """It goes out as a question mark."""
    assert measure("í\ud83d") == Measure("ucs2", 2, 1)
    assert segments("í\ud83d", "auto", 1)[0].short_message == "í?".encode("utf-16-be")


# --- the header -----------------------------------------------------------------------------------


def test_headers_on_the_wire() -> None:
    """TS 23.040: UDHL, element, length, reference, total, number; the reference is cut to fit."""
    wide = segments("a" * 153 + "b" * 8, "gsm7", 0x1ABCD, "udh16")
    assert [part.short_message[:7].hex(" ") for part in wide] == [
        "06 08 04 ab cd 02 01",
        "06 08 04 ab cd 02 02",
    ]
    narrow = segments("a" * 161, "gsm7", 0x1ABCD, "udh8")
    assert [part.short_message[:6].hex(" ") for part in narrow] == [
        "05 00 03 cd 02 01",
        "05 00 03 cd 02 02",
    ]
    assert all(part.udhi for part in wide + narrow)
    assert not segments("a" * 160, "gsm7", 5)[0].udhi


@given(st.integers(0, 0xFFFF), longs)
def test_headers_are_read_back(reference: int, long: str) -> None:
    """What the header says is what was written, in order."""
    parts = segments("a" * 400, "gsm7", reference, long)
    read = [decode(part.short_message, 0, True, "gsm7").part for part in parts]
    written = reference if long == "udh16" else reference & 0xFF
    assert read == [(written, 3, 1), (written, 3, 2), (written, 3, 3)]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", None),
        ("0003070201", (7, 2, 1)),
        ("080401070201", (0x107, 2, 1)),
        ("240102 0003070201", (7, 2, 1)),  # behind a national table's element
        ("0003070201 0003080302", (8, 3, 2)),  # the last of its kind counts
        ("0003070200", None),  # number 0
        ("0003070203", None),  # number above the total
        ("0003070000", None),
        ("00020702", None),  # not the length of its kind
        ("00030702", None),  # cut off
        ("0804070201", None),
        ("00", None),
    ],
)
def test_concatenation(header: str, part: tuple[int, int, int] | None) -> None:
    """Elements that make no sense are ignored (9.2.3.24.1)."""
    assert concatenation(bytes.fromhex(header)) == part


@pytest.mark.parametrize(
    ("octets", "header", "rest"),
    [
        (b"", b"", b""),
        (b"\x00hola", b"", b"hola"),
        (b"\x02\x70\x00hola", b"\x70\x00", b"hola"),
        (b"\x05abc", b"", b"\x05abc"),  # longer than the message: none
        (b"\x04abc", b"", b"\x04abc"),
        (b"\x03abc", b"abc", b""),
    ],
)
def test_split_header(octets: bytes, header: bytes, rest: bytes) -> None:
    """A header that does not fit is no header, and nothing is lost."""
    assert split_header(octets) == (header, rest)


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "data_coding", "alphabet", "text"),
    [
        (b"\x02 \x7d", 0, "gsm7", "$ ñ"),
        (b"$ \xf1", 0, "latin1", "$ ñ"),
        (b"$ \xf1", 0, "ascii", "$ \ufffd"),
        (b"\x02", 0x10, "gsm7", "$"),  # general group, class 0
        (b"\0A", 0x18, "gsm7", "A"),  # general group, UCS-2
        (b"\x02", 0xF1, "gsm7", "$"),
        (b"\x02\xe9", 0xF5, "gsm7", "\x02é"),  # 8-bit data
        (b"\x02", 0xC8, "gsm7", "$"),
        (b"\0A", 0xE0, "gsm7", "A"),
        (b"$\xf1", 1, "gsm7", "$\ufffd"),
        (b"$\xf1", 3, "gsm7", "$ñ"),
        (b"\xe9", 2, "gsm7", "é"),
        (b"\xbf", 6, "gsm7", "П"),
        (b"\0h\0\xe9\xd8\x3d\xde\x00", 8, "gsm7", "hé😀"),
        (b"\0h\0", 8, "gsm7", "h\ufffd"),  # half a unit
        (b"\xd8\x3d\0h", 8, "gsm7", "\ufffdh"),  # half a pair
        (b"\xff\xfeh\0", 8, "gsm7", "h"),  # little-endian, and says so
        (b"\x02", 0x8F, "gsm7", "$"),  # reserved
    ],
)
def test_decode(octets: bytes, data_coding: int, alphabet: str, text: str) -> None:
    """data_coding (SMPP 3.4, 5.2.19) says the alphabet; what cannot be read is replaced."""
    assert decode(octets, data_coding, False, alphabet) == Decoded(text, None)


@given(
    st.binary(max_size=300),
    st.integers(0, 0xFF),
    st.booleans(),
    st.sampled_from(["gsm7", "latin1", "ascii"]),
)
def test_decode_is_total(octets: bytes, data_coding: int, udhi: bool, alphabet: str) -> None:
    """Any octets under any data_coding are some text, which can be written as UTF-8."""
    decoded = decode(octets, data_coding, udhi, alphabet)
    decoded.text.encode()
    if decoded.part is not None:
        assert 1 <= decoded.part[2] <= decoded.part[1] <= 255


# --- transliteration ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("camio\u0301n man\u0303ana", "camion mañana"),  # decomposed, as from a Mac
        ("“a” «b» ‘c’ ´d` – — … • º ª", "\"a\" \"b\" 'c' 'd' - - ... * o a"),
        ("a\u00a0b\u2009c\u200bd\u00ade", "a b cde"),
        ("áíóú ÁÍÓÚ éÉñÑüÜ¿¡", "aiou AIOU éÉñÑüÜ¿¡"),
        ("João não às três, você: ação À ÃÕÂÊÔÇ", "Joao nao às tres, voce: acao A AOAEOÇ"),
        ("ya 👍🏽 listo 🇨🇱 ❤️", "ya listo "),
        ("N° 5 × 3 ½", "No 5 x 3 1/2"),
        ("dos  espacios", "dos espacios"),
    ],
)
def test_transliterate(text: str, plain: str) -> None:
    """The rules, one by one: composed, typography, Spanish, Portuguese, emoji, spaces."""
    assert transliterate(text).text == plain
    assert measure(transliterate(text).text).encoding == "gsm7"


def test_changes_are_told_once_in_the_order_met() -> None:
    """The caller sees which characters were replaced by what."""
    told = transliterate("Más “día” y más día…")
    assert told.changes == [("á", "a"), ("“", '"'), ("í", "i"), ("”", '"'), ("…", "...")]
    assert transliterate("año é").changes == []


def test_what_has_no_plain_form_goes_with_a_warning() -> None:
    """A letter lost is said; an emoji lost is not."""
    told = transliterate("₡500 ж 👍")
    assert told.text == "500 "
    assert [w.split(" has")[0] for w in told.warnings] == ["'₡' (U+20A1)", "'ж' (U+0436)"]
    assert transliterate("👍").warnings == []


@pytest.mark.parametrize("word", ["Más", "está", "pagó", "sí", "pagará", "llamarán"])
def test_a_word_that_becomes_another_is_told(word: str) -> None:
    """más and mas, pagó and pago: the meaning may change."""
    told = transliterate(f"Ud. {word} hoy; {word}")
    assert len(told.warnings) == 1
    assert repr(word) in told.warnings[0]


@pytest.mark.parametrize("text", ["qué año", "atención", "último día aquí", "venció"])
def test_a_word_that_cannot_be_mistaken_is_not(text: str) -> None:
    """é stays, and most words lose nothing but the accent."""
    assert transliterate(text).warnings == []


@given(any_text)
def test_transliteration_is_total_and_settles(text: str) -> None:
    """Any text comes out in GSM 7-bit, and a second time nothing more changes."""
    plain = transliterate(text).text
    assert gsm.DEFAULT.encode(plain) is not None
    assert transliterate(plain).text == plain
