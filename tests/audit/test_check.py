"""What is altered, missing, moved, torn or cut off is found, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import cli
from gateway.audit.check import check
from gateway.audit.lines import Head, head_of, read_head
from tests.audit.conftest import DAY, NOW, Make, close, faults, line, lines, paths, rewrite


@pytest.fixture
def folder(make: Make) -> Path:
    """Three days of ten decisions; the first two days are compressed."""
    audit = make()
    for day in range(3):
        assert audit.write(
            [line(10 * day + n, NOW + day * DAY) for n in range(10)], NOW + day * DAY
        )
    close(audit)
    return audit.folder


def test_what_nobody_touched_is_whole(folder: Path) -> None:
    (report,) = check([folder])
    assert (report.faults, report.notes) == ([], [])
    assert (report.node, report.files, report.lines) == ("gw1", 3, 33)
    assert (report.first[:10], report.last[:10]) == ("2026-07-14", "2026-07-16")
    assert [path.suffix for path in paths(folder)] == [".gz", ".gz", ".ndjson"]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("at", [0, 4, 10])
def test_an_altered_line(folder: Path, which: int, at: int) -> None:
    path = paths(folder)[which]
    found = lines(path)
    found[at] = found[at].replace(b'"at":"2026', b'"at":"2025')
    rewrite(path, found)
    assert [(f.file, f.line, f.what) for f in faults(folder)] == [(path.name, at + 1, "altered")]


def test_an_altered_line_with_a_chain_of_its_own(folder: Path) -> None:
    """Whoever makes the line's chain anew is told by the line after it."""
    from gateway.audit.lines import Chain, parse

    path = paths(folder)[1]
    found = lines(path)
    before = parse(found[3])
    assert before is not None
    body = found[4].replace(b'"send"', b'"wait"')
    plain = b"{" + body[body.index(b",") + 1 : body.rindex(b',"chain"')] + b"}"
    found[4] = Chain(before.n, before.chain).join(plain)
    rewrite(path, found)
    assert [(f.line, f.what) for f in faults(folder)] == [(6, "altered")]


@pytest.mark.parametrize("at", [0, 4, 10])
def test_a_missing_line(folder: Path, at: int) -> None:
    path = paths(folder)[1]
    found = lines(path)
    del found[at]
    rewrite(path, found)
    first = faults(folder)[0]
    where = (path.name, at + 1) if at < 10 else (paths(folder)[2].name, 1)
    assert (first.file, first.line, first.what) == (*where, "missing")
    assert first.detail == f"line {12 + at} is before it"


def test_lines_in_another_order(folder: Path) -> None:
    path = paths(folder)[1]
    found = lines(path)
    found[4], found[5] = found[5], found[4]
    rewrite(path, found)
    first = faults(folder)[0]
    assert (first.file, first.line, first.what) == (path.name, 5, "out of order")


def test_a_line_twice(folder: Path) -> None:
    path = paths(folder)[2]
    found = lines(path)
    found.insert(5, found[4])
    rewrite(path, found)
    first = faults(folder)[0]
    assert (first.line, first.what) == (6, "out of order")


def test_a_missing_file(folder: Path) -> None:
    first, second, third = paths(folder)
    second.unlink()
    assert [(f.file, f.what, f.detail) for f in faults(folder)] == [
        (third.name, "missing", "file 2 is before")
    ]
    assert first.exists()


def test_files_that_were_renamed(folder: Path) -> None:
    one, two, _ = paths(folder)
    spare = folder / "spare"
    one.rename(spare)
    two.rename(one)
    spare.rename(two)
    assert faults(folder)[0].what == "out of order"


def test_the_last_file_is_gone(folder: Path) -> None:
    paths(folder)[2].unlink()
    (fault,) = faults(folder)
    assert (fault.what, fault.line) == ("truncated", 22)


def test_the_end_is_cut_off(folder: Path) -> None:
    """The lines alone do not show it."""
    path = paths(folder)[2]
    rewrite(path, lines(path)[:-2])
    (fault,) = faults(folder)
    assert (fault.what, fault.detail) == (
        "truncated",
        "ends with line 31, noted to line 33, in file 3",
    )


