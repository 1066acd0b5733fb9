"""The configuration: what is read, and that every mistake is named with what is allowed."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gateway import config
from gateway.config import Carrier, Config, Redis, Route, Safety, load, parse_listen
from gateway.errors import ConfigError
from gateway.tomlshape import kinds_of
from tests.certificates import Authority

ROOT = Path(__file__).parent.parent
SHA = "ab" * 32
CLIENT = f'[[clients]]\nname = "crm"\nkey_sha256 = "{SHA}"\n'
CARRIER = (
    '[[carriers]]\nname = "andina"\nhost = "127.0.0.1"\nsystem_id = "recado"\npassword = "secret"\n'
)
ROUTE = '[[routes]]\nname = "chile"\nprefixes = ["+56"]\ncarriers = ["andina"]\n'

Read = Callable[..., Config]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Loads a main file of this text; ``beside`` holds more files."""

    def _read(
        text: str, *, beside: Mapping[str, str] | None = None, environ: Mapping[str, str] = {}
    ) -> Config:
        for name, content in (beside or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        main = tmp_path / "gateway.toml"
        main.write_text(text, encoding="utf-8")
        return load(main, environ)

    return _read


@pytest.fixture
def problems(read: Read, tmp_path: Path) -> Callable[..., list[str]]:
    """The problems of a text, without the folder's name."""

    def _problems(text: str, **more: Mapping[str, str]) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, **more)
        return [line.replace(f"{tmp_path}/", "") for line in caught.value.problems]

    return _problems


def test_an_empty_file_is_all_defaults(read: Read) -> None:
    found = read("")
    assert found.redis.embedded
    assert found.redis.state_dir == "/var/lib/recado"
    assert found.http.listen == "127.0.0.1:8080"
    assert found.http.metrics_listen == ""
    assert found.http.max_body_bytes == 8 * 1024 * 1024
    assert found.retention == config.Retention(
        messages_hours=168, events_hours=168, ref_days=30, unknown_hours=72, parked_minutes=60
    )
    assert found.lifecycle.drain_seconds == 30
    assert (found.log.show_numbers, found.log.show_texts) == (False, False)
    assert found.node.name
    assert (found.clients, found.carriers, found.routes) == ((), (), ())


def test_a_stop_reply_is_one_text_or_several(
    read: Read, problems: Callable[..., list[str]]
) -> None:
    usual = config.STOP_REPLIES
    assert dict(read("").policy.stop_reply) == usual
    one = "{creditor}: listo."
    assert dict(read(f'[policy]\nstop_reply = "{one}"').policy.stop_reply) == dict.fromkeys(
        usual, one
    )
    found = read(f'[policy.stop_reply]\npt = "{one}"\nen = ""').policy.stop_reply
    assert dict(found) == usual | {"pt": one, "en": ""}
    for wrong in (
        '"{creditr}: listo"',
        f'"{"x" * 141}"',
        '{ fr = "x" }',
        "{ es = 1 }",
        "5",
        '"[x]"',
    ):
        (line,) = problems(f"[policy]\nstop_reply = {wrong}")
        assert line.startswith("gateway.toml: policy.stop_reply: found ")
        assert "by language: es, pt, en" in line


def test_every_section_is_read(read: Read) -> None:
    found = read(
        '[redis]\nurl = "redis://127.0.0.1:6379/2"\n'
        '[safety]\nonly_to = ["+56981234567"]\n'
        '[http]\nlisten = "[::1]:8080"\nmetrics_listen = "127.0.0.1:9108"\n'
        "[lifecycle]\ndrain_seconds = 2.5\n"
        '[log]\nlevel = "debug"\nshow_numbers = true\n'
        '[node]\nname = "a"\n' + CLIENT + 'scopes = ["admin"]\nrate = 5\n' + CARRIER + ROUTE
    )
    assert found.redis.url == "redis://127.0.0.1:6379/2"
    assert not found.redis.embedded
    assert found.http.listen == "[::1]:8080"
    assert found.lifecycle.drain_seconds == 2.5
    assert found.log.level == "debug"
    assert found.clients[0].scopes == {"admin"}
    assert found.clients[0].rate == 5
    assert found.carriers[0].password == "secret"
    assert found.routes[0] == Route(name="chile", prefixes=("+56",), carriers=("andina",))
    assert found.carrier("andina") is found.carriers[0]
    with pytest.raises(KeyError):
        found.carrier("other")


