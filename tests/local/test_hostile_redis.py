"""A Redis that lies, floods or says nothing costs its own run alone, and little memory."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest
import redis
from trainingrun_contracts import reports
from trainingrun_contracts.connection import ROLE_BOUND, asyncio_client, blocking_client
from trainingrun_contracts.replies import ReplyRefused
from trainingrun_contracts.reports import ActorReport, ActorState
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.controller.endpoints import EndpointProber
from trainingrun_reconciler.controller.idle import IdleRun, IdleRunPoller
from trainingrun_reconciler.controller.reach import Reach, networks
from trainingrun_reconciler.controller.signals import QueueError, SignalReader
from trainingrun_reconciler.desired.actions import SetTarget
from trainingrun_reconciler.desired.health import queue
from trainingrun_reconciler.desired.observed import Observed, Signals, Unreachable
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.store import ResourceKey

from testkit.servers.lying_server import lying_server
from testkit.servers.redis_server import RedisServer
from testkit.tree import TESTKIT

KEYS = Keys("run-a")
NOW = 1_000_000.0
LARGEST_REPORT = 60_000_000
PEAK_KIB = 100_000
LIES = (
    b":1\r\n",
    b"*-1\r\n",
    b"$-1\r\n",
    b"*0\r\n",
    b"+OK\r\n",
    b"*1\r\n:1\r\n",
    b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
    b"*19\r\n" + b"$1\r\nx\r\n" * 19,
    b"*19\r\n" + b"*1\r\n$1\r\nx\r\n" * 19,
    b"-WRONGTYPE no\r\n",
    b"-ERR unknown command 'EVAL', with args beginning with: 's3cret' \x1b[2J\r\n",
    b"-NOSCRIPT x\r\n",
    b"-MOVED 1 h:1\r\n",
    b"-ERR max number of clients reached\r\n",
    b"$1000000000\r\nx",
    b"*1000000000\r\n:1\r\n",
    b"%1000000\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x00\xff\r\n",
    b"*1\r\n" * 100_000,
    b"*1\r\n-ERR inside\r\n",
)


async def perform(reader: SignalReader, url: str) -> str:
    """Why Redis did not take an action; nothing where its answer may pass for one that did."""
    try:
        await reader.perform(url, KEYS, SetTarget(5), now=NOW)
    except QueueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: repr(lie[:20]))
def test_a_reply_of_another_shape_means_that_redis_cannot_be_asked(lie: bytes) -> None:
    """By a reconcile, by an action and by the poll; the password is in no message."""

    async def act() -> tuple[Signals | Unreachable, str, dict[str, str] | None]:
        reader = SignalReader()
        try:
            found = await reader.read(server.url, KEYS, endpoints=["d:1"], now=NOW)
            refused = await perform(reader, server.url)
            return found, refused, await reader.digests(server.url, ["run-a"])
        finally:
            await reader.close()

    with lying_server(lambda _command: lie) as server:
        found, refused, digests = asyncio.run(act())
    assert isinstance(found, Unreachable)
    assert digests is None
    assert "s3cret" not in found.message + refused
    assert (found.message + refused).isprintable()
    assert len(found.message) < 600


@pytest.mark.parametrize("reply", [b"$1000000000\r\nx", b"*1000000000\r\n:1\r\n"])
def test_roles_refuse_what_is_announced_beyond_their_bound(reply: bytes) -> None:
    """Before it comes, by both kinds of clients."""

    async def ask() -> None:
        async with asyncio_client(server.url) as client:
            with pytest.raises(ReplyRefused, match="announced"):
                await client.get("key")

    assert ROLE_BOUND.size < 1_000_000_000
    with lying_server(lambda _command: reply) as server:
        asyncio.run(ask())
        with blocking_client(server.url) as client, pytest.raises(ReplyRefused, match="announced"):
            client.get("key")


def fill(client: redis.Redis) -> None:
    """Four reports that no operator can hold, beside an honest one."""
    for number in range(4):
        client.hset(KEYS.reports, f"actor/bad-{number}", "x" * LARGEST_REPORT)
    honest = ActorReport("actor-0", NOW, ActorState.PLAYING, 1, 2, 3, 4, 0.0, 0, 3, 2)
    reports.queue_report(client, KEYS, honest)


def test_large_reports_are_left_out_on_the_server(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """A reconcile over 4 reports of 60 MB takes no memory for them, and the honest report is
    there."""
    fill(redis_client)
    program = TESTKIT / "operator" / "one_look.py"
    seen = subprocess.run(
        [sys.executable, program, redis_server.url_of(OPERATOR), KEYS.run_id, str(NOW)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert seen.returncode == 0, seen.stderr
    members, peak = seen.stdout.split()
    assert members == "actor-0"
    assert int(peak) < PEAK_KIB


def test_what_is_left_out_is_said(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    """Keys of another type, too many fields and too long values cost their own part alone."""
    client = redis_client
    client.set(KEYS.evaluations, "no list")
    client.hset(KEYS.games, mapping={f"g{number}": 1 for number in range(5000)})
    client.hset(KEYS.produced, mapping={"a": 40, "b": "x", "c": "9" * 400})
    client.hset(KEYS.weights, mapping={"sha256": "ab", "epoch": 1})
    client.set(KEYS.intent, "drain")
    client.rpush(KEYS.notices, "[" * 10_000, b"\xff", "{}")
    client.sadd(KEYS.depth, "no string")

    async def read_once() -> Signals | Unreachable:
        reader = SignalReader()
        try:
            return await reader.read(redis_server.url_of(OPERATOR), KEYS, endpoints=(), now=NOW)
        finally:
            await reader.close()

    found = asyncio.run(read_once())
    assert isinstance(found, Signals)
    assert found.ledger.produced == 40
    assert found.intent.value == "drain"
    assert (found.pointer, found.notices, found.evaluations) == (None, (), ())
    parts = {each.partition(":")[0] for each in found.excess}
    assert parts == {"evaluations", "games", "produced", "depth"}
    assert "evaluations, games" in queue(Observed({}, found), Role.REDIS).message


def test_one_run_of_a_shared_redis_does_not_spoil_the_digests_of_the_others(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """A key of another type is a fact about its run like any other."""
    redis_client.set(KEYS.reports, "no hash")

    async def act() -> dict[str, str] | None:
        reader = SignalReader()
        try:
            return await reader.digests(redis_server.url_of(OPERATOR), [KEYS.run_id, "run-b"])
        finally:
            await reader.close()

    found = asyncio.run(act())
    assert found is not None
    assert found["run-a"] != found["run-b"]


def test_a_silent_server_takes_one_time_limit() -> None:
    """Neither a reconcile nor an action nor the poll waits for it for ever."""
    woken: list[ResourceKey] = []

    async def act() -> Signals | Unreachable:
        reader = SignalReader(seconds=0.2)
        try:
            poller = IdleRunPoller(reader)
            for number in range(20):
                url = f"{server.url[:-1]}{number}"
                poller.add(ResourceKey("bad", f"{number}"), IdleRun(url, f"{number}", "x"))
            await poller.poll(woken.append)
            assert "no answer" in await perform(reader, server.url)
            return await reader.read(server.url, KEYS, endpoints=(), now=NOW)
        finally:
            await reader.close()

    with lying_server(lambda _command: None) as server:
        found = asyncio.run(act())
    assert isinstance(found, Unreachable)
    assert "no answer within 0.2 s" in found.message
    assert len(woken) == 20


def test_the_poller_asks_an_address_while_another_one_is_silent(redis_server: RedisServer) -> None:
    """The silent one never answers here, so that only what is asked beside it is ever woken."""

    async def act() -> None:
        reader = SignalReader(seconds=3600)
        poller, moved = IdleRunPoller(reader), asyncio.Event()
        for number in range(8):
            url = f"{server.url[:-1]}{number}"
            poller.add(ResourceKey("bad", f"{number}"), IdleRun(url, f"{number}", "x"))
        poller.add(
            ResourceKey("good", "run"), IdleRun(redis_server.url_of(OPERATOR), "run", "older")
        )
        polling = asyncio.create_task(poller.poll(lambda _key: moved.set()))
        await moved.wait()
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        await reader.close()

    with lying_server(lambda _command: None) as server:
        asyncio.run(act())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_networks_that_are_refused_are_not_connected_to(host: str) -> None:
    """By name, by number and in the clothes of IPv6; neither for Redis nor for a daemon."""
    refused = Reach(networks("127.0.0.0/8,::1/128"))

    async def act() -> tuple[Signals | Unreachable, str | None]:
        reader, prober = SignalReader(reach=refused), EndpointProber(reach=refused)
        port = server.getsockname()[1]
        try:
            found = await reader.read(f"redis://{host}:{port}/0", KEYS, endpoints=(), now=NOW)
            (answer,) = (await prober.observe([f"{host}:{port}"])).values()
            return found, answer.error
        finally:
            await reader.close()
            await prober.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        found, error = asyncio.run(act())
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert isinstance(found, Unreachable)
    assert "this operator refuses" in found.message
    assert "this operator refuses" in str(error)
