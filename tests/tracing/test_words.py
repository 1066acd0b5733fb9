"""A line for people: what an operator looks for stands first, and nothing steers the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.tracing.words import painted, sentence

PDU = {
    "at": "2026-03-02T12:00:00.123456Z",
    "carrier": "andina",
    "bind": 0,
    "mode": "transceiver",
    "direction": "out",
    "pdu": "submit_sm",
    "sequence_number": 12,
    "length": 90,
}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {
                "fields": {
                    "source_addr_ton": 1,
                    "source_addr": "3450",
                    "destination_addr": "569*****567",
                    "esm_class": 64,
                },
                "text": "<42 chars>",
                "part": "1/2",
            },
            "0 -> submit_sm #12  3450 -> 569*****567  esm_class=0x40  part 1/2  <42 chars>",
        ),
        (
            {
                "direction": "in",
                "pdu": "submit_sm_resp",
                "command_status": "ESME_RTHROTTLED",
                "fields": {"message_id": "a1"},
            },
            "0 <- submit_sm_resp #12  ESME_RTHROTTLED  message_id=a1",
        ),
        (
            {"mode": "receiver", "tlvs": {"message_state": 2}, "text": "a\x1b[2Jb\n"},
            '0r -> submit_sm #12  message_state=2  "a\\x1b[2Jb\\n"',
        ),
        ({"problem": "the body ends", "octets": "00"}, "0 -> submit_sm #12  the body ends  00"),
    ],
)
def test_a_pdu(more: dict[str, Any], said: str) -> None:
    assert sentence(PDU | more) == f"12:00:00.123456  {said}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"bind": 1, "event": "bind", "state": "bound"}, "1 == bound"),
        ({"bind": 1, "event": "lost", "reason": "reset\x07"}, "1 == lost: reset\\x07"),
        ({"lost": 12}, "lost: 12 (more than could be told)"),
        (
            {"bind": 1, "mode": "transmitter", "direction": "in", "problem": "framing lost"},
            "1t <- no PDU  framing lost",
        ),
    ],
)
def test_what_is_no_pdu(line: dict[str, Any], said: str) -> None:
    assert sentence({"at": PDU["at"]} | line) == f"12:00:00.123456  {said}"


@pytest.mark.parametrize("event", ["alive", "end"])
def test_what_says_nothing_to_people(event: str) -> None:
    assert sentence({"at": PDU["at"], "event": event}) == ""


def test_colours() -> None:
    assert sentence(PDU, painted) == "12:00:00.123456  0 \x1b[36m->\x1b[0m submit_sm #12"
