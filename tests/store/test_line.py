"""Lines to a real server: order, losses, and finding the way there again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from redis import Redis as Plain
from redis.exceptions import RedisError, ResponseError

from gateway.errors import StoreUnavailable
from gateway.store.embedded import find_server, socket_path
from gateway.store.redis import Redis, Script
from tests.redis_server import RedisServer

ECHO = Script("echo", "return cmsgpack.unpack(ARGV[1])")
WRITE = Script("write", "return redis.call('SET', KEYS[1] .. ':x', 'y')")
LONG = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """One of this module's own: it is frozen, killed and set otherwise."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def plain(server: RedisServer) -> Iterator[Plain]:
    """Another client, to look and to set."""
    with Plain(unix_socket_path=str(socket_path(server.state_dir))) as plain:
        plain.flushall()
        yield plain


@pytest.fixture
async def open_redis() -> AsyncIterator[Callable[..., Redis]]:
    opened: list[Redis] = []

    def open_redis(url: str, timeout: float = LONG) -> Redis:
        opened.append(Redis(url, timeout=timeout))
        return opened[-1]

    yield open_redis
    for redis in opened:
        await redis.close()


@pytest.fixture
def redis(server: RedisServer, plain: Plain, open_redis: Callable[..., Redis]) -> Redis:
    return open_redis(server.url)


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def all_unavailable(*calls: Awaitable[object]) -> None:
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, StoreUnavailable), outcome


async def test_everyone_gets_the_answer_to_their_own(redis: Redis) -> None:
    sizes = itertools.cycle((1, 70_000, 30))
    words = [b"%d" % n * next(sizes) for n in range(100)]
    calls = asyncio.gather(*(redis.call("ECHO", word) for word in words))
    scripts = asyncio.gather(*(redis.run(ECHO, n) for n in range(100)))
    several = asyncio.gather(*(redis.pipeline([("ECHO", n), ("ECHO", -n)]) for n in range(100)))
    assert await calls == words
    assert await scripts == list(range(100))
    assert await several == [[b"%d" % n, b"%d" % -n] for n in range(100)]


async def test_answers_are_as_redis_gives_them(redis: Redis) -> None:
    assert await redis.pipeline([("SADD", "s", "a", 1, 1.5), ("SET", "k", "v", "NX")]) == [3, b"OK"]
    assert await redis.call("SET", "k", "v", "NX") is None
    assert sorted(await redis.call("SMEMBERS", "s")) == [b"1", b"1.5", b"a"]
    assert await redis.call("EXPIRE", "k", 100) == 1
    assert await redis.pipeline([]) == []


async def test_one_who_no_longer_waits_leaves_the_order_as_it_is(redis: Redis) -> None:
    line = await redis.call("CLIENT", "ID")
    tasks = [asyncio.create_task(redis.call("ECHO", n)) for n in range(20)]
    several = asyncio.create_task(redis.pipeline([("ECHO", "x"), ("HGET", "no", "hash")]))
    await asyncio.sleep(0)
    for task in [*tasks[::2], several]:
        task.cancel()
    assert await asyncio.gather(*tasks[1::2]) == [b"%d" % n for n in range(1, 20, 2)]
    assert await redis.call("CLIENT", "ID") == line


async def test_no_answer_in_time_ends_the_line(
    server: RedisServer, plain: Plain, open_redis: Callable[..., Redis]
) -> None:
    redis = open_redis(server.url, timeout=0.5)
    line = await redis.call("CLIENT", "ID")
    server.send(signal.SIGSTOP)
    try:
        began = time.monotonic()
        await all_unavailable(redis.call("ECHO", "late"), redis.pipeline([("ECHO", "later")] * 3))
        assert time.monotonic() - began > 0.4
        # A new line opens, since the kernel takes the connection; nobody answers on it either.
        await all_unavailable(redis.call("PING"), redis.run(ECHO, 1))
    finally:
        server.send(signal.SIGCONT)
    await until(plain.ping)
    assert await redis.call("ECHO", "new") == b"new"
    assert await redis.call("CLIENT", "ID") > line


async def test_those_who_wait_on_a_lost_line_all_fail_at_once(
    server: RedisServer, redis: Redis
) -> None:
    await asyncio.gather(redis.call("PING"), redis.run(ECHO, 1))
    server.send(signal.SIGSTOP)
    calls = [redis.call("ECHO", "x"), redis.pipeline([("PING",)] * 3), redis.run(ECHO, 1)]
    waiting = asyncio.ensure_future(all_unavailable(*calls, redis.call("GET", "y")))
    await asyncio.sleep(0)
    server.stop(signal.SIGKILL)
    try:
        await asyncio.wait_for(waiting, LONG / 2)
        await all_unavailable(redis.call("PING"))
    finally:
        server.start()
    assert await redis.run(ECHO, 2) == 2  # which the new server has never seen


