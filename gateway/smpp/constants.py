"""The vocabulary of SMPP 3.4: commands, statuses, numbering, TLV tags.

Every value and every text is aiosmpplib's, so that no table is typed twice; the names here are
those the rest of the gateway uses. A status or a tag that is not in the tables stays a plain
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
"""What a bind says it speaks (5.2.4)."""


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


_STATUS_NAMES: Final = {int(status): status.name for status in Status}
_STATUS_TEXTS: Final = {int(status): status.description for status in Status}


def status_name(code: int) -> str:
    """The specification's name of a command_status: ``ESME_RTHROTTLED``.

    A status that 3.4 does not have is written as eight hexadecimal digits: ``0x00000400``.
    """
    return _STATUS_NAMES.get(code) or f"0x{code:08X}"


def status_text(code: int) -> str:
    """What a command_status means, in a sentence; ``Reserved or vendor-specific`` if unknown."""
    return _STATUS_TEXTS.get(code) or "Reserved or vendor-specific"