def test_a_carrier_has_the_defaults_of_the_contract() -> None:
    carrier = Carrier(name="a", host="h", system_id="s", password="p")
    assert (carrier.port, carrier.bind, carrier.binds) == (2775, "transceiver", 1)
    assert (carrier.window, carrier.rate, carrier.max_segments) == (10, 0, 10)
    assert (carrier.enquire_link_seconds, carrier.response_seconds) == (30, 30)
    assert (carrier.rebind_min_seconds, carrier.rebind_max_seconds) == (1, 60)
    assert carrier.already_bound_seconds == 30
    assert carrier.try_later_status == 0x64
    assert (carrier.message_id, carrier.long_messages) == ("auto", "udh16")
    assert (carrier.validity, carrier.default_alphabet) == ("relative", "gsm7")
    assert (carrier.sender_number, carrier.recipient_number) == ((1, 1), (1, 1))
    assert (carrier.sender_short_code, carrier.sender_name) == ((3, 0), (5, 0))
    assert (carrier.short_code_digits, carrier.interface_version) == (8, "3.4")
    assert (carrier.sender_strip, carrier.sender_add) == ("", "")
    assert (carrier.recipient_strip, carrier.recipient_add, carrier.tlvs) == ("", "", ())
    assert carrier.user_message_reference


def test_how_a_carrier_writes_its_receipts(read: Read) -> None:
    found = read(
        CARRIER
        + "receipt_pattern = '(?P<stat>\\d+),(?P<id>[^,]+)'\n"
        + 'receipts_by = "either"\nreceipt_id_tlv = 0x1400\nreceipt_state_tlv = 0x1401\n'
        + '[carriers.receipt_states]\n"00" = "DELIVRD"\n01 = "UNDELIV"\n'
    ).carriers[0]
    assert found.receipt_pattern == r"(?P<stat>\d+),(?P<id>[^,]+)"
    assert found.receipt_states == (("00", "DELIVRD"), ("01", "UNDELIV"))
    assert (found.receipts_by, found.receipt_id_tlv, found.receipt_state_tlv) == (
        "either",
        0x1400,
        0x1401,
    )
    assert hash(found)


def test_how_a_carrier_wants_addresses_and_parameters(read: Read) -> None:
    found = read(
        CARRIER
        + "sender_number = [2, 8]\nsender_short_code = [0, 1]\nsender_name = [5, 1]\n"
        + "recipient_number = [2, 1]\nshort_code_digits = 6\n"
        + 'sender_strip = "56"\nsender_add = "+"\nrecipient_strip = "56"\nrecipient_add = "0"\n'
        + 'interface_version = "5.0"\n'
        + '[[carriers.tlvs]]\ntag = 0x1400\ntext = "1101"\n'
        + '[[carriers.tlvs]]\ntag = 0x1401\noctets = "0aFF"\n'
        + "[[carriers.tlvs]]\ntag = 0x060B\nnumber = 258\nsize = 2\n"
        + "[[carriers.tlvs]]\ntag = 0x0019\nnumber = 1\n"
        + '[[carriers.tlvs]]\ntag = 0x0381\noctets = ""\n'
        + '[[carriers.tlvs]]\ntag = 0x0381\noctets = "01"\n'
    ).carriers[0]
    assert (found.sender_number, found.sender_short_code) == ((2, 8), (0, 1))
    assert (found.sender_name, found.recipient_number) == ((5, 1), (2, 1))
    assert (found.short_code_digits, found.interface_version) == (6, "5.0")
    assert (found.sender_strip, found.sender_add) == ("56", "+")
    assert (found.recipient_strip, found.recipient_add) == ("56", "0")
    assert [(tlv.tag, tlv.value) for tlv in found.tlvs] == [
        (0x1400, b"1101\0"),
        (0x1401, b"\x0a\xff"),
        (0x060B, b"\1\2"),
        (0x0019, b"\1"),
        (0x0381, b""),
        (0x0381, b"\1"),
    ]
    assert hash(found)


