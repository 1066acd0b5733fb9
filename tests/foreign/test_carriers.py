"""An account of ours at carriers that share no code with it: npm's smpp and smpp34 (Rust)."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
import trustme

from gateway.carrier.session import BindState
from gateway.smpp.pdu import Status
from gateway.smpp.text import segments
from tests.carrier.conftest import Line, until
from tests.foreign.carriers import Arrived, Carrier, NodeCarrier
from tests.foreign.conftest import Bound

LATER = "Banco Ejemplo le recuerda que su cuota vence el viernes; pague en la app o en caja. "


def whole(submits: list[Arrived]) -> dict[str, list[str]]:
    """The texts of each recipient, their parts joined by what the headers say."""
    texts = defaultdict(list)
    parts: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    for submit in submits:
        to = submit.recipient[0]
        if not submit.udh:
            assert not submit.esm_class & 0x40
            texts[to].append(submit.text)
            continue
        assert submit.esm_class & 0x40
        reference, total, part = submit.part()
        found = parts[to, reference]
        assert part not in found
        found[part] = submit.text
        if len(found) == total:
            texts[to].append("".join(found[n] for n in range(1, total + 1)))
            del parts[to, reference]
    assert not parts
    return texts


async def bound(line: Line, number: int = 1) -> None:
    async def all_bound() -> bool:
        return sum(bind.bound for bind in line.account.binds) == number

    await until(all_bound)


async def test_a_campaign_goes_out_and_its_receipts_come_back(carrier: Carrier, at: Bound) -> None:
    line = await at(carrier, window=10, binds=2)
    await line.put(*range(100))
    await line.until(delivered=100)
    assert len(carrier.binds) == 2
    counted = Counter(submit.recipient for submit in carrier.submits)
    assert counted == Counter({(f"569{n:08d}", 1, 1): 1 for n in range(100)})
    assert {submit.sender[0] for submit in carrier.submits} == {"3450"}
    assert {submit.registered_delivery for submit in carrier.submits} == {1}
    assert len({submit.reference for submit in carrier.submits}) == 100
    page = await line.store.records.messages("crm", to="56900000007")
    assert page.items[0].carrier == "andina"


@pytest.mark.parametrize("ties", ["udh8", "udh16"])
async def test_long_and_ucs2_texts_arrive_whole(carrier: Carrier, at: Bound, ties: str) -> None:
    texts = {
        1: "Su cuota vence hoy.",
        2: LATER * 4,
        3: "Su cuota: 300 €. Señor Núñez, gracias. Опл",  # UCS-2, for the Cyrillic
        4: ("Señora Muñoz: оплата сегодня, 300 €. " * 6).strip(),
        5: "Привет 😀 " * 20,  # no pair of surrogates may be cut
    }
    line = await at(carrier, window=4, long_messages=ties)
    for number, text in texts.items():
        cut = segments(text, "auto", 0, ties)
        coded = {"encoding": "ucs2" if cut[0].data_coding == 8 else "gsm7"}
        await line.put(number, text=text, segments=len(cut), **coded)
    await line.until(delivered=len(texts))
    assert whole(carrier.submits) == {f"569{n:08d}": [text] for n, text in texts.items()}
    assert {s.data_coding for s in carrier.submits} == {0, 8}
    for submit in carrier.submits:
        if submit.udh:
            assert submit.udh[0].startswith("0003" if ties == "udh8" else "0804")


async def test_gsm_letters_arrive_as_they_were(node: NodeCarrier, at: Bound) -> None:
    # The only one that has the alphabet of GSM 03.38 and its extension itself.
    text = "¿Señor Ibáñez? Año: [300 €] {~^|\\} ÄÖÜäöüß àèéìòù ÆæØøÅå ΔΦΓΛΩΠΨΣΘΞ ¡@£$¥§¤!"
    text = text.replace("á", "a")
    line = await at(node)
    await line.put(1, text=text, segments=len(segments(text, "gsm7", 0)))
    await line.put(2, text=text * 4, segments=len(segments(text * 4, "gsm7", 0)))
    await line.until(delivered=2)
    assert whole(node.submits) == {"56900000001": [text], "56900000002": [text * 4]}


async def test_a_status_ends_a_message_or_sends_it_again(carrier: Carrier, at: Bound) -> None:
    await carrier.rule("001", Status.ESME_RINVDSTADR)
    await carrier.rule("002", Status.ESME_RTHROTTLED, times=2)
    await carrier.rule("003", Status.ESME_RINVSERTYP)
    line = await at(carrier, rate=500)
    await line.put(1, 2, 3, 4)
    await line.until(rejected=1, failed=1, delivered=2)
    counted = Counter(submit.recipient[0][-3:] for submit in carrier.submits)
    assert counted == {"001": 1, "002": 3, "003": 1, "004": 1}
    page = await line.store.records.messages("crm", to="56900000003")
    assert page.items[0].error == "0x00000015"


async def test_a_pair_of_transmitter_and_receiver(carrier: Carrier, at: Bound) -> None:
    line = await at(carrier, bind="transmitter+receiver", window=5)
    await bound(line, 2)
    await line.put(*range(20))
    await line.until(delivered=20)
    assert sorted(carrier.binds) in (
        ["bind_receiver", "bind_transmitter"],
        ["bind_transmitter", "receives"],
    )


async def test_a_reply_reaches_its_campaign(carrier: Carrier, at: Bound) -> None:
    line = await at(carrier)
    await line.put(1)
    await line.until(delivered=1)
    text = "Ya pagué, señor"
    latin = await carrier.reply("56900000001", "3450", text.encode("latin-1"), data_coding=3)
    wide = await carrier.reply("56900000001", "3450", text.encode("utf-16-be"), data_coding=8)
    assert latin + wide == [0, 0]
    replies = (await line.store.records.replies("crm", campaign="c1")).items
    assert [(r.sender, r.text) for r in replies] == [("56900000001", text)] * 2


async def test_the_carrier_unbinds_and_we_come_back(carrier: Carrier, at: Bound) -> None:
    line = await at(carrier)
    await line.put(1)
    await line.until(delivered=1)
    await carrier.unbind()

    async def again() -> bool:
        return len(carrier.binds) == 2 and line.account.binds[0].bound

    await until(again)
    await line.put(2)
    await line.until(delivered=2)


# What only the carrier on Node can be told


async def test_we_unbind(node: NodeCarrier, at: Bound) -> None:
    line = await at(node, bind="transmitter+receiver")
    await bound(line, 2)
    await line.account.quiet()
    await line.account.unbind(5.0)
    await node.program.until("unbind", 2)
    await node.program.until("closed", 2)
    assert {bind.state for bind in line.account.binds} == {BindState.stopped}
    assert node.program.said("error") == []


async def test_enquire_link_both_ways(node: NodeCarrier, at: Bound) -> None:
    line = await at(node, enquire_link_seconds=0.1, response_seconds=5.0)
    await bound(line)
    await node.program.until("enquire_link", 3)
    answers = (await node.program.ask("enquire"))["answers"]
    assert answers == [{"command": "enquire_link_resp", "status": 0}]
    assert len(node.binds) == 1  # nothing has ended the link


async def test_a_vendors_status_is_kept(node: NodeCarrier, at: Bound) -> None:
    await node.rule("001", 0x0400)
    line = await at(node)
    await line.put(1)
    await line.until(failed=1)
    page = await line.store.records.messages("crm", to="56900000001")
    assert page.items[0].error == "0x00000400"


async def test_what_the_bind_says(node: NodeCarrier, at: Bound) -> None:
    line = await at(node, system_type="cobranza")
    await bound(line)
    (said,) = await node.program.until("bind")
    assert said == {
        "event": "bind",
        "command": "bind_transceiver",
        "system_id": "recado",
        "password": "secret",
        "system_type": "cobranza",
        "interface_version": 0x34,
    }


async def test_a_refused_bind_is_tried_again(node: NodeCarrier, at: Bound) -> None:
    await node.program.ask("refuse", binds=2)
    line = await at(node)
    await line.put(1)
    await line.until(delivered=1)
    assert len(node.binds) == 1


async def test_a_dropped_link_leaves_doubt_and_nothing_goes_twice(
    node: NodeCarrier, at: Bound
) -> None:
    await node.program.ask("rule", to="005", status=0, drop=True)
    line = await at(node, window=1)
    await line.put(*range(10))
    await line.until(delivered=9, in_doubt=1)
    assert len(node.binds) == 2
    counted = Counter(submit.recipient[0] for submit in node.submits)
    assert set(counted.values()) == {1}
    assert len(counted) == 10
    await node.program.ask("drop")
    await line.put(10)
    await line.until(delivered=10, in_doubt=1)


async def test_over_tls(tmp_path: Path, at: Bound) -> None:
    authority, other = trustme.CA(), trustme.CA()
    served = authority.issue_cert("127.0.0.1")
    for name, made in (("ca", authority.cert_pem), ("other", other.cert_pem)):
        made.write_to_path(str(tmp_path / f"{name}.pem"))
    served.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    served.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    node = await NodeCarrier.start(tmp_path, str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))
    try:
        line = await at(node, tls=True, tls_ca_file=str(tmp_path / "ca.pem"))
        await line.put(*range(10))
        await line.until(delivered=10)
        await line.account.quiet()
        await line.account.unbind(5.0)
        await node.program.until("unbind")
        # One whose authority we do not know is not spoken to.
        wrong = await at(node, name="sur", tls=True, tls_ca_file=str(tmp_path / "other.pem"))
        (bind,) = wrong.account.binds

        async def refused() -> bool:
            return "an authority that we do not trust" in bind.reason

        await until(refused)
        assert len(node.binds) == 1
        await wrong.account.unbind(1.0)
    finally:
        await node.close()
