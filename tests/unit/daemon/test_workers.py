"""Several processes behind one port: one queue, one count, and a death that costs little."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from trainingrun_daemon.options import ServeOptions
from trainingrun_daemon.server import RunningDaemon, listen
from trainingrun_daemon.server_context import Timeouts
from trainingrun_protocol.lines import StatusReply, parse_status

GAME = b"NEWGAME test_red.dck test_blue.dck"


class Daemon:
    """A daemon process with worker processes."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def connect(self, data: bytes = b"") -> socket.socket:
        """Open a connection and send bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(data)
        return connection

    def ask(self, data: bytes) -> bytes:
        """Send bytes and give everything that comes until the daemon closes."""
        with self.connect(data) as connection, connection.makefile("rb") as lines:
            return lines.read()

    def status(self) -> StatusReply:
        """Ask for the counters."""
        return parse_status(self.ask(b"STATUS\n").splitlines())

    def until(self, *, active: int, queued: int) -> None:
        """Ask for the counters until they are so."""
        wait_for(lambda: _counts(self.status()) == (active, queued))

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return children_of(self.process.pid)


def children_of(pid: int) -> list[int]:
    """Process ids of the children of a process, of its first thread."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def target_of(link: Path) -> str:
    """Where a link leads; nowhere when it has gone since it was listed, as closed sockets do."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def _counts(reply: StatusReply) -> tuple[int, int | None]:
    return reply.active, reply.queued


def wait_for(is_so: Callable[[], bool]) -> None:
    """Poll until something holds."""
    pause, deadline = threading.Event(), time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        pause.wait(0.02)


@contextlib.contextmanager
def running(decks: Path, *arguments: str) -> Iterator[Daemon]:
    """Start a daemon with two workers and wait for its line."""
    command = [sys.executable, "-m", "trainingrun_daemon", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--decks", str(decks), "--workers", "2", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Daemon(process, int(process.stdout.readline().rpartition(":")[2]))
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


@pytest.fixture(scope="module")
def shared(deck_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with two workers and two slots, for tests that leave it as they found it."""
    more = tmp_path_factory.mktemp("decks")
    (more / "short.dck").write_text("[Main]\n8 Mountain\n")
    with running(deck_directory, "--max-concurrent", "2", "--decks", str(more)) as daemon:
        yield daemon


def first_decision(connection: socket.socket) -> bytes:
    """Read to the first DECISION line; gives it."""
    with connection.makefile("rb") as lines:
        return next(line for line in lines if line.startswith(b"DECISION"))


def test_the_count_is_that_of_the_whole_daemon(shared: Daemon) -> None:
    """Two games run and two wait, wherever they are; all workers say so."""
    with contextlib.ExitStack() as connections:
        for _ in range(4):
            connections.enter_context(shared.connect(GAME + b" -i\n"))
        shared.until(active=2, queued=2)
        assert {_counts(shared.status()) for _ in range(6)} == {(2, 2)}
        assert shared.status().max_concurrent == 2
    shared.until(active=0, queued=0)


def test_games_begin_in_the_order_of_arrival(shared: Daemon) -> None:
    """Freed slots go to the client that waits longest, over all workers."""
    with contextlib.ExitStack() as connections:
        players = [connections.enter_context(shared.connect(GAME + b" -i\n")) for _ in range(2)]
        shared.until(active=2, queued=0)
        waiting = []
        for number in range(4):
            waiting.append(connections.enter_context(shared.connect(GAME + b" -i\n")))
            shared.until(active=2, queued=number + 1)
        for leaving, next_one in zip([*players, *waiting[:2]], waiting, strict=True):
            leaving.close()
            assert first_decision(next_one).startswith(b"DECISION")
    shared.until(active=0, queued=0)


def test_clients_are_spread_over_the_workers(shared: Daemon) -> None:
    """Ten resting clients: five sockets in each worker, besides its own."""

    def sockets() -> list[int]:
        found = []
        for worker in shared.workers():
            links = Path(f"/proc/{worker}/fd").iterdir()
            found.append(sum(target_of(link).startswith("socket:") for link in links))
        return found

    own = 3  # the channel, and a pair to wake the event loop
    wait_for(lambda: sockets() == [own, own])
    with contextlib.ExitStack() as connections:
        for _ in range(10):
            connections.enter_context(shared.connect())
        wait_for(lambda: sockets() == [own + 5, own + 5])


def test_pooling_and_batches_work(shared: Daemon) -> None:
    """-n gives its results in a row, -k takes the next command on the same connection."""
    reply = shared.ask(GAME + b" -q -k -n 5\n" + GAME + b" -q -k\nSTATUS\n")
    assert reply.count(b"GAME_RESULT: ") == 6
    assert reply.endswith(b"Max concurrent: 2\n")


