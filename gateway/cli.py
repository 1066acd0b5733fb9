"""The command ``recado``.

Each command imports what it needs when it runs, so that ``recado --help`` is at once there.
The exit status is 0 when all is well, 2 when the command line or the configuration is wrong,
and 1 for everything else that keeps a command from its work; expected errors are one line each
on standard error, never a traceback.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, RecadoError, StoreRefused

if TYPE_CHECKING:
    from gateway.config import Carrier, Client, Config, Route

URL = "http://127.0.0.1:8080"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["simulate"]:  # it has a command line of its own
        return _guarded(lambda: _simulate(arguments[1:]))
    options = _parser().parse_args(arguments)
    return _guarded(lambda: int(options.command(options)))


def _guarded(command: Callable[[], int]) -> int:
    try:
        status = command()
        sys.stdout.flush()  # here, where a reader that has gone can still be answered
        return status
    except ConfigError as error:
        _complain(error.problems)
        return 2
    except RecadoError as error:
        _complain([str(error)])
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is to be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _complain([str(error)])
    except KeyboardInterrupt:
        return 130
    return 1


def _complain(lines: Sequence[str]) -> None:
    for line in lines:
        print(f"recado: {line}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recado", description="An SMPP gateway: keeps what it accepts, and tells its fate."
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_check(commands)
    _add_probe(commands)
    _add_explain(commands)
    _add_calendar(commands)
    _add_audit(commands)
    _add_year(commands)
    _add_key(commands)
    _add_store(commands)
    commands.add_parser("simulate", help="run a simulated carrier (see: recado simulate --help)")
    _add_status(commands)
    _add_send(commands)
    _add_contacts(commands)
    _add_trace(commands)
    _add_demo(commands)
    return parser


class _Version(argparse.Action):
    """``--version``: the installed distribution's."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"recado {version('recado')}")
        except PackageNotFoundError:
            print("recado, not installed")
        parser.exit()


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="PATH",
        help="the configuration (default: config/gateway.toml, else /etc/recado/gateway.toml)",
    )


def _add_gateway(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        default=os.environ.get("RECADO_URL", URL),
        help=f"the gateway's address (default: RECADO_URL, else {URL})",
    )
    parser.add_argument(
        "--key",
        default=os.environ.get("RECADO_KEY", ""),
        help="the API key (default: RECADO_KEY, which others on this machine cannot see)",
    )


def _load(options: argparse.Namespace) -> Config:
    from gateway import config

    return config.load(config.find(options.config))


# run


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="run the gateway")
    _add_config(parser)
    parser.add_argument(
        "--store-apart",
        action="store_true",
        help="wait for the embedded store that `recado store` runs, and leave it running",
    )
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    config = _load(options)
    from gateway import daemon, log

    if options.store_apart and config.redis.embedded:
        config = replace(config, redis=replace(config.redis, url=_store_url(config)))
    log.setup(config.log)
    return daemon.run(config)


def _store_url(config: Config) -> str:
    """Where the embedded store listens: to the gateway a Redis as any other."""
    from gateway.store.embedded import url_of

    return url_of(Path(config.redis.state_dir).absolute())


# check


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("check", help="check the configuration and print what it says")
    _add_config(parser)
    parser.set_defaults(command=_check)


def _check(options: argparse.Namespace) -> int:
    config = _load(options)
    print(", ".join(str(path) for path in config.files))
    for name, line in [*_described(config), ("rules", _rules_line(config))]:
        print(f"  {name:<9}{line}")
    for note in _notes(config):
        print(f"note: {note}")
    return 0


def _described(config: Config) -> Iterator[tuple[str, str]]:
    store = f"embedded, in {config.redis.state_dir}" if config.redis.embedded else ""
    yield "store", store or config.redis.shown
    extra = config.http.metrics_listen
    yield "http", config.http.listen + (f"; metrics also on {extra}" if extra else "")
    if config.safety.only_to:
        yield "only to", f"{len(config.safety.only_to)} numbers; every other is blocked"
    for client in config.clients:
        yield "client", _client_line(client)
    for carrier in config.carriers:
        yield "carrier", _carrier_line(carrier)
    for route in config.routes:
        yield "route", _route_line(route)


def _rules_line(config: Config) -> str:
    """The contact rules. Raises ConfigError with what is wrong with their files."""
    from gateway import policies

    book = policies.load(config.files[0])
    if config.policy.profile == "off":
        return "off: no hours, no caps"
    countries = sorted({policy.country for policy in book.policies if policy.enabled})
    return f"{config.policy.profile}: {', '.join(countries)}"


