"""What goes wrong on the first day: an exit status and one clear line each."""

from __future__ import annotations

import os
import signal

from tests.journeys.stage import Gateway, Stage, message, messages, until


async def test_no_configuration(stage: Stage) -> None:
    """The file is named, with the way to name another; status 2."""
    missing = stage.folder / "nobody.toml"
    program = await stage.start("run", "run", "--config", str(missing))
    assert await program.ended() == 2
    (line,) = program.complaints()
    assert line.startswith(f"recado: {missing}: no such file")
    assert "--config" in line


async def test_wrong_keys_are_named_all_at_once(stage: Stage) -> None:
    """Every mistake with its file, its key and the nearest known one, a line each; status 2."""
    gateway = Gateway(stage, [await stage.carrier()], account={"windw": 5, "binds": 0})
    gateway.settings["retntion"] = {"ref_days": 3}
    program = await gateway.launch()
    assert await program.ended() == 2
    lines = program.complaints()
    assert len(lines) == 3
    assert all(line.startswith(f"recado: {gateway.config}: ") for line in lines)
    said = "\n".join(lines)
    assert "carriers[0].windw: unknown key; did you mean 'window'?" in said
    assert "retntion: unknown key; did you mean 'retention'?" in said
    assert "carriers[0].binds: found 0" in said


async def test_an_address_in_use(stage: Stage) -> None:
    """One line with the address; status 1; the gateway that has it goes on."""
    first = await stage.gateway()
    address = first.base.removeprefix("http://")
    second = Gateway(stage, [], name="n2", http={"listen": address})
    program = await second.launch()
    assert await program.ended() == 1
    (line,) = program.complaints()
    assert address.rpartition(":")[2] in line
    assert "in use" in line
    assert (await first.ask("GET", "/readyz")).status == 200


async def test_a_second_gateway_of_the_same_name_and_folder(stage: Stage) -> None:
    """It is refused with one line that says what to change; the first one and its store do not
    notice."""
    carrier = await stage.carrier()
    first = await stage.gateway(carrier)
    store = first.store_pid()
    second = Gateway(stage, [carrier], name="n2", state_dir=first.state_dir)
    second.settings["node"] = {"name": "n1"}
    program = await second.launch()
    assert await program.ended() == 1
    (line,) = program.complaints()
    assert "another gateway runs as node 'n1'" in line
    assert "state_dir" in line
    campaign = await first.campaign()
    await first.upload(messages(50, campaign))
    await first.until_states(campaign, delivered=50)
    assert first.store_pid() == store
    assert not first.program.events("store died; starting it again")


async def test_a_wrong_password_at_the_carrier(stage: Stage) -> None:
    """/v1/carriers says it, the log says it, messages are kept, and the password is in neither."""
    carrier = await stage.carrier(accounts=[{"system_id": "recado", "password": "right"}])
    gateway = await stage.gateway(carrier, account={"password": "wr0ngw0rd"[:8]})
    accepted = await gateway.call("POST", "/v1/messages", message(1))
    assert accepted["state"] == "queued"

    async def told() -> bool:
        (account,) = (await gateway.call("GET", "/v1/carriers"))["items"]
        assert account["state"] == account["limited_by"] == "disconnected"
        reasons = [bind.get("reason") or "" for bind in account["binds"]]
        return all("ESME_RINVPASWD" in reason for reason in reasons)

    await until(told, "the carrier's reason")
    said = gateway.program.events("bind waits")
    assert any("ESME_RINVPASWD" in line["reason"] for line in said)
    assert "wr0ngw0r" not in gateway.program.said()


async def test_a_carrier_that_is_not_there(stage: Stage) -> None:
    """The gateway is ready all the same, says what it cannot reach, and sends when it can."""
    carrier = await stage.carrier()
    port = carrier.port
    await carrier.program.close()
    gateway = await stage.gateway(carrier)
    accepted = await gateway.call("POST", "/v1/messages", message(1))

    async def told() -> bool:
        (account,) = (await gateway.call("GET", "/v1/carriers"))["items"]
        return all("cannot connect" in (bind.get("reason") or "") for bind in account["binds"])

    await until(told, "the reason")
    assert carrier.port == port
    await carrier.start()

    async def delivered() -> bool:
        found = await gateway.call("GET", f"/v1/messages/{accepted['id']}")
        return bool(found["state"] == "delivered")

    await until(delivered, "the message to be delivered")


async def test_a_store_that_stands_still_is_not_started_a_second_time(stage: Stage) -> None:
    """A killed gateway's store that does not answer for a while is waited for: two servers on
    the same files would lose what was accepted."""
    carrier = await stage.carrier(accept_binds=False)
    gateway = await stage.gateway(carrier)
    campaign = await gateway.campaign()
    await gateway.upload(messages(100, campaign))
    store = gateway.store_pid()
    await gateway.kill()
    os.kill(store, signal.SIGSTOP)
    await gateway.launch()

    async def noticed() -> bool:
        said = gateway.program.events()
        return bool(said) or gateway.program.status is not None

    await until(noticed, "a word about the store")
    os.kill(store, signal.SIGCONT)
    ready = await gateway.program.until_event("ready")
    gateway.base = f"http://{ready['listen']}"
    assert gateway.store_pid() == store
    assert (await gateway.states(campaign))["queued"] == 100
    await carrier.set(accept_binds=True)
    await gateway.until_states(campaign, delivered=100)
