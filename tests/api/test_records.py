"""Streams are cut into records wherever the network cuts them into pieces."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.body import LINE_OCTETS, Lines
from gateway.api.records import MESSAGE, CsvRecords, Cutter, JsonLines, Record
from gateway.api.shapes import MessageIn
from gateway.errors import CallerError


def cut(cutter: Cutter[MessageIn], *pieces: bytes) -> list[Record]:
    records = [record for piece in pieces for record in cutter.feed(piece)]
    return records + cutter.close()


def texts(records: list[Record]) -> list[object]:
    """(index, text or problem type) of each record."""
    return [
        (index, line.type if isinstance(line, CallerError) else line.text)
        for index, line, _ in records
    ]


def split(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 10_000)))
def test_lines_are_the_same_wherever_pieces_end(lines: list[bytes], places: list[int]) -> None:
    """Cutting equals splitting the whole, but for the nothing after a last newline."""
    data = b"\n".join(lines)
    lines_, found = Lines(), []
    for piece in split(data, places):
        found += lines_.feed(piece)
    found += lines_.close()
    wanted = data.split(b"\n")
    assert found == (wanted if wanted[-1] else wanted[:-1])


def test_a_line_without_end_holds_no_memory() -> None:
    """What is over the bound is passed over, and its neighbours are whole."""
    lines = Lines()
    found = lines.feed(b"one\n")
    for _ in range(64):
        found += lines.feed(b"x" * LINE_OCTETS)
        assert len(lines._rest) <= LINE_OCTETS
    found += lines.feed(b"x\ntwo\n" + b"y" * (LINE_OCTETS + 1) + b"\nthree")
    assert [*found, *lines.close()] == [b"one", None, b"two", None, b"three"]


def test_ndjson_counts_every_line() -> None:
    """Blank lines count and are passed over; a byte order mark is no part of the first."""
    data = b'\xef\xbb\xbf{"to":"1","text":"a"}\r\n\n  \n{"to":"1","text":"b"}\nnot\n{"ref":"r7"}'
    cutter = JsonLines(MESSAGE)
    records = cut(cutter, data)
    assert texts(records) == [(0, "a"), (3, "b"), (4, "not-json"), (5, "missing-field")]
    assert records[3][2] == "r7"
    assert cutter.count == 6


def test_a_bad_octet_sinks_one_line() -> None:
    """Not UTF-8 is that line's alone."""
    data = b'{"to":"1","text":"\xff"}\n{"to":"1","text":"b"}\n'
    assert texts(cut(JsonLines(MESSAGE), data)) == [(0, "not-utf8"), (1, "b")]


cells = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\r\0"), min_size=1
).filter(lambda text: not text.isspace())


@given(st.lists(cells, max_size=8), st.sampled_from(",;"), st.lists(st.integers(0, 10_000)))
def test_csv_is_what_was_written(rows: list[str], delimiter: str, places: list[int]) -> None:
    """Quotes, delimiters and newlines in fields survive any cut."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["to", "text", "ref"])
    for index, text in enumerate(rows):
        writer.writerow(["+56912345678", text, index])
    cutter = CsvRecords(MESSAGE)
    records = cut(cutter, *split(out.getvalue().encode(), places))
    assert texts(records) == list(enumerate(rows))
    assert [ref for _, _, ref in records] == [str(index) for index in range(len(rows))]
    assert cutter.count == len(rows)


HEADER = b"\xef\xbb\xbfto,text,ref,ttl,transliterate,data,from\r\n"


def test_csv_values_have_their_types() -> None:
    """Numbers and flags are read; empty cells are left out; data may be JSON or a word."""
    rows = b'+56912345678,Hola,r1,60,true,"{""debt"":7}",\r\n+56912345678,Hola,,,,seven,3450\r\n'
    (_, first, _), (_, second, _) = cut(CsvRecords(MESSAGE), HEADER + rows)
    assert isinstance(first, MessageIn)
    assert isinstance(second, MessageIn)
    assert (first.ref, first.ttl, first.transliterate) == ("r1", 60, True)
    assert bytes(first.data) == b'{"debt":7}'
    assert first.sender is None
    assert (second.ref, second.sender, bytes(second.data)) == (None, "3450", b'"seven"')


def test_a_bad_record_never_sinks_its_neighbours() -> None:
    """Too few fields, a stray quote, a wrong type, bad octets: each is its own record's."""
    rows = b'1,a,,,,,\n1,a\n1,5" pipe,,,,,\n1,"a"b,,,,,\n1,a,,x,,,\n1,\xff,,,,,\n\n1,b,,,,,\n'
    assert texts(cut(CsvRecords(MESSAGE), HEADER + rows)) == [
        (0, "a"),
        (1, "not-csv"),
        (2, '5" pipe'),
        (3, "not-csv"),
        (4, "invalid-ttl"),
        (5, "not-utf8"),
        (7, "b"),
    ]


def test_an_open_quote_swallows_no_more_than_its_bound() -> None:
    """A record that grows past the bound is refused, and reading goes on after it."""
    rows = b'1,"open,,,,,\n' + b"1,a,,,,,\n" * 10_000
    found = texts(cut(CsvRecords(MESSAGE), HEADER + rows))
    assert found[0] == (0, "line-too-long")
    assert found[1] == (1, "a")
    assert texts(cut(CsvRecords(MESSAGE), HEADER + b'1,"open\n')) == [(0, "not-csv")]


@pytest.mark.parametrize(
    ("header", "type", "words"),
    [
        (b"", "not-csv", "no header"),
        (b"to,txt\n", "unknown-field", "column 1, 'txt', is not known; did you mean 'text'?"),
        (b"to,text,to\n", "not-csv", "'to' twice"),
        (b"to,ref\n", "missing-field", "'text'"),
        (b"\xff\n", "not-utf8", "0xff"),
        (b'"to,text\n', "not-csv", "no header"),
        (b"x" * 100_000 + b"\n", "line-too-long", "65536"),
    ],
)
def test_a_wrong_header_names_what_is_wrong(header: bytes, type: str, words: str) -> None:
    """Nothing is read under a header that is not understood."""
    if header == b'"to,text\n':
        words = "not closed"
    with pytest.raises(CallerError, match=words) as caught:
        cut(CsvRecords(MESSAGE), header)
    assert caught.value.type == type
