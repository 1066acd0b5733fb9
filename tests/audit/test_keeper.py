"""Lines are written in a chain, over files, days, crashes and full disks."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import policies
from gateway.audit.lines import parse, read_head
from tests.audit.conftest import DAY, NOW, Make, close, faults, line, lines, paths


def test_a_file_begins_with_what_it_is(make: Make) -> None:
    audit = make()
    audit.write([line(1)], NOW)
    close(audit)
    (path,) = paths(audit.folder)
    assert path.name == "gw1-00000001-2026-07-14.ndjson"
    first, second = (json.loads(one) for one in lines(path))
    assert (first["n"], first["node"], first["file"], first["before"]) == (1, "gw1", 1, "0" * 64)
    assert first["data"].keys() == {"tzdata", "holidays", "phonenumbers"}
    assert second["id"] == f"{1:024x}"
    assert next(iter(second)) == "n"
    assert list(second)[-1] == "chain"


def test_nobody_else_may_read_it(make: Make) -> None:
    audit = make()
    assert stat.S_IMODE(paths(audit.folder)[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(audit.folder.stat().st_mode) == 0o700


def test_it_is_in_the_file_when_write_returns(make: Make) -> None:
    """Before the messages leave; not in some buffer."""
    audit = make()
    assert audit.write([line(1), line(2)], NOW)
    assert len(lines(paths(audit.folder)[0])) == 3


def test_a_restart_goes_on_in_the_days_file(make: Make) -> None:
    for number in range(3):
        audit = make()
        audit.write([line(number)], NOW)
        close(audit)
    (path,) = paths(audit.folder)
    assert len(lines(path)) == 4
    assert faults(audit.folder) == []


def test_other_editions_of_the_data_are_told_within_the_day(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, where they begin to decide: the rules' hash has them too."""
    first = policies.data_versions()
    later = first | {"holidays": "99.1"}
    for number, editions in enumerate((first, first, later, later, first)):
        monkeypatch.setattr(policies, "data_versions", lambda found=editions: found)
        audit = make()
        audit.write([line(number)], NOW)
        close(audit)
    (path,) = paths(audit.folder)
    told = [json.loads(one) for one in lines(path)]
    assert [words.get("kind", words.get("id", "")[-1:]) for words in told] == [
        "file", "0", "1", "data", "2", "3", "data", "4",
    ]  # fmt: skip
    assert [words["data"]["holidays"] for words in told if "data" in words] == [
        first["holidays"], "99.1", first["holidays"],
    ]  # fmt: skip
    assert faults(audit.folder) == []


def test_a_file_a_day_and_a_size(make: Make) -> None:
    audit = make(most=2000)
    for number in range(20):
        audit.write([line(number)], NOW)
    audit.write([line(20)], NOW + DAY)
    close(audit)
    found = paths(audit.folder)
    assert [path.name[:23] for path in found] == sorted(path.name[:23] for path in found)
    assert len(found) > 3
    assert found[-1].name.endswith("2026-07-15.ndjson")
    assert faults(audit.folder) == []


def test_a_closed_file_is_compressed_with_its_times(make: Make) -> None:
    audit = make()
    audit.write([line(n) for n in range(50)], NOW)
    plain = paths(audit.folder)[0]
    written = lines(plain)
    os.utime(plain, ns=(NOW * 1_000_000, NOW * 1_000_000))
    audit.write([line(1)], NOW + DAY)
    close(audit)
    packed = paths(audit.folder)[0]
    assert packed.name == f"{plain.name}.gz"
    assert (packed.stat().st_mtime_ns, lines(packed)) == (NOW * 1_000_000, written)
    assert not plain.exists()
    assert not list(audit.folder.glob("*.part"))