TLVS = CARRIER + "[[carriers.tlvs]]\n"
NO_OPTIONAL = 'found with interface_version = "3.3", which has no optional parameters'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            CARRIER + "sender_number = 1",
            "carriers[0].sender_number: found 1; allowed: an array of two, [ton, npi]: a whole "
            "number from 0 to 6, and a whole number from 0 to 18",
        ),
        (CARRIER + "sender_name = [5]", "carriers[0].sender_name: found an array of 1; allowed: "),
        (
            CARRIER + "recipient_number = [1, 19]",
            "carriers[0].recipient_number[1]: found 19; allowed: a whole number from 0 to 18",
        ),
        (
            CARRIER + "sender_short_code = [7, 0]",
            "carriers[0].sender_short_code[0]: found 7; allowed: a whole number from 0 to 6",
        ),
        (CARRIER + "source_ton = 1", "carriers[0].source_ton: unknown key"),
        (CARRIER + "short_code_digits = 21", "found 21; allowed: a whole number from 0 to 20"),
        (CARRIER + 'sender_strip = "+56"', 'sender_strip: found "+56" (text); allowed: the first '),
        (CARRIER + 'recipient_strip = "521"', 'recipient_strip: found "521" (text)'),
        (CARRIER + 'recipient_add = "++"', 'recipient_add: found "++" (text); allowed: up to 5 di'),
        (CARRIER + 'recipient_add = "+12345"', 'found "+12345" (text); allowed: up to 5 digits'),
        (CARRIER + 'interface_version = "4.0"', 'allowed: "3.3" | "3.4" | "5.0"'),
        (
            CARRIER + 'interface_version = "3.3"\nlong_messages = "sar"',
            'carriers[0].long_messages: found "sar" with interface_version = "3.3", which has no '
            'optional parameters; allowed: "udh16" | "udh8"',
        ),
        (
            CARRIER + 'interface_version = "3.3"\nlong_messages = "payload"',
            'carriers[0].long_messages: found "payload" with interface_version = "3.3"',
        ),
        (
            CARRIER + 'interface_version = "3.3"\ntlvs = [{ tag = 1, number = 1 }]',
            f"carriers[0].tlvs: {NO_OPTIONAL}; allowed: none",
        ),
        (CARRIER + "tlvs = 1", "tlvs: found 1; allowed: tables, each under [[carriers.tlvs]]"),
        (TLVS + 'text = "a"', "carriers[0].tlvs[0].tag: missing; allowed: a whole number from 1"),
        (
            TLVS + 'tag = 0\ntext = "a"',
            "carriers[0].tlvs[0].tag: found 0; allowed: a whole number from 1 to 65535",
        ),
        (
            TLVS + "tag = 0x1400",
            "carriers[0].tlvs[0]: found no value; allowed: one of text, octets and number",
        ),
        (
            TLVS + 'tag = 0x1400\ntext = "a"\nnumber = 1',
            "carriers[0].tlvs[0]: found text and number; allowed: one of text, octets and number",
        ),
        (TLVS + 'tag = 0x1400\ntext = "ñ"', 'tlvs[0].text: found "ñ" (text); allowed: 1 to 255 AS'),
        (
            TLVS + 'tag = 0x1400\noctets = "0"',
            'octets: found "0" (text); allowed: up to 255 octets',
        ),
        (
            TLVS + "tag = 0x1400\nnumber = 256",
            "carriers[0].tlvs[0].number: found 256; allowed: at most 255 with size = 1",
        ),
        (
            TLVS + "tag = 0x1400\nnumber = 1\nsize = 3",
            "carriers[0].tlvs[0].size: found 3; allowed: 1 | 2 | 4 (the octets of number)",
        ),
        (
            TLVS + 'tag = 0x1400\ntext = "a"\nsize = 2',
            "carriers[0].tlvs[0].size: found without number; allowed: only with number",
        ),
        (
            TLVS + 'tag = 0x0424\ntext = "a"',
            "carriers[0].tlvs[0].tag: found 0x0424, message_payload; allowed: a tag that Recado "
            "does not set itself",
        ),
        (TLVS + "tag = 0x0204\nnumber = 1", "tag: found 0x0204, user_message_reference; allowed"),
        (TLVS + "tag = 0x020C\nnumber = 1", "tag: found 0x020c, sar_msg_ref_num; allowed"),
        (
            TLVS + 'tag = 0x1400\ntext = "a"\n[[carriers.tlvs]]\ntag = 0x1400\ntext = "b"',
            "carriers[0].tlvs[1].tag: found 0x1400 a second time; the first is gateway.toml: "
            "carriers[0].tlvs[0]",
        ),
    ],
)
def test_what_of_addresses_and_parameters_is_not_allowed(
    problems: Callable[..., list[str]], text: str, problem: str
) -> None:
    found = problems(text)
    assert len(found) == 1
    assert problem in found[0]


def test_carriers_beside_the_main_file_are_read_too(read: Read, tmp_path: Path) -> None:
    found = read(
        ROUTE,
        beside={
            "carriers/andina.toml": CARRIER,
            "carriers/sur.toml": CARRIER.replace("andina", "sur")
            + ROUTE.replace("andina", "sur").replace("chile", "peru").replace("56", "51"),
            "carriers/notes.txt": "not TOML = at all",
        },
    )
    assert [carrier.name for carrier in found.carriers] == ["andina", "sur"]
    assert [route.name for route in found.routes] == ["chile", "peru"]
    assert [path.name for path in found.files] == ["gateway.toml", "andina.toml", "sur.toml"]


