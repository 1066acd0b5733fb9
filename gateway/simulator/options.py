"""The command line of ``recado simulate``, as settings of the script."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError


def parser() -> argparse.ArgumentParser:
    """The options. What they set wins over the file's settings."""
    made = argparse.ArgumentParser(
        prog="recado simulate",
        description="A simulated carrier (SMSC): statuses, delays, receipts, debtors who answer.",
        epilog="MS is milliseconds or LOW-HIGH; SHARE is 0 to 1. Every key of the script can be "
        "set with --set, as in --set receipts.repeat_share=0.1.",
    )
    add = made.add_argument
    add("--config", type=Path, metavar="FILE", help="a script in TOML")
    add("--listen", metavar="HOST:PORT", help="default 127.0.0.1:2775; port 0: any free one")
    add("--control", metavar="HOST:PORT", help="the control endpoint, on loopback; default none")
    add("--seed", type=int, metavar="N", help="repeat the same decisions")
    add("--stats", type=Path, metavar="FILE", help="write the statistics there at the end")
    add("--system-id", metavar="ID", help="the one account that may bind; default anyone")
    add("--password", metavar="WORD", help="its password")
    add("--max-binds", type=int, metavar="N", help="binds an account; more get ESME_RALYBND")
    add("--refuse-binds", type=int, metavar="N", help="refuse the first N binds")
    add("--rate", type=int, metavar="N", help="segments in a sliding second an account")
    add("--window", type=int, metavar="N", help="unanswered submits a bind")
    add("--delay", metavar="MS", help="from a submit to its response")
    add("--throttled", type=float, metavar="SHARE", help="answered ESME_RTHROTTLED")
    add("--queue-full", type=float, metavar="SHARE", help="answered ESME_RMSGQFUL")
    add("--status", action="append", default=[], metavar="STATUS=SHARE", help="may be repeated")
    add("--silence-share", type=float, metavar="SHARE", help="taken and never answered")
    add("--drop-every", type=float, metavar="S", help="cut every link every S seconds")
    add("--drop-after", type=int, metavar="N", help="cut a link at its Nth submit")
    add("--ids", metavar="FORM", help="decimal, hex, uuid, hex-decimal or decimal-hex")
    add(
        "--receipts",
        metavar="FORM",
        help="none, text, tlv, both, payload, ucs2, data_sm, list or vendor",
    )
    add("--receipt-delay", metavar="MS", help="from the response to the receipt")
    add("--outcome", action="append", default=[], metavar="WORD=SHARE", help="as UNDELIV=0.1")
    add("--replies", type=float, metavar="SHARE", help="debtors who answer")
    add("--reply-delay", metavar="MS", help="from the response to the answer")
    add("--record", type=int, metavar="N", help="submits kept for /submits and duplicates")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="any key, a TOML value")
    return made


PLACES = {
    "listen": "listen",
    "control": "control",
    "seed": "seed",
    "max_binds": "max_binds",
    "refuse_binds": "refuse_binds",
    "rate": "rate",
    "window": "window",
    "delay": "delay_ms",
    "silence_share": "silence_share",
    "drop_every": "drop_every_s",
    "drop_after": "drop_after",
    "ids": "ids.form",
    "receipts": "receipts.form",
    "receipt_delay": "receipts.delay_ms",
    "replies": "replies.share",
    "reply_delay": "replies.delay_ms",
    "record": "record.submits",
}
"""An option, and the key of the script that it sets."""

DELAYS = ("delay", "receipt_delay", "reply_delay")


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """What the options set, as changes to a script. Raises ConfigError."""
    changes: dict[str, Any] = {}
    for option, place in PLACES.items():
        value = getattr(options, option)
        if value is not None:
            _put(changes, place, _delay(value) if option in DELAYS else value)
    for pair in options.set:
        _put(changes, *_assignment(pair))
    if options.system_id is not None:
        account = {"system_id": options.system_id, "password": options.password or ""}
        changes["accounts"] = [account]
    statuses = _shares(options.status)
    for option, status in (("throttled", "ESME_RTHROTTLED"), ("queue_full", "ESME_RMSGQFUL")):
        if getattr(options, option) is not None:
            statuses[status] = getattr(options, option)
    if statuses:
        changes["statuses"] = statuses
    if options.outcome:
        _put(changes, "receipts.outcomes", _shares(options.outcome))
    return changes


def _put(changes: dict[str, Any], place: str, value: object) -> None:
    *tables, key = place.split(".")
    for table in tables:
        changes = changes.setdefault(table, {})
    changes[key] = value


def _delay(text: str) -> object:
    """``20`` or ``10-40``; what is neither stays a text, for the script to refuse."""
    try:
        numbers = [float(number) for number in text.split("-")]
    except ValueError:
        return text
    return numbers[0] if len(numbers) == 1 else numbers


def _shares(pairs: list[str]) -> dict[str, object]:
    shares: dict[str, object] = {}
    for pair in pairs:
        word, _, share = pair.partition("=")
        try:
            shares[word] = float(share)
        except ValueError:
            raise ConfigError([f"options: {pair!r}: WORD=SHARE is allowed"]) from None
    return shares


def _assignment(pair: str) -> tuple[str, object]:
    """``key=value`` with a TOML value; a bare word is a text."""
    key, _, value = pair.partition("=")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