@pytest.mark.parametrize("spoil", [Path.unlink, lambda head: head.write_bytes(b"{")])
def test_the_end_and_the_note_of_it_are_gone(
    folder: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder has its head; an archive or a copied file is asked about as such."""
    path = paths(folder)[2]
    rewrite(path, lines(path)[:-2])
    spoil(head_of(folder, "gw1"))
    (fault,) = faults(folder)
    assert (fault.file, fault.what) == ("gw1.head", "missing")
    assert cli.main(["audit", "verify", str(folder)]) == 1
    assert "gw1.head, line 1: missing: no note of how far it goes" in capsys.readouterr().out
    assert cli.main(["audit", "verify", "--no-head", str(folder)]) == 0
    assert cli.main(["audit", "verify", str(path)]) == 0
    assert "note: no note of how far it goes" in capsys.readouterr().out


def test_a_cut_off_end_still_shows_after_the_next_start(folder: Path, make: Make) -> None:
    path = paths(folder)[2]
    rewrite(path, lines(path)[:-2])
    audit = make(NOW + 2 * DAY)
    audit.write([line(99)], NOW + 2 * DAY)
    close(audit)
    assert [(f.file[:12], f.what, f.detail) for f in faults(folder)] == [
        ("gw1-00000004", "missing", "lines 32 to 33 are before it")
    ]


def test_another_end_instead(folder: Path) -> None:
    """The note of how far it goes holds the end's hash, too."""
    head = read_head(folder, "gw1")
    assert head is not None
    other = Head("gw1", head.file, head.n, "f" * 64)
    import msgspec

    head_of(folder, "gw1").write_bytes(msgspec.json.encode(other))
    assert [f.what for f in faults(folder)] == ["altered"]


def test_everything_is_gone(folder: Path) -> None:
    for path in paths(folder):
        path.unlink()
    assert [f.what for f in faults(folder)] == ["missing"]


def test_a_broken_archive(folder: Path) -> None:
    path = paths(folder)[1]
    path.write_bytes(path.read_bytes()[:-200])
    assert (faults(folder)[0].file, faults(folder)[0].what) == (path.name, "torn")


def test_some_files_alone(folder: Path) -> None:
    """They may be an archive's: what came before is not asked for, what comes after neither."""
    (report,) = check([paths(folder)[1]])
    assert (report.faults, report.lines) == ([], 11)
    assert report.notes == [
        f"begins with {paths(folder)[1].name}: file 1 is not among these",
    ]


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", "verify", str(folder)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "gw1: whole: 33 lines in 3 files, 2026-07-14T12:00:00.000Z to 2026-07-16"
    )
    path = paths(folder)[0]
    found = lines(path)
    rewrite(path, [*found[:3], b"\n", *found[4:]])
    assert cli.main(["audit", "verify", str(folder)]) == 1
    assert f"\n  {path.name}, line 4: altered: " in capsys.readouterr().out
    assert cli.main(["audit", "verify", str(folder / "nowhere")]) == 1


def test_what_was_decided_of_a_message(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = tmp_path / "gateway.toml"
    main.write_text('[redis]\nstate_dir = "."\n')
    config = ("--config", str(main))
    assert cli.main(["audit", "show", "--id", f"{12:024x}", *config]) == 0
    said = capsys.readouterr().out
    assert "to +56900000012: send" in said
    assert "America/Santiago: Tue 2026-07-14 08:00:00 -0400" in said
    assert cli.main(["audit", "show", "--to", "+56900000012", "--json", *config]) == 0
    assert '"outcome": "send"' in capsys.readouterr().out
    since = ("--since", "2026-07-16T00:00:00Z")
    assert cli.main(["audit", "show", "--to", "+56900000012", *since, *config]) == 1
    assert cli.main(["audit", "show", "--to", "+56900000022", *since, *config]) == 0