def test_a_file_of_a_carrier_holds_carriers_and_routes_alone(
    problems: Callable[..., list[str]],
) -> None:
    found = problems("", beside={"carriers/a.toml": '[http]\nlisten = "127.0.0.1:1"\n'})
    assert found == ["carriers/a.toml: http: unknown key; known: carriers, routes"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[htp]", "htp: unknown key; did you mean 'http'?"),
        ("[[carrier]]", "carrier: unknown key; did you mean 'carriers'?"),
        ('[log]\nlevle = "info"', "log.levle: unknown key; did you mean 'level'?"),
        (CARRIER + "windw = 5", "carriers[0].windw: unknown key; did you mean 'window'?"),
        (CARRIER + "zzz = 5", "carriers[0].zzz: unknown key; known: "),
        (CARRIER + 'pasword_file = "x"', "unknown key; did you mean 'password_file'?"),
        ("http = 5", "http: found 5; allowed: a table, [http]"),
        ("clients = 5", "clients: found 5; allowed: tables, each under [[clients]]"),
        ("[clients]", "clients: found a table; allowed: tables, each under [[clients]]"),
        ("[log]\nlevel = 3", "log.level: found 3; allowed: "),
        ('[log]\nlevel = "loud"', 'found "loud" (text); allowed: "debug" | "info" | "warning"'),
        ('[log]\nshow_texts = "yes"', 'found "yes" (text); allowed: true or false'),
        ("[log]\nshow_texts = 1", "log.show_texts: found 1; allowed: true or false"),
        ("[redis]\nshards = 2", "redis.shards: found 2; allowed: 1"),
        ("[redis]\nshards = true", "redis.shards: found true; allowed: 1"),
        ("[safety]\nonly_to = 5", "safety.only_to: found 5; allowed: an array of: a number"),
        ('[safety]\nonly_to = ["569"]', 'safety.only_to[0]: found "569" (text); allowed: a number'),
        ("[http]\nlisten = 8080", 'http.listen: found 8080; allowed: "host:port"'),
        ('[http]\nlisten = "8080"', 'http.listen: found "8080" (text); allowed: "host:port"'),
        ('[http]\nlisten = "127.0.0.1:70000"', 'allowed: "host:port" or "[address]:port"'),
        ('[http]\nmetrics_listen = "127.0.0.1:8080"', "found the address of listen"),
        ("[retention]\nref_days = 0", "found 0; allowed: a whole number from 1 to 3650"),
        ("[lifecycle]\ndrain_seconds = -1", "found -1; allowed: seconds, from 0 to 3600"),
        ("[lifecycle]\ndrain_seconds = nan", "found nan; allowed: seconds, from 0 to 3600"),
        ("[lifecycle]\ndrain_seconds = 2026-01-01", "found 2026-01-01 (date); allowed: seconds"),
        ('[node]\nname = "a b"', 'node.name: found "a b" (text); allowed: 1 to 63 letters'),
        ('[[clients]]\nname = "x"', "clients[0].key_sha256: missing; allowed: 64 hexadecimal"),
        (CLIENT.replace("ab", "zz"), "clients[0].key_sha256: found "),
        (CLIENT + 'scopes = ["reed"]', 'scopes[0]: found "reed" (text); allowed: "submit" |'),
        (CLIENT + "scopes = []", "scopes: found an array of 0; allowed: an array (at least 1)"),
        (CLIENT + "rate = -1", "rate: found -1; allowed: a whole number from 0"),
        (CARRIER.replace("host", "#"), "carriers[0].host: missing; allowed: a host name"),
        (CARRIER.replace("password", "#"), "carriers[0].password: missing; allowed: 0 to 64"),
        (CARRIER + "port = 99999", "found 99999; allowed: a whole number from 1 to 65535"),
        (CARRIER + "window = 0", "window: found 0; allowed: a whole number from 1 to 10000"),
        (CARRIER + "rate = 1.5", "rate: found 1.5; allowed: a whole number from 0"),
        (CARRIER + "rate = -1", "rate: found -1; allowed: a whole number from 0"),
        (CARRIER + 'binds = "2"', 'binds: found "2" (text); allowed: a whole number from 1'),
        (CARRIER + "try_later_status = 0", "try_later_status: found 0; allowed"),
        (CARRIER + 'bind = "duplex"', 'allowed: "transceiver" | "transmitter+receiver"'),
        (CARRIER + 'long_messages = "tlv"', 'found "tlv" (text); allowed: "udh16" | "udh8" | '),
        (CARRIER + 'service_type = "123456"', "service_type: found "),
        (CARRIER.replace("recado", "a" * 65), "allowed: 1 to 64 ASCII characters (SMPP 3.4)"),
        (CARRIER.replace("secret", "p" * 65), "found 65 characters, not shown; allowed: 0 to 64"),
        (CARRIER + "rebind_min_seconds = 90", "found 90; allowed: at most rebind_max_seconds, 60"),
        (CARRIER + 'tls_ca_file = "no.pem"\ntls = true', "tls_ca_file: cannot read "),
        (CARRIER + 'receipts_by = "sms"', 'allowed: "esm_class" | "text" | "either"'),
        (
            CARRIER + "receipt_pattern = 5",
            "receipt_pattern: found 5; allowed: a regular",
        ),
        (CARRIER + 'receipt_pattern = "("', 'found "(" (text), no regular expression: missing )'),
        (CARRIER + 'receipt_pattern = "(?P<id>a)"', "no group stat; allowed: a regular expression"),
        (CARRIER + 'receipt_pattern = "a"', "no group id and no group stat; allowed: a regular"),
        (
            CARRIER + 'receipt_pattern = "(?P<id>a)(?P<stat>b)(?P<er>c)"',
            "a group er; did you mean 'err'?; allowed: a regular expression with the groups",
        ),
        (
            CARRIER + 'receipt_pattern = "(?P<id>(a+)+)(?P<stat>b)"',
            "may take too long: a repeat of any number of times around another part; allowed: ",
        ),
        (CARRIER + 'receipt_states = "OK"', "receipt_states: found "),
        (
            CARRIER + 'receipt_states = {"" = "DELIVRD"}',
            "a table from the carrier's words",
        ),
        (CARRIER + 'receipt_states = {OK = "SENT"}', 'receipt_states.OK: found "SENT" (text)'),
        (
            CARRIER + 'receipt_states = {OK = "DELIVRD", ok = "UNDELIV"}',
            "receipt_states.ok: found 'OK' a second time; the first is ",
        ),
        (
            CARRIER + "receipt_id_tlv = 65536",
            "found 65536; allowed: a whole number from 0",
        ),
        (CARRIER + CARRIER, "carriers[1].name: found 'andina' a second time; the first is "),
        (CLIENT + CLIENT.replace("crm", "b"), "clients[1].key_sha256: found "),
        (CARRIER + ROUTE + ROUTE, "routes[1].name: found 'chile' a second time"),
        (CARRIER + ROUTE + ROUTE, "routes[1].prefixes[0]: found '+56' a second time"),
        (CARRIER + ROUTE.replace('"+56"', '"56"'), "routes[0].prefixes[0]: found "),
        (CARRIER + ROUTE.replace('"+56"', '"+5215"'), "routes[0].prefixes[0]: found "),
        ('[safety]\nonly_to = ["+5215512345678"]', "safety.only_to[0]: found "),
        (CARRIER + ROUTE.replace('"+56"', ""), "prefixes: found an array of 0; allowed"),
        (CARRIER + ROUTE.replace("andina", "andin"), "the name 'andin'; did you mean 'andina'?"),
        (ROUTE, "routes[0].carriers[0]: no carrier has the name 'andina'"),
        (CARRIER + ROUTE + 'strategy = "random"', 'allowed: "failover" | "weighted"'),
        (CARRIER + ROUTE + 'senders = ["ñandú"]', "senders[0]: found "),
        (CARRIER + ROUTE + "weights = [1]", 'weights: found without strategy = "weighted"'),
        (
            CARRIER + ROUTE + 'strategy = "weighted"\nweights = [1, 2]',
            "weights: found 2 for 1 carriers; allowed: one a carrier, in their order",
        ),
        (CARRIER + ROUTE + 'campaigns = [""]', "campaigns[0]: found "),
        (
            CARRIER
            + ROUTE
            + 'campaigns = ["otp"]\n'
            + ROUTE.replace("chile", "codes")
            + 'campaigns = ["mora", "otp"]',
            "found '+56' a second time for any sender and the campaign 'otp'",
        ),
        (CARRIER + 'rate_hours = ["18:00-20:00 50"]', "rate_hours: found without time_zone"),
        (CARRIER + 'rate_hours = ["18-20 50"]', 'rate_hours[0]: found "18-20 50"'),
        (CARRIER + 'time_zone = "America/Santigo"', "allowed: the name of a time zone"),
        (CARRIER + "failover_error_share = 1.5", "found 1.5; allowed: a part, from 0 to 1"),
        (CARRIER + 'statuses = { "0x0401" = "later" }', 'statuses.0x0401: found "later"'),
        (
            CARRIER + 'statuses = { "ESME_RNONE" = "slow" }',
            "statuses.ESME_RNONE: is no command_status; allowed: a name of SMPP 3.4",
        ),
        (CARRIER + ROUTE + 'national_tables = ["latin"]', 'national_tables[0]: found "latin"'),
        (
            CARRIER + 'default_alphabet = "latin1"\n' + ROUTE + 'national_tables = ["spanish"]',
            "national_tables: found with the carrier 'andina', whose default_alphabet is "
            '"latin1"; allowed: "gsm7"',
        ),
        (
            CARRIER + 'long_messages = "sar"\n' + ROUTE + 'national_tables = ["spanish"]',
            'whose long_messages is "sar"; allowed: "udh16" | "udh8"',
        ),
        ('[redis]\nurl = "http://x"', "redis.url: found 8 characters, not shown; allowed: "),
        ('[redis]\nurl = "redis://"', "redis.url: found 8 characters, not shown"),
        ('[redis]\nurl = "redis://h:x"', "redis.url: found 11 characters, not shown"),
        ("[redis]\nurl = 5", "redis.url: found what is no text, not shown"),
        ("[http", "gateway.toml: is not TOML: "),
    ],
)
def test_a_mistake_names_the_key_what_was_found_and_what_is_allowed(
    problems: Callable[..., list[str]], text: str, problem: str
) -> None:
    found = problems(text)
    assert any(problem in line for line in found), found
    assert all(line.startswith("gateway.toml: ") for line in found)


