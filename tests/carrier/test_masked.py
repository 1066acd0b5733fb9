"""A PDU's octets with what is not to be shown overwritten: same length, same fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carrier.masked import masked
from gateway.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DataSm,
    DeliverSm,
    Malformed,
    Outbind,
    Pdu,
    QuerySm,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Tlv,
    UnsuccessSme,
    decode,
    encode,
)

DEBTOR, SENDER = "56981234567", "3450"
MASKED = "569*****567"
TEXT = b"Banco Ejemplo: su cuota vence hoy."
UDH = b"\x05\x00\x03\x07\x02\x01"
RECEIPT = (
    b"id:5698123450 sub:001 dlvrd:001 submit date:2603021200 done date:2603021201 "
    b"stat:DELIVRD err:000 text:Banco Ejemplo: su cu"
)


def shown(pdu: Pdu, numbers: bool = False, texts: bool = False) -> Pdu:
    """The PDU as it is shown; its length is what it was."""
    octets = encode(pdu)
    found = masked(octets, numbers, texts)
    assert len(found) == len(octets)
    assert found[:16] == octets[:16]
    return decode(found)


def submit(**more: object) -> SubmitSm:
    fields = {"source_addr": SENDER, "destination_addr": DEBTOR, "short_message": TEXT} | more
    return SubmitSm(7, **fields)  # type: ignore[arg-type]


def test_by_default_neither_number_nor_text_is_left() -> None:
    """The number is masked as in the log; a short code is no number of anybody's."""
    found = shown(submit(registered_delivery=1))
    assert found == submit(
        registered_delivery=1, destination_addr=MASKED, short_message=b"x" * len(TEXT)
    )


def test_what_is_asked_for_is_shown() -> None:
    assert shown(submit(), numbers=True) == submit(short_message=b"x" * len(TEXT))
    assert shown(submit(), texts=True) == submit(destination_addr=MASKED)
    assert shown(submit(), numbers=True, texts=True) == submit()


def test_a_number_within_a_text_is_a_number() -> None:
    text = b"Llame al 56981234567, folio 12."
    found = shown(submit(short_message=text), texts=True)
    assert isinstance(found, SubmitSm)
    assert found.short_message == b"Llame al 569*****567, folio 12."


def test_a_header_stays() -> None:
    """It says which part this is, and nothing of anybody."""
    found = shown(submit(esm_class=0x40, short_message=UDH + TEXT))
    assert isinstance(found, SubmitSm)
    assert found.short_message == UDH + b"x" * len(TEXT)


def test_what_is_only_marked_as_a_header_is_a_text() -> None:
    """Its first octet would make most of it one."""
    text = b"\x20Banco Ejemplo: su cuota vence hoy, 12 de marzo."
    found = shown(submit(esm_class=0x40, short_message=text))
    assert isinstance(found, SubmitSm)
    assert found.short_message == b"x" * len(text)