async def test_a_killed_connection_is_followed_by_one_for_all(redis: Redis, plain: Plain) -> None:
    line = await redis.call("CLIENT", "ID")
    before = plain.info("stats")["total_connections_received"]
    plain.client_kill_filter(_id=line)
    with contextlib.suppress(StoreUnavailable):  # where the loss is seen only by the call
        assert await redis.call("PING") == b"PONG"
    assert await asyncio.gather(*(redis.call("ECHO", n) for n in range(50)))
    assert plain.info("stats")["total_connections_received"] == before + 1


def test_it_is_the_same_on_the_loop_of_the_daemon(server: RedisServer, plain: Plain) -> None:
    async def talk() -> None:
        redis = Redis(server.url, timeout=LONG)
        echoes = [redis.call("ECHO", n) for n in range(100)]
        several = redis.pipeline([("SET", "k", "v"), ("GET", "k"), ("CLIENT", "ID")])
        *echoed, (done, value, line) = await asyncio.gather(*echoes, several)
        assert echoed == [b"%d" % n for n in range(100)]
        assert (done, value) == (b"OK", b"v")
        plain.client_kill_filter(_id=line)
        with contextlib.suppress(StoreUnavailable):
            await redis.call("PING")
        assert await redis.call("PING") == b"PONG"
        assert await redis.run(ECHO, "x") == b"x"
        await redis.close()

    uvloop.run(talk())


async def test_a_script_that_redis_does_not_know_is_sent_whole(redis: Redis, plain: Plain) -> None:
    assert await redis.run(ECHO, "a") == b"a"
    plain.script_flush()
    assert await asyncio.gather(*(redis.run(ECHO, n) for n in range(5))) == list(range(5))
    assert plain.script_exists(ECHO.sha) == [True]


async def test_an_error_that_redis_answers_stays_one(redis: Redis, plain: Plain) -> None:
    line = await redis.call("CLIENT", "ID")
    plain.set("text", "x")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await redis.call("HGET", "text", "f")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await redis.pipeline([("PING",), ("HGET", "text", "f"), ("LLEN", "text")])
    assert await redis.call("CLIENT", "ID") == line


async def test_a_server_that_cannot_write_is_unavailable(redis: Redis, plain: Plain) -> None:
    plain.config_set("maxmemory", 1)
    try:
        await all_unavailable(redis.call("SET", "k", "v"), redis.run(WRITE, 0))
    finally:
        plain.config_set("maxmemory", 0)
    plain.slaveof("127.0.0.1", 1)
    try:
        line = await redis.call("CLIENT", "ID")
        await all_unavailable(redis.call("SET", "k", "v"))
        assert await redis.call("CLIENT", "ID") != line  # the master may be elsewhere now
    finally:
        plain.slaveof()
    assert await redis.call("SET", "k", "v") == b"OK"


async def test_a_line_begins_with_who_we_are_and_which_database(
    server: RedisServer, plain: Plain, open_redis: Callable[..., Redis]
) -> None:
    plain.acl_setuser("recado", enabled=True, passwords="+other", keys="*", categories=["+@all"])
    plain.config_set("requirepass", "secret")
    try:
        one = open_redis(f"{server.url}?password=secret&db=3")
        assert await one.call("SET", "k", "v") == b"OK"
        assert plain.exists("k") == 0
        other = open_redis(server.url.replace("//", "//recado@", 1) + "?password=other")
        assert await other.call("ACL", "WHOAMI") == b"recado"
        for query in ("", "?password=wrong", "?password=secret&db=999"):
            await all_unavailable(open_redis(server.url + query).call("SET", "lost", "x"))
        assert plain.exists("lost") == 0
        assert await one.call("EXISTS", "k", "lost") == 1
    finally:
        plain.config_set("requirepass", "")
        plain.acl_deluser("recado")


@contextlib.asynccontextmanager
async def gate(
    server: RedisServer, tls: ssl.SSLContext | None = None, says: bytes = b""
) -> AsyncIterator[int]:
    """A TCP port before the server, with TLS or without; or one that answers as it is told."""
    tasks: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(says or data)
        finally:
            writer.transport.abort()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if says:
            tasks.add(asyncio.create_task(copy(reader, writer)))
            return
        inward, onward = await asyncio.open_unix_connection(socket_path(server.state_dir))
        tasks.add(asyncio.create_task(copy(reader, onward)))
        tasks.add(asyncio.create_task(copy(inward, writer)))

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    yield listener.sockets[0].getsockname()[1]
    listener.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)