def test_all_mistakes_are_told_at_once_and_only_once(problems: Callable[..., list[str]]) -> None:
    found = problems(
        CARRIER + "windw = 5\nport = 0\n" + ROUTE.replace("+56", "56") + "[log]\nlevel = 1\n",
        beside={"carriers/b.toml": CARRIER + "rate = -1", "carriers/c.toml": "x ="},
    )
    assert [re.split(": (?=found|unknown|is not)", line)[0] for line in found] == [
        "carriers/c.toml",
        "gateway.toml: log.level",
        "gateway.toml: carriers[0].windw",
        "gateway.toml: carriers[0].port",
        "gateway.toml: routes[0].prefixes[0]",
        "carriers/b.toml: carriers[0].rate",
        "carriers/b.toml: carriers[0].name",
    ]


def test_a_mistake_in_a_name_brings_no_second_one(problems: Callable[..., list[str]]) -> None:
    """A route still finds the carrier whose name is not allowed."""
    bad = (CARRIER + ROUTE).replace("andina", "an dina")
    assert [line.split(": ")[1] for line in problems(bad)] == [
        "carriers[0].name",
        "routes[0].carriers[0]",
    ]


def test_a_broken_file_of_a_carrier_brings_no_second_mistake(
    problems: Callable[..., list[str]],
) -> None:
    """Nor one in the route that names what the file would have held."""
    found = problems(ROUTE, beside={"carriers/andina.toml": "[[carriers"})
    assert len(found) == 1
    assert found[0].startswith("carriers/andina.toml: is not TOML: ")