def _client_line(client: Client) -> str:
    rate = f", {client.rate} requests/s" if client.rate else ""
    return f"{client.name}: {', '.join(sorted(client.scopes))}{rate}"


def _carrier_line(carrier: Carrier) -> str:
    tls = " (TLS)" if carrier.tls else ""
    rate = f"{carrier.rate} segments/s" if carrier.rate else "no rate"
    return (
        f"{carrier.name}: {carrier.system_id} at {carrier.host}:{carrier.port}{tls}, "
        f"{carrier.binds} x {carrier.bind}, window {carrier.window}, {rate}"
    )


def _route_line(route: Route) -> str:
    senders = f", from {', '.join(route.senders)}" if route.senders else ""
    way = f" ({route.strategy})" if len(route.carriers) > 1 else ""
    return f"{route.name}: {', '.join(route.prefixes)} to {', '.join(route.carriers)}{way}{senders}"


def _notes(config: Config) -> Iterator[str]:
    """What is allowed, and yet perhaps not meant."""
    if not config.clients:
        yield "no [[clients]]: nobody can submit; recado key makes a key"
    if not config.routes:
        yield "no [[routes]]: no message can leave"
    routed = {name for route in config.routes for name in route.carriers}
    for carrier in config.carriers:
        if carrier.name not in routed:
            yield f"the carrier {carrier.name} is on no route"
        if carrier.receipts_by != "esm_class":
            yield (
                f'the carrier {carrier.name} has receipts_by = "{carrier.receipts_by}": '
                "a debtor can text what is taken for a receipt"
            )
        for note in _dated(carrier):
            yield f"the carrier {carrier.name}: {note}"


def _dated(carrier: Carrier) -> Iterator[str]:
    from datetime import UTC, datetime

    from gateway.tls import dates

    return dates.notes(carrier.tls_ca_file, carrier.tls_cert_file, datetime.now(UTC))


# probe


def _add_probe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "probe", help="bind once to a carrier, step by step, and say what goes wrong"
    )
    parser.add_argument("carrier", metavar="CARRIER", help="the name of a [[carriers]]")
    parser.add_argument("--to", metavar="NUMBER", help="send one message there: it costs money")
    parser.add_argument("--from", dest="sender", help="default: the route's first sender")
    parser.add_argument("--text", help="of one segment (default: a short one)")
    parser.add_argument(
        "--wait", type=float, default=60.0, metavar="SECONDS", help="for the receipt (default: 60)"
    )
    parser.add_argument("--json", action="store_true", help="one object, at the end")
    _add_config(parser)
    parser.set_defaults(command=_probe)


def _probe(options: argparse.Namespace) -> int:
    config = _load(options)
    from gateway.probe import show

    return show.main(
        config,
        options.carrier,
        to=options.to,
        sender=options.sender,
        text=options.text,
        wait=options.wait,
        as_json=options.json,
    )


# explain and calendar


def _add_rule(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        choices=("text", "prudent", "transactional"),
        help="the reading of the rules (default: [policy] profile, else prudent)",
    )
    parser.add_argument("--zones", metavar="Z,Z", help="where the recipient is, as stored")
    parser.add_argument("--region", metavar="R", help="the recipient's region, as stored")
    parser.add_argument(
        "--hours",
        metavar="DAYS=FROM-TO",
        action="append",
        default=[],
        help="a campaign's own hours, as mon-fri=09:00-18:00: they only narrow",
    )
    parser.add_argument("--at", metavar="TIME", help="as 2026-07-14T08:00:00-04:00 (default: now)")
    parser.add_argument("--json", action="store_true", help="one object")
    _add_config(parser)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "explain", help="may a message go by the contact rules, and if not, when and why"
    )
    parser.add_argument("--to", metavar="NUMBER", help="the recipient, as +56981234567")
    parser.add_argument("--policy", metavar="COUNTRY", help="as cl, in the place of a number")
    parser.add_argument(
        "--campaign", metavar="ID", help="with this campaign's profile and hours (asks the gateway)"
    )
    _add_rule(parser)
    _add_gateway(parser)
    parser.set_defaults(command=_explain)


def _explain(options: argparse.Namespace) -> int:
    from gateway import explain

    return explain.main(options)