def test_a_thousand_clients_at_once_are_served(shared: Daemon) -> None:
    """All have connected and asked before the first answer is read."""
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(shared.connect(b"NEWGAME short short -q\n")) for _ in range(1000)
        ]
        for connection in connections:
            with connection.makefile("rb") as lines:
                assert lines.readline().startswith(b"GAME_RESULT: ")
    shared.until(active=0, queued=0)


def test_a_dead_worker_frees_its_slots_and_is_replaced(deck_directory: Path) -> None:
    """Its client is cut off, the other's game continues, the queue moves up, two workers again."""
    with running(deck_directory, "--max-concurrent", "2") as daemon, contextlib.ExitStack() as all_:
        connections = [all_.enter_context(daemon.connect(GAME + b" -i -q\n")) for _ in range(2)]
        for guest in connections:
            first_decision(guest)
        late = all_.enter_context(daemon.connect(GAME + b" -q\n"))
        daemon.until(active=2, queued=1)
        victims = daemon.workers()
        os.kill(victims[0], signal.SIGKILL)
        wait_for(lambda: victims[0] not in daemon.workers())  # until then it may be given clients
        daemon.until(active=1, queued=0)
        is_cut = []
        for guest in connections:
            guest.sendall(b"0\n")
            try:
                is_cut.append(guest.recv(100) == b"")
            except ConnectionError:
                is_cut.append(True)
        assert sorted(is_cut) == [False, True]
        late.close()
        wait_for(lambda: len(daemon.workers()) == 2 and daemon.workers() != victims)
        assert daemon.ask(GAME + b" -q\n").startswith(b"GAME_RESULT: ")
        daemon.until(active=1, queued=0)


def test_sigterm_drains_all_workers(deck_directory: Path) -> None:
    """Running games continue to their results, waiting and new ones are refused, exit code 0."""
    with running(deck_directory, "--max-concurrent", "2") as daemon, contextlib.ExitStack() as all_:
        connections = [all_.enter_context(daemon.connect(GAME + b" -i -q\n")) for _ in range(2)]
        for guest in connections:
            first_decision(guest)
        waiting = all_.enter_context(daemon.connect(GAME + b" -q\n"))
        daemon.until(active=2, queued=1)
        daemon.process.send_signal(signal.SIGTERM)
        assert waiting.makefile("rb").read() == b"ERROR: the daemon is stopping\n"
        assert daemon.ask(GAME + b" -q\n").startswith(b"ERROR: the daemon is stopping")
        for guest in connections:
            guest.sendall(b"0\n")
            with guest.makefile("rb") as lines:
                for line in lines:
                    last = line
                    if line.startswith(b"DECISION"):
                        guest.sendall(b"0\n")
            assert last.startswith(b"GAME_RESULT: ")
        assert daemon.process.wait(timeout=30) == 0


def test_the_drain_time_ends(deck_directory: Path) -> None:
    """Games that do not end in the drain time get GAME_ERROR, exit code 0."""
    with running(deck_directory, "--drain-seconds", "0") as daemon:
        with daemon.connect(GAME + b" -i -q\n") as guest:
            first_decision(guest)
            daemon.process.send_signal(signal.SIGTERM)
            assert guest.makefile("rb").readlines()[-1] == b"GAME_ERROR: the daemon is stopping\n"
        assert daemon.process.wait(timeout=30) == 0


def test_workers_do_not_outlive_the_front_desk(deck_directory: Path) -> None:
    """When the first process is killed, the others end by themselves."""
    with running(deck_directory) as daemon:
        workers = daemon.workers()
        daemon.process.kill()
        daemon.process.wait()
        wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_a_worker_that_hangs_is_replaced(deck_directory: Path) -> None:
    """A stopped process is killed after the patience; its slot is free, and STATUS answers."""
    options = ServeOptions(
        host="127.0.0.1",
        port=0,
        decks=(deck_directory,),
        workers=2,
        patience=Timeouts(hang=2),  # a busy machine's workers answer within that
    )

    async def ask(daemon: RunningDaemon, line: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(daemon.host, daemon.port)
        writer.write(line)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def scene() -> None:
        others = set(children_of(os.getpid()))
        async with asyncio.timeout(30), listen(options) as daemon:
            reader, writer = await asyncio.open_connection(daemon.host, daemon.port, limit=2**20)
            writer.write(GAME + b" -i -q\n")
            await reader.readline()
            for pid in set(children_of(os.getpid())) - others:
                os.kill(pid, signal.SIGSTOP)
            assert await ask(daemon, b"STATUS\n") == b""  # its worker is killed with it
            while b"Active games: 0" not in await ask(daemon, b"STATUS\n"):
                pass
            assert (await ask(daemon, GAME + b" -q\n")).startswith(b"GAME_RESULT: ")
            writer.close()

    asyncio.run(scene())