def test_a_value_of_several_lines_is_shown_on_one(problems: Callable[..., list[str]]) -> None:
    found = problems('[log]\nlevel = "a\\nb"')
    assert found[0].startswith(r'gateway.toml: log.level: found "a\nb" (text); allowed: ')
    long = problems(f'[log]\nlevel = "{"x" * 500}"')
    assert len(long[0]) < 200


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; name one with: recado run --config PATH"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# ma\xf1ana")
    with pytest.raises(ConfigError, match="is not UTF-8: octet 0xf1 at 4"):
        load(latin)


def test_without_a_name_the_two_places_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = (tmp_path / "a.toml", tmp_path / "b.toml")
    monkeypatch.setattr(config, "SEARCHED", searched)
    with pytest.raises(ConfigError, match=r"looked for .*a\.toml and .*b\.toml; .*--config PATH"):
        config.find(None)
    searched[1].touch()
    assert config.find(None) == searched[1]
    searched[0].touch()
    assert config.find(None) == searched[0]
    assert config.find("c.toml") == Path("c.toml")


# secrets

FROM_FILE = CARRIER.replace('password = "secret"', 'password_file = "andina.password"')
FROM_ENVIRONMENT = CARRIER.replace('"secret"', '"$ANDINA"')


def test_a_secret_comes_from_a_file_beside_the_one_that_names_it(read: Read) -> None:
    found = read("", beside={"carriers/a.toml": FROM_FILE, "carriers/andina.password": "pass\n"})
    assert found.carriers[0].password == "pass"