def test_what_could_not_be_compressed_is_at_the_next_start(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.audit.keeper._compress", full)
    audit = make()
    audit.write([line(1)], NOW + DAY)
    close(audit)
    assert [path.suffix for path in paths(audit.folder)] == [".ndjson", ".ndjson"]
    assert faults(audit.folder) == []
    monkeypatch.undo()
    again = make(NOW + DAY)
    close(again)
    assert [path.suffix for path in paths(again.folder)] == [".gz", ".ndjson"]
    assert faults(again.folder) == []


@pytest.mark.parametrize("torn", [b'{"n":4,"at":"2026-0', b"\0" * 500, b"half\nand half", b"x\n"])
def test_a_torn_line_is_ended_and_told(make: Make, torn: bytes) -> None:
    audit = make()
    audit.write([line(1), line(2)], NOW)
    close(audit)
    path = paths(audit.folder)[0]
    with path.open("ab") as file:
        file.write(torn)
    assert [f.what for f in faults(audit.folder)] == ["torn"]
    again = make()
    again.write([line(3)], NOW)
    close(again)
    found = lines(path)
    words = json.loads(found[-2])
    assert (words["kind"], words["n"]) == ("repaired", 4)
    assert json.loads(found[-1])["id"] == f"{3:024x}"
    assert faults(audit.folder) == []
    found[3] = b"other\n"  # what was torn is in the chain too
    path.write_bytes(b"".join(found))
    assert [f.what for f in faults(audit.folder)] == ["altered"]


def test_a_file_that_a_crash_left_empty(make: Make) -> None:
    audit = make()
    audit.write([line(1)], NOW)
    close(audit)
    (audit.folder / "gw1-00000002-2026-07-14.ndjson").touch()
    again = make()
    again.write([line(2)], NOW)
    close(again)
    assert [path.name[:12] for path in paths(audit.folder)][-1] == "gw1-00000003"
    assert faults(audit.folder) == []


async def test_a_sync_notes_how_far_it_goes(make: Make) -> None:
    audit = make()
    audit.write([line(n) for n in range(5)], NOW)
    head = read_head(audit.folder, "gw1")
    assert head is not None
    assert head.n == 1
    await audit.sync()
    head, last = read_head(audit.folder, "gw1"), parse(lines(paths(audit.folder)[0])[-1])
    assert head is not None
    assert last is not None
    assert (head.file, head.n, head.chain) == (1, 6, last.chain)


async def test_a_sync_that_fails_stops_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = make()
    audit.write([line(1)], NOW)

    def broken(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    await audit.sync()
    assert not audit.write([line(2)], NOW)
    assert not audit.ready(10.0, NOW)
    monkeypatch.undo()
    assert audit.ready(12.0, NOW)
    assert audit.write([line(2)], NOW)
    close(audit)
    assert faults(audit.folder) == []


FULL = """
import asyncio, resource, sys
from pathlib import Path
from gateway.audit.keeper import Audit
from tests.audit.conftest import NOW, line
audit = Audit(Path(sys.argv[1]), "gw1")
assert audit.ready(0.0, NOW)
assert audit.write([line(1)], NOW)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # the disk is full
sent = 0
while audit.write([line(n) for n in range(3)], NOW):
    sent += 3
assert not audit.ready(0.5, NOW), "the disk is still full"
assert not audit.write([line(9)], NOW)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert not audit.ready(0.9, NOW), "once a second"
assert audit.ready(3.0, NOW)
assert audit.write([line(8)], NOW)
audit.close()
print(sent)
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """Nothing half is left of a batch, and it goes on where it was when there is room again."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(one) for one in lines(paths(tmp_path)[0])]
    kinds = [words.get("kind", "") for words in found]
    assert kinds == ["file", *[""] * (1 + int(done.stdout)), "resumed", ""]
    assert found[-2]["after"] == "File too large"
    assert faults(tmp_path) == []


def test_a_folder_that_cannot_be_written(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The log says what to do, now and then; with the folder back it goes on."""
    audit = make()
    audit.close()
    blocked = audit.folder.parent / "other"
    blocked.write_text("a file")
    from gateway.audit.keeper import Audit

    other = Audit(blocked, "gw1")
    with caplog.at_level(logging.INFO):
        assert not any(other.ready(float(second), NOW) for second in range(100))
        errors = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert len(errors) == 2
        assert "audit_dir" in errors[0].cure
        blocked.unlink()
        assert other.ready(200.0, NOW)
    assert "the audit is written again" in caplog.messages
    other.close()
    assert faults(blocked) == []


async def test_two_nodes_share_a_folder(make: Make) -> None:
    from gateway.audit.keeper import Audit

    one = make()
    two = Audit(one.folder, "gw1-00000001-2026-07-14")  # a name like a file's
    two.open(NOW)
    for number in range(5):
        one.write([line(number)], NOW)
        two.write([line(number)], NOW)
    await asyncio.gather(one.sync(), two.sync())
    close(one)
    close(two)
    assert faults(one.folder) == []
    assert len(paths(one.folder)) == 2
