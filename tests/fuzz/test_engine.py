"""The fuzz itself: the same number gives the same PDUs, and a session that errs is found out."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from benchmarks.fuzz.__main__ import run
from benchmarks.fuzz.block import PDUS, ROUGH
from benchmarks.fuzz.mutate import MAX_PDU, Mutator, Seed, Verdict
from benchmarks.fuzz.seeds import seeds

from gateway.carrier import inbound
from gateway.smpp import pdu as pdus
from gateway.smpp import session as sessions
from gateway.smpp.constants import Command
from gateway.smpp.pdu import KINDS, GenericNack, Malformed, Pdu, Unknown, decode, encode
from gateway.smpp.session import Role, Session

FEW = 1_500
Broken = Callable[[pytest.MonkeyPatch], None]


def known(role: Role) -> list[Seed]:
    return [Seed(octets) for octets in seeds(role)]


@pytest.mark.parametrize("role", Role)
def test_the_seeds_are_sound_and_of_every_kind(role: Role) -> None:
    read = [decode(octets) for octets in seeds(role)]
    assert {type(pdu) for pdu in read} == set(KINDS)
    assert [encode(pdu) for pdu in read] == seeds(role)


@pytest.mark.parametrize("role", Role)
def test_a_number_always_gives_the_same(role: Role) -> None:
    first, again, other = (Mutator(known(role), Random(n), rough=True) for n in ("1", "1", "2"))
    frames = [first.next([7]) for _ in range(500)]
    assert frames == [again.next([7]) for _ in range(500)]
    assert frames != [other.next([7]) for _ in range(500)]


@pytest.mark.parametrize("rough", [False, True])
def test_the_verdict_says_what_the_length_is(rough: bool) -> None:
    mutator = Mutator(known(Role.ESME), Random(1), rough)
    found = [mutator.next([]) for _ in range(3_000)]
    for frame, verdict in found:
        length = int.from_bytes(frame[:4], "big")
        assert (16 <= length <= MAX_PDU) is (verdict is not Verdict.BROKEN)
        assert length == len(frame) or verdict in (Verdict.BROKEN, Verdict.LYING)
    assert {verdict for _, verdict in found} == (
        set(Verdict) if rough else {Verdict.SOUND, Verdict.KEPT}
    )


def test_a_block_repeats_alone() -> None:
    """What a long run met in its second block is what that block meets by itself."""
    whole = run(Role.SMSC, 5, PDUS + FEW)
    first, second = run(Role.SMSC, 5, PDUS), run(Role.SMSC, 5, FEW, first=1)
    assert whole["wrong"] is None
    both = {way: first["met"].get(way, 0) + n for way, n in second["met"].items()}
    assert {way: whole["met"][way] for way in both} == both


# What it finds


def unknown_tlv_raises(patch: pytest.MonkeyPatch) -> None:
    def strict(frame: bytes) -> Pdu:
        found = decode(frame)
        if any(tag >= 0x3000 for tag, _ in found.tlvs):
            raise KeyError(found.tlvs)
        return found

    patch.setattr(sessions, "decode", strict)


def unknown_tlv_is_malformed(patch: pytest.MonkeyPatch) -> None:
    def strict(frame: bytes) -> Pdu:
        found = decode(frame)
        if any(tag >= 0x3000 for tag, _ in found.tlvs):
            return Malformed(found.sequence_number, 0xC0, (), found.command_id, "a TLV", b"")
        return found

    patch.setattr(sessions, "decode", strict)


def unknown_command_closes(patch: pytest.MonkeyPatch) -> None:
    def closes(self: Any, pdu: Any, events: list[Any]) -> None:
        events.append(self._close("unknown", "remote"))

    patch.setattr(Session, "_unknown", closes)


def unknown_command_is_passed_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Session, "_unknown", lambda self, pdu, events: None)


def unknown_response_is_answered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Session, "_unknown", lambda self, pdu, events: self._refuse(pdu, 3, events))


def malformed_is_answered_ok(patch: pytest.MonkeyPatch) -> None:
    refuse = Session._refuse

    def ok(self: Session, pdu: Pdu, status: int, events: list[Any]) -> None:
        refuse(self, pdu, 0 if isinstance(pdu, Malformed) else status, events)

    patch.setattr(Session, "_refuse", ok)


def malformed_is_answered_twice(patch: pytest.MonkeyPatch) -> None:
    refuse = Session._refuse

    def twice(self: Session, pdu: Pdu, status: int, events: list[Any]) -> None:
        refuse(self, pdu, status, events)
        if isinstance(pdu, Malformed):
            self._out += encode(GenericNack(pdu.sequence_number, status))

    patch.setattr(Session, "_refuse", twice)


def any_number_settles(patch: pytest.MonkeyPatch) -> None:
    """A response is taken for an answer to any request that has its number."""
    patch.setattr(
        sessions.Window,
        "take",
        lambda self, number, command_id: self.pop(number, None),
    )


def sequence_number_is_signed(patch: pytest.MonkeyPatch) -> None:
    def smaller(pdu: Pdu, status: int = 0) -> Any:
        made = pdus.answer(pdu, status)
        return type(made)(made.sequence_number & 0x7FFF_FFFF, made.command_status)

    patch.setattr(sessions, "answer", smaller)


def octets_stay_behind(patch: pytest.MonkeyPatch) -> None:
    def kept(self: Session, pdu: Pdu, events: list[Any]) -> None:
        if isinstance(pdu, Unknown):
            self._refuse(pdu, 3, events)
            self._control[len(self._control) + 0x1000_0000] = (None, 1e9, Command.ENQUIRE_LINK)

    patch.setattr(Session, "_unknown", kept)


def lost_framing_is_passed_over(patch: pytest.MonkeyPatch) -> None:
    def forgiving(buffer: bytearray, most: int) -> Any:
        found = pdus.split(buffer, most)
        if isinstance(found, pdus.FramingError):
            buffer.clear()
            return []
        return found

    patch.setattr(sessions, "split", forgiving)


def decoding_takes_ever_longer(patch: pytest.MonkeyPatch) -> None:
    def slow(frame: bytes) -> Pdu:
        for at in range(len(frame) * 20):
            abs(at)
        return decode(frame)

    patch.setattr(sessions, "decode", slow)


def receipt_raises(patch: pytest.MonkeyPatch) -> None:
    def raises(pdu: Any, *words: Any) -> Any:
        found = inbound_read(pdu, *words)
        if pdu.data_coding == 0xE0:
            raise UnicodeDecodeError("utf-16-be", b"", 0, 1, "truncated")
        return found

    inbound_read = inbound.read
    patch.setattr(inbound, "read", raises)


ERRORS: list[Broken] = [
    unknown_tlv_raises,
    unknown_tlv_is_malformed,
    unknown_command_closes,
    unknown_command_is_passed_over,
    unknown_response_is_answered,
    malformed_is_answered_ok,
    malformed_is_answered_twice,
    any_number_settles,
    sequence_number_is_signed,
    octets_stay_behind,
    lost_framing_is_passed_over,
    decoding_takes_ever_longer,
]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("broken", ERRORS, ids=lambda broken: broken.__name__)
def test_an_error_is_found_and_can_be_repeated(
    broken: Broken, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    found = run(role, 1, FEW, first=ROUGH - 1)["wrong"]
    assert found is not None
    assert found["repeat"] == f"scripts/bench fuzz --seed 1 --only {role.value}:{ROUGH - 1}"
    assert bytes.fromhex(found["frame"])
    again = run(role, 1, FEW, first=ROUGH - 1)["wrong"]
    assert (again["frame"], again["place"]) == (found["frame"], found["place"])


def test_what_stands_behind_the_session_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt_raises(monkeypatch)
    found = run(Role.ESME, 1, 2 * FEW)["wrong"]
    assert found["what"].startswith("UnicodeDecodeError")


def test_no_error_is_found_where_there_is_none() -> None:
    for role in Role:
        assert run(role, 1, FEW, first=ROUGH - 1)["wrong"] is None