def test_a_systemd_credential_comes_first(read: Read, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    found = read(
        FROM_FILE,
        beside={"andina.password": "beside", "credentials/andina.password": "ours"},
        environ={"CREDENTIALS_DIRECTORY": str(credentials)},
    )
    assert found.carriers[0].password == "ours"
    named = FROM_FILE.replace('"andina.', '"$CREDENTIALS_DIRECTORY/andina.')
    found = read(named, environ={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert found.carriers[0].password == "ours"


def test_a_secret_comes_from_the_environment(read: Read) -> None:
    found = read(FROM_ENVIRONMENT, environ={"ANDINA": "env"})
    assert found.carriers[0].password == "env"
    found = read(CARRIER.replace("secret", "$$ecret"))
    assert found.carriers[0].password == "$ecret"
    found = read('[redis]\nurl = "$REDIS"', environ={"REDIS": "rediss://u:p@h/0"})
    assert found.redis.url == "rediss://u:p@h/0"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (FROM_FILE, "carriers[0].password_file: cannot read andina.password: No such file"),
        (FROM_FILE + 'password = "x"', "password_file: found beside password; allowed: one of"),
        (FROM_FILE.replace('"andina.password"', "5"), "password_file: found 5; allowed: the name"),
        (FROM_FILE.replace("andina.p", "$NO/andina.p"), "the environment has no NO"),
        (FROM_ENVIRONMENT, "carriers[0].password: the environment has no ANDINA"),
    ],
)
def test_a_secret_that_is_not_there_is_told(
    problems: Callable[..., list[str]], text: str, problem: str
) -> None:
    found = problems(text)
    assert len(found) == 1
    assert problem in found[0]


def test_a_secrets_file_that_is_not_utf8_is_told(
    problems: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "andina.password").write_bytes(b"\xff")
    found = problems(FROM_FILE)
    assert len(found) == 1
    assert found[0].endswith("andina.password is not UTF-8")


def test_a_secret_is_never_shown(read: Read, problems: Callable[..., list[str]]) -> None:
    found = read(
        '[redis]\nurl = "redis://:hunter2@h:1/0"\n' + CARRIER.replace("secret", "swordfis")
    )
    assert found.carriers[0].password == "swordfis"
    assert "swordfis" not in repr(found)
    assert "hunter2" not in repr(found)
    assert found.redis.shown == "redis://***@h:1/0"
    assert Redis(url="unix:///s?password=hunter2").shown == "unix:///s"
    long = "toolongpassword" * 5
    assert "toolongpassword" not in "".join(problems(CARRIER.replace("secret", long)))


# TLS files


def test_tls_files_become_paths(read: Read, tmp_path: Path) -> None:
    tls = 'tls = true\ntls_ca_file = "ca.pem"\ntls_cert_file = "c.pem"\ntls_key_file = "k.pem"\n'
    authority = Authority(tmp_path, "ca")
    pair = authority.issue("recado", file="c")
    pair.key.rename(tmp_path / "k.pem")
    found = read(CARRIER + tls).carriers[0]
    assert found.tls_ca_file == str(tmp_path / "ca.pem")
    assert found.tls_key_file == str(tmp_path / "k.pem")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('tls_ca_file = "ca.pem"', "tls_ca_file: found without tls; allowed: only with tls = true"),
        ('tls_server_name = "a"', "tls_server_name: found without tls; allowed: only with tls = "),
        ('tls = true\ntls_server_name = "a b"', "tls_server_name: found "),
        ('tls = true\ntls_key_file = "ca.pem"', "tls_key_file: found without tls_cert_file"),
    ],
)
def test_tls_files_belong_together(
    problems: Callable[..., list[str]], more: str, problem: str, tmp_path: Path
) -> None:
    Authority(tmp_path, "ca")
    found = problems(CARRIER + more)
    assert len(found) == 1
    assert problem in found[0]


def test_a_key_that_does_not_fit_is_found_with_the_configuration(
    problems: Callable[..., list[str]], tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "ca")
    authority.issue("recado", file="c")
    authority.issue("recado", file="k")
    (found,) = problems(CARRIER + 'tls = true\ntls_cert_file = "c.pem"\ntls_key_file = "k.key"\n')
    assert found.startswith("gateway.toml: carriers[0].tls_key_file: the key in k.key does not fit")


def test_nothing_turns_the_verification_off(problems: Callable[..., list[str]]) -> None:
    (found,) = problems(CARRIER + "tls = true\ntls_verify = false\n")
    assert "carriers[0].tls_verify: unknown key" in found


# what is made of it


