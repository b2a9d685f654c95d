"""Daemons that exist already: asked, published with what they serve, dropped and taken back."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import redis
from trainingrun_api.run import parse
from trainingrun_contracts.slots import decode_all
from trainingrun_contracts.stream.keys import Keys
from trainingrun_reconciler.controller.daemon_status import NoStatus, ask_status
from trainingrun_reconciler.controller.endpoints import EndpointProber
from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.desired.redis_config import OPERATOR
from trainingrun_reconciler.memory import MemoryBackend, MemoryRunStore
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.local.local_run import ENDLESS, closes, local_run, write_run
from testkit.operator.simulated_run import UID, document
from testkit.roles.daemon_process import DaemonProcess, daemons
from testkit.servers.redis_server import RedisServer


def nobody() -> str:
    """An endpoint at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def of_daemon(status: dict[str, Any]) -> tuple[int, int]:
    """Daemons that are ready and wanted."""
    roles = {each["name"]: each for each in status.get("roles", ())}
    daemon = roles.get("daemon", {})
    return daemon.get("ready", 0), daemon.get("desired", 0)


def test_a_local_run_on_daemons_that_run_already(tmp_path: Path) -> None:
    """Expect no own daemon, a killed one to be dropped and taken back, and a good end."""
    file = write_run(tmp_path / "run.yaml", games=ENDLESS)
    with daemons(tmp_path, 3, 5) as (first, second):
        names = f"{first.endpoint},{second.endpoint}"
        with local_run(tmp_path, file, "--daemons", names) as run:
            run.wait_for_games(10)
            assert run.pid_of("daemon") is None
            run.wait_until(lambda: of_daemon(run.status()) == (2, 2), "both serve", seconds=60)
            second.kill()
            run.wait_until(lambda: of_daemon(run.status()) == (1, 2), "one is dropped", seconds=60)
            before = run.played()
            run.wait_for_games(before + 10)
            second.start()
            run.wait_until(lambda: of_daemon(run.status()) == (2, 2), "it is back", seconds=60)
            run.complete(more=50)
            assert closes(run.summary()["ledger"])
            assert f"daemon {second.endpoint}: it cannot be reached" in run.said()


def test_no_daemon_answers(tmp_path: Path) -> None:
    """Expect exit code 2, each endpoint with its reason, and what to do."""
    file, where = write_run(tmp_path / "run.yaml", games=10), nobody()
    with local_run(tmp_path, file, "--daemons", where) as run:
        assert run.finish(seconds=60) == 2
    assert f"trainingrun: {where}: it cannot be reached (Connection refused)" in run.said()
    assert "trainingrun: no external daemon answers: start them" in run.said()


def test_slots_have_what_each_daemon_says_that_it_serves(
    tmp_path: Path, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    """Expect Max concurrent as the capacity, no workload of daemons, and actors for all slots."""

    async def read_once(first: DaemonProcess, second: DaemonProcess) -> MemoryBackend:
        external = {"endpoints": [first.endpoint, second.endpoint, nobody()]}
        spec = {"daemon": {"gamesPerDaemon": 4, "external": external}}
        store, backend = MemoryRunStore(), MemoryBackend(redis_url=redis_server.url_of(OPERATOR))
        loop = Reconciler(store, backend, Settings())
        key = store.put(parse(document(actor={"gamesPerActor": 4}, **spec)))
        for _ in range(3):
            await loop.reconcile(key)
            backend.tick(UID)
        await loop.close()
        return backend

    with daemons(tmp_path, 3, 5) as (first, second):
        backend = asyncio.run(read_once(first, second))
        slots = decode_all(redis_client.hgetall(Keys(UID).daemons))
        published = {endpoint: slot.capacity for endpoint, slot in slots.items()}
        assert published == {first.endpoint: 3, second.endpoint: 5}
    roles = backend.roles(UID)
    assert Role.DAEMON not in roles
    assert roles[Role.ACTOR].replicas == 3, "3 + 5 + 4 games by 4"


def test_what_is_no_daemon_is_told(tmp_path: Path) -> None:
    """Expect a sentence for a silent peer, for one that speaks something else, and for no name."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 400 Bad Request\r\n\r\n" * (await reader.read(100)).count(b"STATUS")
        )
        writer.close()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def ask() -> list[str]:
        said = []
        for handler in (serve, hang):
            async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                said.append(await why(f"127.0.0.1:{port}"))
        return [*said, await why("no-such-host.invalid:17171")]

    async def why(endpoint: str) -> str:
        try:
            await ask_status(endpoint, seconds=2)
        except NoStatus as error:
            return str(error)
        return ""

    other, silent, unknown = asyncio.run(ask())
    assert other == "it closed the connection without an answer to STATUS"
    assert silent == "no answer to STATUS within 2 s"
    assert unknown.startswith(("the name no-such-host.invalid is not known", "no answer"))


def seen_of(status: bytes, answers: list[bool]) -> list[tuple[bool, int | None]]:
    """Whether a daemon counts, and its capacity, before each next question.

    ``answers`` says to which questions it answers with ``status``; to the others it is silent.
    """
    left = list(answers)

    async def watch() -> list[tuple[bool, int | None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            if left.pop(0):
                writer.write(status)
            else:
                await reader.read()  # until the prober gives up
            writer.close()

        seen = []
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            name = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            prober = EndpointProber(ask_seconds=0.0, status_seconds=1.5)
            first = await prober.observe([name])
            seen.append((not first[name].error, first[name].capacity))
            for _ in answers[1:]:
                known = await prober.observe([name])  # as it was; a question is now under way
                seen.append((not known[name].error, known[name].capacity))
                await prober.settle()
            await prober.close()
        return seen

    return asyncio.run(watch())


def test_a_slow_answer_is_forgiven_once() -> None:
    """Expect a daemon that answered before to stay until it is silent twice in a row."""
    status = b"FORGE DAEMON STATUS\nActive games: 0\nQueued games: 0\nMax concurrent: 7\n"
    seen = seen_of(status, [True, False, False, True, True])
    assert seen == [(True, 7), (True, 7), (True, 7), (False, 7), (True, 7)]


def test_the_original_daemon_is_silent_while_it_is_full() -> None:
    """Expect one slot fewer than it says, for STATUS, and silence to be no failure."""
    status = (
        b"FORGE DAEMON STATUS\n  Active games: 10\n  Total games played: 3\n"
        b"  Memory: 900MB / 4096MB\n  Max concurrent: 10\n"
    )
    assert seen_of(status, [True, False, False, False, True]) == [(True, 9)] * 5


def test_the_status_of_a_real_daemon(tmp_path: Path) -> None:
    """Expect its counters."""
    with daemons(tmp_path, 6) as (only,):
        reply = asyncio.run(ask_status(only.endpoint))
    assert (reply.active, reply.max_concurrent) == (0, 6)
    assert json.dumps(reply.total) == "0"