@pytest.mark.parametrize("says", [b"+OK\r\n+OK\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"*-7\r\n"])
async def test_what_is_no_answer_ends_the_line(
    server: RedisServer, open_redis: Callable[..., Redis], says: bytes
) -> None:
    async with gate(server, says=says) as port:
        redis = open_redis(f"redis://127.0.0.1:{port}")
        with contextlib.suppress(StoreUnavailable):
            assert await redis.call("SET", "k", "v") == b"OK"
            assert says.startswith(b"+")
        if not says.startswith(b"+"):
            await all_unavailable(redis.call("SET", "k", "v"))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For 127.0.0.1, its own authority, with its key in one file."""
    pem = tmp_path / "redis.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", "-", "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    pem.write_bytes(made.stdout)
    return pem


async def test_tls_goes_by_the_certificates_of_the_url(
    server: RedisServer, plain: Plain, open_redis: Callable[..., Redis], certificate: Path
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    async with gate(server, tls=tls) as port:
        redis = open_redis(f"rediss://127.0.0.1:{port}/2?ssl_ca_certs={certificate}")
        assert await asyncio.gather(*(redis.run(ECHO, n) for n in range(9))) == list(range(9))
        assert await redis.call("ECHO", b"x" * 300_000) == b"x" * 300_000
        assert b"db=2" in await redis.call("CLIENT", "INFO")
        await all_unavailable(open_redis(f"rediss://127.0.0.1:{port}").call("PING"))
        unsure = open_redis(f"rediss://127.0.0.1:{port}?ssl_cert_reqs=none")
        assert await unsure.call("PING") == b"PONG"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Plain]]:
    """Starts servers on TCP ports, each in a folder of its own."""
    running: list[tuple[subprocess.Popen[bytes], Plain]] = []

    def start(*options: str) -> Plain:
        with socket.create_server(("127.0.0.1", 0)) as free:
            # Its bus, 10000 above, must be a port too.
            port = free.getsockname()[1] % 20_000 + 20_000
        folder = tmp_path / str(port)
        folder.mkdir()
        config = folder / "conf"
        config.write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder}/log\n")
        process = subprocess.Popen([find_server(), config, "--save", "", *options])
        client = Plain(port=port)
        running.append((process, client))
        deadline = time.monotonic() + 30
        while True:
            try:
                client.ping()
            except RedisError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            else:
                return client

    yield start
    for process, client in running:
        client.close()
        process.kill()
        process.wait(30)


def port_of(client: Plain) -> int:
    return int(client.get_connection_kwargs()["port"])


async def test_sentinels_are_asked_for_the_master_again_after_a_loss(
    start: Callable[..., Plain], open_redis: Callable[..., Redis]
) -> None:
    old, new, sentinel = start(), start(), start("--sentinel")
    sentinel.sentinel_monitor("recado", "127.0.0.1", port_of(old), 1)
    redis = open_redis(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port_of(sentinel)}/recado")
    assert await redis.call("SET", "k", "old") == b"OK"
    assert old.get("k") == b"old"
    sentinel.sentinel_remove("recado")
    sentinel.sentinel_monitor("recado", "127.0.0.1", port_of(new), 1)
    old.slaveof("127.0.0.1", port_of(new))
    await all_unavailable(redis.call("SET", "k", "lost"))
    assert await redis.call("SET", "k", "new") == b"OK"
    assert await redis.run(ECHO, 1) == 1
    assert new.get("k") == b"new"


async def test_a_cluster_is_asked_who_holds_our_keys_again_after_they_moved(
    start: Callable[..., Plain], open_redis: Callable[..., Redis]
) -> None:
    one, two = start("--cluster-enabled", "yes"), start("--cluster-enabled", "yes")
    one.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
    one.execute_command("CLUSTER MEET", "127.0.0.1", port_of(two))
    await until(lambda: all(_covered(node) for node in (one, two)))
    redis = open_redis(f"redis+cluster://127.0.0.1:{port_of(one)}")
    key = redis.keys("layout")
    await redis.prepare()
    assert one.hget(key, "version") == b"1"
    one.delete(key)
    slot, two_is = two.execute_command("CLUSTER KEYSLOT", key), two.execute_command("CLUSTER MYID")
    for node in (two, one):
        node.execute_command("CLUSTER SETSLOT", slot, "NODE", two_is)
    await all_unavailable(redis.call("HGET", key, "version"))
    await redis.prepare()
    assert two.hget(key, "version") == b"1"
    assert await redis.run(ECHO, 1) == 1


def _covered(node: Plain) -> bool:
    return bool(node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
