"""The command line of ``recado probe``: what is asked, and what is printed."""

from __future__ import annotations

import json
import textwrap

from gateway.config import MSISDN, SENDER, Carrier, Config
from gateway.errors import ConfigError
from gateway.policy.route import Router
from gateway.probe.steps import Order, Probe, Run, Step
from gateway.smpp.text import TextError, segments
from gateway.tomlshape import nearest

NAME_WIDTH = 20
TEXT = "Prueba de conexion"


def main(
    config: Config,
    name: str,
    *,
    to: str | None = None,
    sender: str | None = None,
    text: str | None = None,
    wait: float = 60.0,
    as_json: bool = False,
) -> int:
    """Probe the carrier ``name``; 0 if all is well, 1 if a step failed. Raises ConfigError."""
    carrier = _carrier(config, name)
    order = _order(config, carrier, to, sender, text, wait)
    if not as_json:
        for line in _head(carrier):
            print(line, flush=True)
    run = Probe(carrier, order, _quiet if as_json else _print).go()
    if as_json:
        print(json.dumps(_object(carrier, run), ensure_ascii=False))
    else:
        for note in run.notes:
            print(f"note: {note}")
        print("all well" if run.ok else "failed")
    return 0 if run.ok else 1


def _carrier(config: Config, name: str) -> Carrier:
    try:
        return config.carrier(name)
    except KeyError:
        known = [carrier.name for carrier in config.carriers]
        raise ConfigError([f"no carrier has the name '{name}'{nearest(name, known)}"]) from None


def _order(
    config: Config,
    carrier: Carrier,
    to: str | None,
    sender: str | None,
    text: str | None,
    wait: float,
) -> Order | None:
    """What to send, or None. Raises ConfigError."""
    if not 0 < wait <= 3600:
        raise ConfigError([f"--wait: found {wait:g}; allowed: seconds, over 0, up to 3600"])
    if to is None:
        given = [f"--{key}" for key, value in (("from", sender), ("text", text)) if value]
        if given:
            raise ConfigError([f"{' and '.join(given)} without --to: only --to sends a message"])
        return None
    if not MSISDN.accepts(to):
        raise ConfigError([f"--to: found {to!r}; allowed: {MSISDN.allowed}"])
    digits = to.removeprefix("+")
    if not config.safety.allows(digits):
        raise ConfigError([f"--to: {to} is not in [safety] only_to"])
    source = sender or _first_sender(config, carrier, digits)
    if not SENDER.accepts(source):
        raise ConfigError([f"--from: found {source!r}; allowed: {SENDER.allowed}"])
    if source.startswith("+"):
        source = source[1:]
    try:
        bodies = segments(TEXT if text is None else text, "auto", 1)
    except TextError as error:
        raise ConfigError([f"--text: {error}"]) from None
    if len(bodies) != 1:
        raise ConfigError([f"--text: it takes {len(bodies)} segments; allowed: one"])
    return Order(digits, source, bodies[0], wait)


def _first_sender(config: Config, carrier: Carrier, to: str) -> str:
    """What the route of this number would send from."""
    own = [route for route in config.routes if carrier.name in route.carriers]
    route = Router(own).route(to)
    if route is None or not route.senders:
        raise ConfigError(["--from is missing: no route of this carrier names a sender for --to"])
    return route.senders[0]


def _head(carrier: Carrier) -> list[str]:
    slots = len(carrier.bind.split("+"))
    plural = "one slot" if slots == 1 else f"{slots} slots"
    lines = [
        f"{carrier.name}: system_id {carrier.system_id} at {carrier.host}:{carrier.port}, "
        f"{carrier.bind}",
        f"note: while it lasts the probe takes {plural} of the account's binds",
    ]
    if not carrier.tls:
        lines.append("note: tls = false: password and texts travel open, unless the way is private")
    return lines


def _print(step: Step) -> None:
    dots = "." * max(2, NAME_WIDTH - len(step.name))
    failed = "" if step.ok else "FAILED: "
    print(f"{step.name} {dots} {step.ms:>6.0f} ms  {failed}{step.said}", flush=True)
    for number, cause in enumerate(step.causes, 1):
        if number == 1:
            print("    most likely first:")
        print(textwrap.fill(cause, 96, initial_indent=f"    {number}. ", subsequent_indent=" " * 7))


def _quiet(step: Step) -> None:
    """JSON is one object, at the end."""


def _object(carrier: Carrier, run: Run) -> dict[str, object]:
    failed = [step.name for step in run.steps if not step.ok]
    return {
        "carrier": carrier.name,
        "host": carrier.host,
        "port": carrier.port,
        "tls": carrier.tls,
        "bind": carrier.bind,
        "slots": len(carrier.bind.split("+")),
        "ok": run.ok,
        "failed": failed[0] if failed else None,
        "steps": [
            {
                "step": step.name,
                "ok": step.ok,
                "ms": round(step.ms, 1),
                "said": step.said,
                "causes": list(step.causes),
            }
            for step in run.steps
        ],
        "notes": run.notes,
    }
