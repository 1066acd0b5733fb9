"""The likeliest causes of what a carrier answers, most likely first, with what to do.

The statuses are those of SMPP 3.4, 5.1.3; the words are for whoever has to put it right.
"""

from __future__ import annotations

from gateway.config import Carrier
from gateway.smpp.constants import status_name, status_text

_UNKNOWN = ("ask the carrier what it means by this status",)
_LATER = ("wait a minute and try again", "if it stays: the SMSC has a fault, ask the carrier")
_SLOWLY = (
    "too much was asked in too short a time: wait a minute and try again",
    "the gateway is running and uses the account's whole rate: lower its rate, or stop it",
    "the account has no credit or no rate yet: ask the carrier",
)

_BIND = {
    "ESME_RINVPASWD": (
        "password is not that of {system_id}: case counts, and some read only 8 characters",
        "the account is locked after too many tries, or not opened yet: ask the carrier",
        "test and production have different passwords: is {at} the right one?",
    ),
    "ESME_RINVSYSID": (
        "system_id {system_id} is mistyped: case counts",
        "the account is not on this server: is {at} the right one, test or production?",
        "the account is not opened yet, or closed: ask the carrier",
    ),
    "ESME_RBINDFAIL": (
        "system_id or password is wrong: many SMSCs say only this",
        "the address we come from is not allowed: tell the carrier which it is (see connect)",
        "the account may not bind as {mode}: ask, and try bind = {other}",
        "all binds of the account are in use, or it wants a system_type",
    ),
    "ESME_RALYBND": (
        "is the gateway running with these binds? Each counts against the account's slots: stop "
        "it for the probe, or lower binds by one",
        "binds is more than the carrier allows: ask how many",
        "the SMSC still holds a session that broke: wait a minute and try again",
    ),
    "ESME_RINVSYSTYP": ("system_type is not what the carrier gave: ask for it",),
    "ESME_RINVCMDID": (
        "it does not know bind_{mode} or our interface_version, {version}: an SMSC of SMPP 3.3 has "
        "no transceiver; try bind = {other}",
        "the account may not bind as {mode}: ask the carrier",
    ),
    "ESME_RINVBNDSTS": (
        "it does not take this kind of bind, or our interface_version, {version}: try bind = "
        "{other}",
        "the SMSC still holds a session that broke: wait a minute and try again",
    ),
    "ESME_RINVCMDLEN": ("it does not take our interface_version, {version}: ask which it speaks",),
    "ESME_RSYSERR": (
        "the SMSC has a fault: try again in a few minutes",
        "it does not take our interface_version, {version}: ask which it speaks",
        "the account is not complete on their side: ask the carrier",
    ),
    "ESME_RTHROTTLED": _SLOWLY,
    "ESME_RMSGQFUL": _SLOWLY,
}
_NO_SENDER = (
    "the sender {sender} is not registered for this account: ask which are, and give one with "
    "--from",
    "it wants another TON or NPI with it: set sender_number, sender_short_code or sender_name",
)
_NO_DESTINATION = (
    "the number does not exist, or lacks its country code",
    "the account may not send to that country or operator: ask the carrier",
    "it wants numbers in another form: ask which, and set recipient_number, recipient_strip and "
    "recipient_add",
)
_NO_TLV = (
    "it takes no user_message_reference: set user_message_reference = false",
    'it wants other tlvs, or has none of SMPP 3.4 at all: ask it; interface_version = "3.3" sends '
    "none",
)
_SUBMIT = {
    "ESME_RINVSRCADR": _NO_SENDER,
    "ESME_RINVSRCTON": _NO_SENDER[::-1],
    "ESME_RINVSRCNPI": _NO_SENDER[::-1],
    "ESME_RINVDSTADR": _NO_DESTINATION,
    "ESME_RINVDSTTON": _NO_DESTINATION[::-1],
    "ESME_RINVDSTNPI": _NO_DESTINATION[::-1],
    "ESME_RTHROTTLED": _SLOWLY,
    "ESME_RMSGQFUL": _SLOWLY,
    "ESME_RINVSERTYP": ("service_type is not what the carrier gave: ask for it",),
    "ESME_RINVREGDLVFLG": ("the account may not ask for receipts: ask the carrier",),
    "ESME_RINVOPTPARSTREAM": _NO_TLV,
    "ESME_ROPTPARNOTALLWD": _NO_TLV,
    "ESME_RINVPARLEN": _NO_TLV,
    "ESME_RINVOPTPARAMVAL": _NO_TLV,
    "ESME_RMISSINGOPTPARAM": ("it wants an optional parameter: ask which, and set tlvs",),
    "ESME_RINVBNDSTS": ("the account may not submit: ask the carrier",),
    "ESME_RSUBMITFAIL": (
        "the account may not send yet, or has no credit: ask the carrier",
        "the sender {sender} is not registered: ask which are",
    ),
    "ESME_RSYSERR": _LATER,
    "ESME_RX_T_APPN": _LATER,
}


def of_status(carrier: Carrier, step: str, status: int, mode: str, sender: str) -> tuple[str, ...]:
    """Why a request of this step (``bind``, ``submit_sm``, ...) got this status."""
    name = status_name(status)
    known = {"bind": _BIND, "submit_sm": _SUBMIT}.get(step, {}).get(name, _UNKNOWN)
    named = {
        "at": f"{carrier.host}:{carrier.port}",
        "system_id": carrier.system_id,
        "mode": mode,
        "other": '"transmitter+receiver"' if mode == "transceiver" else '"transceiver"',
        "sender": sender,
        "version": carrier.interface_version,
    }
    return tuple(cause.format(**named) for cause in known)


def meaning(status: int) -> str:
    """The specification's words."""
    return status_text(status)


SILENT = {
    "enquire_link": (
        "the SMSC holds the session and does not serve it: ask the carrier",
        "a firewall between us lets only the first octets through",
    ),
    "submit_sm": (
        "the carrier may have taken the message all the same: do not send it again at once",
        "the SMSC is overloaded: response_seconds is how long we wait",
    ),
}
"""A bound session that does not answer."""

CLOSED = (
    "the carrier ends sessions that break its rules: ask what its log says",
    "another session of the same account pushed this one out: is the gateway running?",
)

NOT_DELIVERED = (
    "the phone is off, out of reach or full: try another number",
    "the number does not exist or its operator refuses the sender",
    "the carrier's route to that operator is down: ask, with the message_id",
)


def no_receipt(carrier: Carrier, other_id: str, message_id: str, unmarked: bool) -> tuple[str, ...]:
    """No receipt of our message came in time."""
    first = []
    if other_id:
        first.append(
            f"a receipt for this number came with the id {other_id!r}, and the response said "
            f"{message_id!r}: are they one id in two forms? Then set message_id"
        )
    if unmarked:
        first.append(
            "a text like a receipt came whose esm_class does not say that it is one (SMPP 3.4, "
            "5.2.12): the gateway would take it for a reply; the carrier must mark it"
        )
    return (
        *first,
        "the phone is off, or the operator slow: wait longer with --wait",
        "the gateway runs with this account, and the receipt went to one of its binds: it is "
        "parked there",
        "the account gives no receipts although registered_delivery asks for them: ask the carrier",
        "it gives receipts to a receiver bind alone: try bind = "
        + ('"transmitter+receiver"' if carrier.bind == "transceiver" else '"transceiver"'),
    )