def _add_calendar(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("calendar", help="print a country's open hours")
    parser.add_argument("policy", metavar="COUNTRY", help="as CL")
    parser.add_argument("--week", action="store_true", help="Monday to Sunday (default: a day)")
    _add_rule(parser)
    parser.set_defaults(command=_calendar)


def _calendar(options: argparse.Namespace) -> int:
    from gateway import explain

    return explain.calendar(options)


# audit


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("audit", help="check or search the record of decisions")
    asked = parser.add_subparsers(metavar="COMMAND", required=True)
    verify = asked.add_parser("verify", help="is every line there, and as it was written?")
    verify.add_argument("paths", nargs="*", metavar="PATH", help="folders or files of an audit")
    verify.add_argument(
        "--no-head",
        action="store_true",
        help="folders without the notes of how far their lines go, as an archive: a lost end does "
        "not show",
    )
    _add_config(verify)
    verify.set_defaults(command=_audit_verify)
    show = asked.add_parser("show", help="the decisions of a message or a number")
    which = show.add_mutually_exclusive_group(required=True)
    which.add_argument("--id", metavar="MESSAGE", default="")
    which.add_argument("--to", metavar="NUMBER", default="", help="as +56981234567")
    show.add_argument("--since", metavar="TIME", help="as 2026-07-14T00:00:00-04:00")
    show.add_argument("--json", action="store_true", help="one object a line")
    _add_config(show)
    show.set_defaults(command=_audit_show)


def _audit_verify(options: argparse.Namespace) -> int:
    from gateway.audit import show

    paths = [Path(path) for path in options.paths]
    return show.verify(paths or [Path(_load(options).policy.audit_dir)], heads=not options.no_head)


def _audit_show(options: argparse.Namespace) -> int:
    from gateway.audit import show
    from gateway.explain import instant

    return show.show(
        Path(_load(options).policy.audit_dir),
        id=options.id,
        to=options.to,
        since_ms=instant(options.since, "--since") if options.since else 0,
        as_json=options.json,
    )


# simulate-year


def _add_year(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "simulate-year", help="a year of campaigns by a country's rules, every message checked"
    )
    parser.add_argument("--policy", metavar="COUNTRY", required=True, help="as cl")
    parser.add_argument(
        "--profile", choices=("text", "prudent"), default="prudent", help="(default: prudent)"
    )
    parser.add_argument("--debtors", type=_amount, metavar="N", default=2_000)
    parser.add_argument(
        "--rate",
        type=float,
        metavar="N",
        default=0.0,
        help="segments a second (default: so that days of many dues overflow)",
    )
    parser.add_argument("--year", type=int, metavar="YEAR", default=2027)
    parser.add_argument("--seed", type=int, metavar="N", default=1)
    parser.add_argument(
        "--margin", type=float, metavar="SECONDS", default=30.0, help="[policy] margin_seconds"
    )
    parser.add_argument("--json", action="store_true", help="one object")
    _add_config(parser)
    parser.set_defaults(command=_year)


def _amount(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _year(options: argparse.Namespace) -> int:
    from gateway.yearly import show

    return show.main(options)


# key


def _add_key(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("key", help="make an API key")
    parser.set_defaults(command=_key)


def _key(options: argparse.Namespace) -> int:
    key = "rcd_" + secrets.token_urlsafe(32)
    print("key:", key)
    print(f'key_sha256 = "{hashlib.sha256(key.encode()).hexdigest()}"')
    print(
        "The key is for the client and is not kept; the second line is for its [[clients]].",
        file=sys.stderr,
    )
    return 0


# store


def _add_store(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("store", help="run the embedded store alone, in the foreground")
    _add_config(parser)
    parser.set_defaults(command=_store)


def _store(options: argparse.Namespace) -> int:
    config = _load(options)
    if not config.redis.embedded:
        problem = f'redis.url: found {config.redis.shown}; recado store needs "embedded"'
        raise ConfigError([f"{config.files[0]}: {problem}"])
    from gateway.store.embedded import embedded_command, embedded_environment, hold_files

    state_dir = Path(config.redis.state_dir)
    command = embedded_command(state_dir)
    lock = hold_files(state_dir)
    if lock is None:
        raise StoreRefused(f"a store runs already on the files in {state_dir}")
    os.set_inheritable(lock, True)
    os.execvpe(command[0], command, embedded_environment())


# simulate


def _simulate(arguments: list[str]) -> int:
    from gateway.simulator import cli

    return cli.main(arguments)


# status


def _add_status(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("status", help="ask a running gateway how its carriers are")
    _add_gateway(parser)
    parser.set_defaults(command=_status)


def _status(options: argparse.Namespace) -> int:
    from gateway.remote import Gateway, carriers_table

    gateway = Gateway(options.url, options.key)
    ready, why = gateway.ready()
    print("ready" if ready else f"not ready: {why}")
    print(carriers_table(gateway.carriers()))
    return 0 if ready else 1


# send


def _add_send(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("send", help="submit one message to a running gateway")
    parser.add_argument("--to", required=True, help="the recipient, as +56981234567")
    parser.add_argument("--text", required=True)
    parser.add_argument("--from", dest="sender", help="default: the route's first sender")
    parser.add_argument("--campaign", help="the campaign's id")
    parser.add_argument("--ref", help="your own name for it; sent again, it is the same message")
    parser.add_argument("--priority", choices=("urgent", "high", "normal", "bulk"))
    _add_gateway(parser)
    parser.set_defaults(command=_send)


def _send(options: argparse.Namespace) -> int:
    from gateway.remote import Gateway

    named = {
        "to": options.to,
        "text": options.text,
        "from": options.sender,
        "campaign": options.campaign,
        "ref": options.ref,
        "priority": options.priority,
    }
    message = {key: value for key, value in named.items() if value is not None}
    answer = Gateway(options.url, options.key).send(message)
    segments = answer.get("segments", "?")
    plural = "" if segments == 1 else "s"
    print(
        f"{answer.get('id')}: {answer.get('state')}, {segments} segment{plural} "
        f"({answer.get('encoding')})"
    )
    return 0


# contacts


def _add_contacts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "contacts", help="tell a running gateway of opt-outs and consent, or ask what it knows"
    )
    what = parser.add_subparsers(metavar="WHAT", required=True)
    load = what.add_parser("load", help="numbers, one a line, or CSV or NDJSON")
    load.add_argument("file", metavar="FILE", help="- is standard input")
    lists = load.add_mutually_exclusive_group()
    for name in ("opt-out", "wrong-number", "legal-stop", "consent"):
        word = name.replace("-", "_")
        lists.add_argument(
            f"--{name}", dest="list", action="store_const", const=word, help="put them on this list"
        )
    load.add_argument("--source", metavar="S", help="of the evidence (default: file FILE)")
    load.add_argument("--text", metavar="T", help="the words of it; consent needs them")
    show = what.add_parser("show", help="what is known of a number")
    show.add_argument("number", metavar="NUMBER", help="as +56981234567")
    for command, act in ((load, _load_contacts), (show, _show_contact)):
        command.add_argument("--creditor", metavar="C", help="default: the client; *: everyone")
        _add_gateway(command)
        command.set_defaults(command=act)


def _load_contacts(options: argparse.Namespace) -> int:
    from gateway import contactfile
    from gateway.remote import Gateway

    given = {"source": options.source or f"file {Path(options.file).name}"}
    if options.creditor:
        given["creditor"] = options.creditor
    if options.text:
        given["text"] = options.text
    answer = contactfile.load(
        Gateway(options.url, options.key), options.file, given, options.list or ""
    )
    print(contactfile.told(answer))
    return 1 if answer.get("rejected") else 0


def _show_contact(options: argparse.Namespace) -> int:
    from gateway import contactfile
    from gateway.remote import Gateway

    gateway = Gateway(options.url, options.key)
    print(contactfile.shown(gateway.contact(options.number, options.creditor)))
    return 0


# trace


def _add_trace(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "trace", help="watch what a running gateway and a carrier say to each other"
    )
    parser.add_argument("carrier", metavar="CARRIER", help="the name of a [[carriers]]")
    parser.add_argument(
        "--seconds", type=float, default=3600.0, metavar="N", help="at most 3600 (default: 3600)"
    )
    parser.add_argument("--count", type=int, metavar="N", help="end after so many PDUs")
    parser.add_argument("--numbers", action="store_true", help="show numbers, else 569*****567")
    parser.add_argument("--texts", action="store_true", help="show texts, else <42 chars>")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--pcap", default="", metavar="FILE", help="for Wireshark; masked as well")
    _add_gateway(parser)
    parser.set_defaults(command=_trace)


def _trace(options: argparse.Namespace) -> int:
    from gateway.remote import Gateway
    from gateway.tracing import show

    return show.main(
        Gateway(options.url, options.key),
        options.carrier,
        seconds=options.seconds,
        count=options.count,
        numbers=options.numbers,
        texts=options.texts,
        as_json=options.json,
        pcap=options.pcap,
    )


# demo


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo", help="a campaign from HTTP to receipt, all on this machine"
    )
    parser.add_argument("--count", type=int, default=20_000, help="messages (default: 20000)")
    parser.add_argument("--keep", action="store_true", help="leave its folder behind")
    parser.set_defaults(command=_demo)


def _demo(options: argparse.Namespace) -> int:
    from gateway.demo import show

    return show.main(options.count, options.keep)