@pytest.mark.parametrize("text", ["Señora Núñez 😀", ""])
def test_ucs2_stays_ucs2(text: str) -> None:
    """Every unit becomes one x."""
    octets = text.encode("utf-16-be")
    found = shown(submit(data_coding=8, short_message=octets))
    assert isinstance(found, SubmitSm)
    assert found.short_message.decode("utf-16-be") == "x" * (len(octets) // 2)


def test_a_number_in_ucs2_is_a_number() -> None:
    octets = "Señora, 56981234567 😀".encode("utf-16-be")
    found = shown(submit(data_coding=8, short_message=octets), texts=True)
    assert isinstance(found, SubmitSm)
    assert found.short_message.decode("utf-16-be") == "Señora, 569*****567 😀"


def test_the_payload_is_a_text() -> None:
    payload = (int(Tlv.MESSAGE_PAYLOAD), TEXT)
    found = shown(submit(short_message=b"", tlvs=(payload, (0x0204, b"\0\5"))))
    assert found.tlvs == ((int(Tlv.MESSAGE_PAYLOAD), b"x" * len(TEXT)), (0x0204, b"\0\5"))


def test_numbers_in_parameters_are_numbers() -> None:
    """callback_num has three octets before it; a vendor's may repeat the recipient's."""
    tlvs = (
        (int(Tlv.CALLBACK_NUM), b"\1\1\1" + b"56977777777"),
        (int(Tlv.CALLBACK_NUM_ATAG), b"\0Juan"),
        (0x1400, b"to " + DEBTOR.encode()),
        (int(Tlv.RECEIPTED_MESSAGE_ID), b"5698123450\0"),
    )
    assert [value for _, value in shown(submit(tlvs=tlvs)).tlvs] == [
        b"\1\1\1" + b"569*****777",
        b"xxxxx",
        b"to " + MASKED.encode(),
        b"5698123450\0",
    ]


def delivery(text: bytes, **more: object) -> DeliverSm:
    fields = {"source_addr": DEBTOR, "destination_addr": SENDER, "esm_class": 4} | more
    return DeliverSm(1, short_message=text, **fields)  # type: ignore[arg-type]


def test_a_receipts_keys_stay_and_its_quote_goes() -> None:
    found = shown(delivery(RECEIPT))
    assert isinstance(found, DeliverSm)
    assert found.source_addr == MASKED
    keys, _, quote = RECEIPT.partition(b"text:")
    assert found.short_message == keys + b"text:" + b"x" * len(quote)


def test_a_receipts_parties_are_numbers_and_its_id_is_none() -> None:
    found = shown(delivery(b"id:5698123450 to:+56981234567 stat:UNDELIV"))
    assert isinstance(found, DeliverSm)
    assert found.short_message == b"id:5698123450 to:+569*****567 stat:UNDELIV"


def test_an_empty_quote_hides_no_keys() -> None:
    text = b"id:5 text: stat:DELIVRD err:000"
    found = shown(delivery(text))
    assert isinstance(found, DeliverSm)
    assert found.short_message == text


@pytest.mark.parametrize("text", [b"id:5 " + b"text: " * 10_000, b"id:" + b"text: a:" * 8_000])
def test_no_text_takes_long(text: bytes) -> None:
    """What is too long for a receipt is a text, and a pattern finds its end at once."""
    pdu = delivery(b"", tlvs=((int(Tlv.MESSAGE_PAYLOAD), text),))
    assert shown(pdu).tlvs[0][1] == b"x" * len(text)
    short = delivery(b"id:5 text:" + b" a:b" * 60 + b" !")
    assert b"a:b" not in masked(encode(short), numbers=False, texts=False)


def test_a_receipt_in_ucs2() -> None:
    found = shown(delivery(RECEIPT.decode().encode("utf-16-be"), data_coding=8))
    assert isinstance(found, DeliverSm)
    said = found.short_message.decode("utf-16-be")
    assert said.startswith("id:5698123450 ")
    assert said.endswith("stat:DELIVRD err:000 text:xxxxxxxxxxxxxxxxxxxx")


@pytest.mark.parametrize("esm_class", [0, 4])
def test_a_debtors_words_are_a_text_whatever_they_are_marked(esm_class: int) -> None:
    """Some carriers mark replies as receipts; and an unmarked ``stat:`` is a person's."""
    text = b"Ya pague ayer" if esm_class else b"id:5 stat:DELIVRD"
    found = shown(delivery(text, esm_class=esm_class))
    assert isinstance(found, DeliverSm)
    assert found.short_message == b"x" * len(text)


@pytest.mark.parametrize(("numbers", "texts"), [(False, False), (True, True)])
def test_a_password_is_never_shown(numbers: bool, texts: bool) -> None:
    for pdu in (BindTransceiver(1, system_id="recado", password="hunter2"), Outbind(password="p4")):
        found = shown(pdu, numbers, texts)
        assert isinstance(found, BindTransceiver | Outbind)
        assert found.password == "*" * len(pdu.password)
        assert found.system_id == pdu.system_id
        for end in range(16, len(encode(pdu))):  # cut off, it is malformed
            assert b"hunt"[:2] not in masked(encode(pdu)[:end], numbers, texts)


def test_lists_of_numbers() -> None:
    several = SubmitMulti(
        dest_addresses=(SmeAddress(1, 1, DEBTOR), SmeAddress(1, 1, "56900000001"))
    )
    found = shown(several)
    assert isinstance(found, SubmitMulti)
    assert [one.destination_addr for one in found.dest_addresses] == [  # type: ignore[union-attr]
        MASKED,
        "569*****001",
    ]
    answered = shown(SubmitMultiResp(unsuccess_smes=(UnsuccessSme(1, 1, DEBTOR, 11),)))
    assert isinstance(answered, SubmitMultiResp)
    assert answered.unsuccess_smes == (UnsuccessSme(1, 1, MASKED, 11),)


def test_other_commands() -> None:
    """Ids are shown, and numbers in every command's fields are not."""
    assert shown(SubmitSmResp(1, message_id="5698123456")) == SubmitSmResp(
        1, message_id="5698123456"
    )
    assert shown(QuerySm(1, message_id="7", source_addr=DEBTOR)) == QuerySm(
        1, message_id="7", source_addr=MASKED
    )
    assert shown(BindTransceiverResp(1, system_id="smsc")) == BindTransceiverResp(
        1, system_id="smsc"
    )
    data = DataSm(destination_addr=DEBTOR, tlvs=((int(Tlv.MESSAGE_PAYLOAD), TEXT),))
    found = shown(data)
    assert isinstance(found, DataSm)
    assert (found.destination_addr, found.tlvs[0][1]) == (MASKED, b"x" * len(TEXT))


def test_what_cannot_be_read_is_not_shown() -> None:
    """A body cut off, parameters that end in the middle, a command that nobody knows."""
    octets = encode(submit())
    for frame in (octets[:-1], octets + b"\x14\x00\x00\x20" + DEBTOR.encode()):
        assert isinstance(decode(frame), Malformed)
        found = masked(frame, numbers=False, texts=False)
        assert DEBTOR[3:].encode() not in found
        assert b"cuota" not in found
    unknown = b"\0\0\0\x21\0\1\0\0\0\0\0\0\0\0\0\1" + b"Hola 56981234567."
    assert masked(unknown, numbers=False, texts=True) == unknown[:16] + b"x" * 17
    assert masked(unknown, numbers=True, texts=True) == unknown


@given(
    kind=st.sampled_from([SubmitSm, DeliverSm, DataSm]),
    text=st.text("abcdefghijñ ", min_size=6, max_size=60).filter(lambda text: text.strip()),
    number=st.text("0123456789", min_size=10, max_size=15),
    esm_class=st.sampled_from([0, 3, 4, 0x20, 0x40, 0x43, 0x44, 0x80]),
    data_coding=st.sampled_from([0, 1, 3, 4, 8, 0x18, 0xF0]),
    whole=st.booleans(),
)
def test_nothing_leaks(
    kind: type[SubmitSm | DeliverSm | DataSm],
    text: str,
    number: str,
    esm_class: int,
    data_coding: int,
    whole: bool,
) -> None:
    """Whatever it is and however it is written, marked or cut off."""
    octets = text.encode("utf-16-be" if data_coding in (8, 0x18) else "latin-1")
    tlvs: tuple[tuple[int, bytes], ...] = ((0x1401, number.encode()),)
    more: dict[str, Any] = {}
    if whole or kind is DataSm:
        tlvs += ((int(Tlv.MESSAGE_PAYLOAD), octets),)
    else:
        more["short_message"] = octets
    pdu = kind(
        1,
        source_addr=number,
        destination_addr=number,
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=tlvs,
        **more,
    )
    for frame in (encode(pdu), encode(pdu)[:-1]):
        found = masked(frame, numbers=False, texts=False)
        assert octets not in found
        assert number.encode() not in found


@given(
    command=st.sampled_from(
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 0xB, 0x15, 0x21, 0x102, 0x103, 0x111, 9999]
    ),
    response=st.booleans(),
    body=st.binary(max_size=300),
    numbers=st.booleans(),
    texts=st.booleans(),
)
def test_it_is_total(command: int, response: bool, body: bytes, numbers: bool, texts: bool) -> None:
    """Whatever comes: same length, same header."""
    head = (16 + len(body), command | (response << 31), 0, 1)
    frame = b"".join(number.to_bytes(4, "big") for number in head) + body
    found = masked(frame, numbers, texts)
    assert (len(found), found[:16]) == (len(frame), frame[:16])
