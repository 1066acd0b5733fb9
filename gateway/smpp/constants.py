"""The vocabulary of SMPP 3.4: commands, statuses, numbering, TLV tags.

Every value and every text of 3.4 is aiosmpplib's, so that no table is typed twice; the names here
are those the rest of the gateway uses. A status or a tag that is not in the tables stays a plain
``int``: carriers have their own.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from aiosmpplib import state
from aiosmpplib.state import NPI, TON, SmppCommand, SmppCommandStatus

Command = SmppCommand
"""command_id (5.1.2.1)."""

Status = SmppCommandStatus
"""command_status (5.1.3)."""

Ton = TON
"""Type of number (5.2.5)."""

Npi = NPI
"""Numbering plan indicator (5.2.6)."""

HEADER_LENGTH: Final = 16
"""Octets of a PDU's header, and so the least a command_length may say (3.2)."""

RESPONSE_BIT: Final = 0x8000_0000
"""Set in the command_id of every response and of generic_nack (5.1.2)."""

MAX_SEQUENCE_NUMBER: Final = 0x7FFF_FFFF
"""sequence_number runs from 1 to this, then from 1 again (5.1.4)."""

INTERFACE_VERSION: Final = 0x34
"""What a bind says it speaks (5.2.4), and the first version with optional parameters."""

INTERFACE_VERSIONS: Final = {"3.3": 0x33, "3.4": INTERFACE_VERSION, "5.0": 0x50}
"""What it may say instead (5.2.4; SMPP 5.0, 4.7.13)."""


class Tlv(IntEnum):
    """The tags of the optional parameters (5.3.2)."""

    DEST_ADDR_SUBUNIT = state.DEST_ADDR_SUBUNIT
    DEST_NETWORK_TYPE = state.DEST_NETWORK_TYPE
    DEST_BEARER_TYPE = state.DEST_BEARER_TYPE
    DEST_TELEMATICS_ID = state.DEST_TELEMATICS_ID
    SOURCE_ADDR_SUBUNIT = state.SOURCE_ADDR_SUBUNIT
    SOURCE_NETWORK_TYPE = state.SOURCE_NETWORK_TYPE
    SOURCE_BEARER_TYPE = state.SOURCE_BEARER_TYPE
    SOURCE_TELEMATICS_ID = state.SOURCE_TELEMATICS_ID
    QOS_TIME_TO_LIVE = state.QOS_TIME_TO_LIVE
    PAYLOAD_TYPE = state.PAYLOAD_TYPE
    ADDITIONAL_STATUS_INFO_TEXT = state.ADDITIONAL_STATUS_INFO_TEXT
    RECEIPTED_MESSAGE_ID = state.RECEIPTED_MESSAGE_ID
    MS_MSG_WAIT_FACILITIES = state.MS_MSG_WAIT_FACILITIES
    PRIVACY_INDICATOR = state.PRIVACY_INDICATOR
    SOURCE_SUBADDRESS = state.SOURCE_SUBADDRESS
    DEST_SUBADDRESS = state.DEST_SUBADDRESS
    USER_MESSAGE_REFERENCE = state.USER_MESSAGE_REFERENCE
    USER_RESPONSE_CODE = state.USER_RESPONSE_CODE
    SOURCE_PORT = state.SOURCE_PORT
    DESTINATION_PORT = state.DESTINATION_PORT
    SAR_MSG_REF_NUM = state.SAR_MSG_REF_NUM
    LANGUAGE_INDICATOR = state.LANGUAGE_INDICATOR
    SAR_TOTAL_SEGMENTS = state.SAR_TOTAL_SEGMENTS
    SAR_SEGMENT_SEQNUM = state.SAR_SEGMENT_SEQNUM
    SC_INTERFACE_VERSION = state.SC_INTERFACE_VERSION
    CALLBACK_NUM_PRES_IND = state.CALLBACK_NUM_PRES_IND
    CALLBACK_NUM_ATAG = state.CALLBACK_NUM_ATAG
    NUMBER_OF_MESSAGES = state.NUMBER_OF_MESSAGES
    CALLBACK_NUM = state.CALLBACK_NUM
    DPF_RESULT = state.DPF_RESULT
    SET_DPF = state.SET_DPF
    MS_AVAILABILITY_STATUS = state.MS_AVAILABILITY_STATUS
    NETWORK_ERROR_CODE = state.NETWORK_ERROR_CODE
    MESSAGE_PAYLOAD = state.MESSAGE_PAYLOAD
    DELIVERY_FAILURE_REASON = state.DELIVERY_FAILURE_REASON
    MORE_MESSAGES_TO_SEND = state.MORE_MESSAGES_TO_SEND
    MESSAGE_STATE = state.MESSAGE_STATE
    USSD_SERVICE_OP = state.USSD_SERVICE_OP
    DISPLAY_TIME = state.DISPLAY_TIME
    SMS_SIGNAL = state.SMS_SIGNAL
    MS_VALIDITY = state.MS_VALIDITY
    ALERT_ON_MESSAGE_DELIVERY = state.ALERT_ON_MESSAGE_DELIVERY
    ITS_REPLY_TYPE = state.ITS_REPLY_TYPE
    ITS_SESSION_INFO = state.ITS_SESSION_INFO