def test_routes_of_one_prefix_differ_by_their_senders(
    read: Read, problems: Callable[..., list[str]]
) -> None:
    first = CARRIER + ROUTE + 'senders = ["3450", "3451"]\n'
    second = ROUTE.replace("chile", "other")
    assert len(read(first + second).routes) == 2
    assert len(read(first + second + 'senders = ["3452"]').routes) == 2
    found = problems(first + second + 'senders = ["3452", "3451"]')
    assert len(found) == 1
    assert "routes[1].prefixes[0]: found '+56' a second time for the sender '3451'" in found[0]
    found = problems(CARRIER + ROUTE + second)
    assert "found '+56' a second time for any sender" in found[0]


def test_a_routes_national_tables(read: Read) -> None:
    tables = 'national_tables = ["spanish", "portuguese"]'
    assert read(CARRIER + ROUTE + tables).routes[0].national_tables == ("spanish", "portuguese")
    assert read(CARRIER + ROUTE).routes[0].national_tables == ()


def test_only_to_blocks_every_other_number() -> None:
    assert Safety().allows("56981234567")
    assert Safety(only_to=("+56981234567",)).allows("56981234567")
    assert not Safety(only_to=("+56981234567",)).allows("56981234568")


@pytest.mark.parametrize(
    ("listen", "parsed"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_a_listen_address_is_host_and_port(listen: str, parsed: tuple[str, int]) -> None:
    assert parse_listen(listen) == parsed


@pytest.mark.parametrize("listen", ["", ":80", "a:", "::1:80", "a:65536", "a b:1", "[x]:1", "a:²"])
def test_what_is_no_listen_address_raises(listen: str) -> None:
    with pytest.raises(ValueError, match=r"^" + re.escape(listen) + "$"):
        parse_listen(listen)


@pytest.mark.parametrize(
    "url",
    [
        "embedded",
        "redis://h",
        "rediss://u:p@h:6380/1",
        "unix:///run/redis.sock",
        "redis+sentinel://a:26379,b:26379/main",
        "redis+cluster://a:7000",
    ],
)
def test_every_kind_of_store_is_accepted(read: Read, url: str) -> None:
    assert read(f'[redis]\nurl = "{url}"').redis.url == url


def test_a_relative_state_dir_is_beside_the_file(read: Read, tmp_path: Path) -> None:
    found = read('[redis]\nstate_dir = "state"')
    assert found.redis.state_dir == str(tmp_path / "state")
    assert found.policy.audit_dir == str(tmp_path / "state" / "audit")
    found = read('[policy]\naudit_dir = "kept"')
    assert found.policy.audit_dir == str(tmp_path / "kept")


def test_a_key_is_compared_in_lower_case(read: Read) -> None:
    assert read(CLIENT.replace(SHA, SHA.upper())).clients[0].key_sha256 == SHA


def test_two_readings_of_one_file_are_equal(read: Read) -> None:
    """A reload compares the old with the new."""
    text = CLIENT + CARRIER + ROUTE
    assert read(text) == read(text)
    assert read(text) != read(text + 'senders = ["1"]')


# the example


def test_the_example_is_right_and_warns_of_no_client_alone() -> None:
    found = load(ROOT / "config" / "gateway.toml", {})
    assert [carrier.name for carrier in found.carriers] == ["andina"]
    assert [route.prefixes for route in found.routes] == [("+56",)]
    assert found.clients == ()


def test_the_example_names_every_key() -> None:
    main = (ROOT / "config" / "gateway.toml").read_text(encoding="utf-8")
    carrier = (ROOT / "config" / "carriers" / "andina.toml").read_text(encoding="utf-8")
    for cls, text in [
        *((cls, main) for cls in (*config.SECTIONS.values(), config.Client)),
        *((cls, carrier) for cls in (Carrier, Route)),
    ]:
        for key in kinds_of(cls):
            assert re.search(rf"^#?{key} = ", text, re.MULTILINE), f"{cls.__name__}.{key}"


def test_the_example_shows_the_defaults() -> None:
    """Where its comment does not say otherwise."""
    for name in ("gateway.toml", "carriers/andina.toml"):
        text = (ROOT / "config" / name).read_text(encoding="utf-8")
        plain = [x for x in text.splitlines() if "default" not in x or ": default" in x]
        tables = tomllib.loads("\n".join(plain))
        for cls, table in [
            *((config.SECTIONS[key], tables[key]) for key in config.SECTIONS if key in tables),
            *((Carrier, table) for table in tables.get("carriers", [])),
        ]:
            defaults = {f.name: f.default for f in dataclasses.fields(cls)}
            for key, value in table.items():
                if defaults[key] is not dataclasses.MISSING:
                    assert value == (list(d) if isinstance(d := defaults[key], tuple) else d), key