_OF_5_0: Final = {
    0x0100: ("ESME_RSERTYPUNAUTH", "ESME not authorised to use the service_type"),
    0x0101: ("ESME_RPROHIBITED", "ESME prohibited from using the operation"),
    0x0102: ("ESME_RSERTYPUNAVAIL", "The service_type is unavailable"),
    0x0103: ("ESME_RSERTYPDENIED", "The service_type is denied"),
    0x0104: ("ESME_RINVDCS", "Invalid data coding scheme"),
    0x0105: ("ESME_RINVSRCADDRSUBUNIT", "Invalid source address subunit"),
    0x0106: ("ESME_RINVDSTADDRSUBUNIT", "Invalid destination address subunit"),
    0x0107: ("ESME_RINVBCASTFREQINT", "Invalid broadcast frequency interval"),
    0x0108: ("ESME_RINVBCASTALIAS_NAME", "Invalid broadcast alias name"),
    0x0109: ("ESME_RINVBCASTAREAFMT", "Invalid broadcast area format"),
    0x010A: ("ESME_RINVNUMBCAST_AREAS", "Invalid number of broadcast areas"),
    0x010B: ("ESME_RINVBCASTCNTTYPE", "Invalid broadcast content type"),
    0x010C: ("ESME_RINVBCASTMSGCLASS", "Invalid broadcast message class"),
    0x010D: ("ESME_RBCASTFAIL", "broadcast_sm failed"),
    0x010E: ("ESME_RBCASTQUERYFAIL", "query_broadcast_sm failed"),
    0x010F: ("ESME_RBCASTCANCELFAIL", "cancel_broadcast_sm failed"),
    0x0110: ("ESME_RINVBCAST_REP", "Invalid number of repeated broadcasts"),
    0x0111: ("ESME_RINVBCASTSRVGRP", "Invalid broadcast service group"),
    0x0112: ("ESME_RINVBCASTCHANIND", "Invalid broadcast channel indicator"),
}
"""What SMPP 5.0 adds (4.7.6). What 3.4 has, too, keeps the name it has there."""

_STATUS_NAMES: Final = {
    **{code: name for code, (name, _) in _OF_5_0.items()},
    **{int(status): status.name for status in Status},
}
_STATUS_TEXTS: Final = {
    **{code: text for code, (_, text) in _OF_5_0.items()},
    **{int(status): status.description for status in Status},
}


def status_name(code: int) -> str:
    """The specification's name of a command_status: ``ESME_RTHROTTLED``.

    A status that neither 3.4 nor 5.0 has is written as eight hexadecimal digits: ``0x00000400``.
    """
    return _STATUS_NAMES.get(code) or f"0x{code:08X}"


def status_text(code: int) -> str:
    """What a command_status means, in a sentence; ``Reserved or vendor-specific`` if unknown."""
    return _STATUS_TEXTS.get(code) or "Reserved or vendor-specific"
