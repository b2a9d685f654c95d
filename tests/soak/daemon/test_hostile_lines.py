"""A daemon whose port strangers reach: hostile lines, bytes and manners.

This one has no token. Whatever is said there, the daemon's process stays up and logs no fault,
clients of another address play their games to the end, a bad command is answered by one line, and
descriptors, slots and memory are given back.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from trainingrun_protocol.lines import parse_status

STEPS_PER_EXAMPLE: Final = 20
MOST_OPEN: Final = 24
MOST_GROWTH: Final = 128 * 2**20
PATIENCE_SECONDS: Final = 300.0
HOSTILE, HONEST = "127.0.0.1", "127.0.0.2"
GAME: Final = b"NEWGAME test_red.dck test_blue.dck"
RESET: Final = struct.pack("ii", 1, 0)
DECKS: Final = Path(__file__).parents[3] / "decks"

junk = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=60).map(str.encode),
    st.sampled_from([b"", b"\0" * 50, b"-1", b"9" * 5000, b"[" * 5000, b"\xff\xfe", b"0 0 0 0"]),
)
flags = st.lists(
    st.sampled_from(
        [b"-i", b"-o", b"-q", b"-k", b"-c 1000000", b"-c 1", b"-n 3", b"-a 1", b"-s 7", b"-s x"]
    ),
    max_size=5,
)


@dataclass(frozen=True)
class Step:
    """What one hostile client does."""

    kind: str
    content: bytes
    flags: tuple[bytes, ...]
    at: int


steps = st.builds(
    Step,
    kind=st.sampled_from(
        ["refused", "part", "game", "answers", "mutated", "path", "flood", "reset", "leave", "end"]
    ),
    content=junk,
    flags=flags.map(tuple),
    at=st.integers(0, 2**20),
)


@dataclass
class Soak:
    """The daemon's process, and the hostile connections that are open."""

    process: psutil.Process
    port: int
    log: Path
    open: deque[socket.socket] = field(default_factory=deque)

    def connect(self, source: str = HOSTILE) -> socket.socket:
        """Open a connection from an address."""
        place = ("127.0.0.1", self.port)
        return socket.create_connection(place, PATIENCE_SECONDS, source_address=(source, 0))

    def ask(self, line: bytes, source: str) -> list[bytes]:
        """Send a line; gives all lines until the daemon closes."""
        with self.connect(source) as client, client.makefile("rb") as lines:
            client.sendall(line)
            return lines.readlines()

    def send(self, data: bytes, client: socket.socket | None = None) -> None:
        """Send what the daemon takes now, on a connection that stays open for a while."""
        if client is None:
            client = self.connect()
            self.open.append(client)
        client.settimeout(0)
        with contextlib.suppress(OSError):  # full, or hung up on us
            client.send(data)
        while len(self.open) > MOST_OPEN:
            self.open.popleft().close()

    def any_open(self, at: int) -> socket.socket | None:
        """One of the open connections, if there is one."""
        return self.open[at % len(self.open)] if self.open else None


def act(soak: Soak, step: Step) -> None:
    """Do one step."""
    known = soak.any_open(step.at)
    game = b" ".join((GAME, *step.flags))
    match step.kind:
        case "refused":
            line = b"x" + step.content.replace(b"\n", b"") + b"\n"
            (answer,) = soak.ask(line, HOSTILE)
            assert answer.startswith(b"ERROR: "), answer
        case "part":
            soak.send(step.content.replace(b"\n", b""))
        case "game":
            soak.send(game + b"\n")
        case "answers":
            soak.send(step.content + b"\n", known)
        case "mutated":
            place = step.at % len(game)
            soak.send(game[:place] + step.content[:20] + game[place + 1 :] + b"\n")
        case "path":
            soak.send(b"NEWGAME /" + step.content[:40] + b".dck ../../x.dck\n")
        case "flood":
            soak.send((step.content + b"\n") * 500, known)
        case _:
            hang_up(soak, step)


def hang_up(soak: Soak, step: Step) -> None:
    """Leave in one of three manners."""
    if not soak.open:
        return
    at = step.at % len(soak.open)
    client = soak.open[at]
    if step.kind == "end":
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        return
    if step.kind == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    del soak.open[at]
    client.close()


@pytest.fixture(params=[1, 2])
def soak(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Soak]:
    """A daemon that plays, alone and with workers."""
    log = tmp_path / "daemon.log"
    words = ["--host", "127.0.0.1", "--port", "0", "--decks", str(DECKS), "--max-concurrent", "4"]
    words += ["--games-per-address", "2", "--workers", str(request.param)]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "trainingrun_daemon", *words],
            stdout=subprocess.PIPE,
            stderr=file,
        ) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(b":")[2])
        made = Soak(psutil.Process(process.pid), port, log)
        try:
            yield made
        finally:
            for each in made.open:
                each.close()
            process.terminate()


def family(soak: Soak) -> list[psutil.Process]:
    """The daemon's processes."""
    return [soak.process, *soak.process.children()]


def memory(soak: Soak) -> int:
    """Bytes that the daemon's processes hold."""
    return sum(each.memory_info().rss for each in family(soak))


def descriptors(soak: Soak) -> int:
    """Files and sockets that they have open."""
    return sum(each.num_fds() for each in family(soak))


def play(soak: Soak) -> None:
    """Expect an honest client's game to end with a result."""
    (line,) = soak.ask(GAME + b" -q -c 3600\n", HONEST)
    assert line.startswith(b"GAME_RESULT: "), line


def test_hostile_lines_bytes_and_manners(soak: Soak, soak_steps: int) -> None:
    """Expect the daemon to take every step, honest games between them, and nothing to be left."""
    for _ in range(3):
        play(soak)
    pids = [each.pid for each in family(soak)]
    held, files = memory(soak), descriptors(soak)

    @settings(
        max_examples=max(1, soak_steps // STEPS_PER_EXAMPLE),
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.lists(steps, min_size=STEPS_PER_EXAMPLE, max_size=STEPS_PER_EXAMPLE))
    def outlives(chosen: list[Step]) -> None:
        for step in chosen:
            act(soak, step)
        play(soak)

    outlives()
    while soak.open:
        soak.open.pop().close()
    while (reply := parse_status([*soak.ask(b"STATUS\n", HONEST)])).active or reply.queued:
        pass
    while descriptors(soak) > files + 1:  # of the last connection, which may be closing
        play(soak)
    grown = memory(soak) - held
    print(f"{soak_steps} steps, {reply.total} games; memory grew by {grown / 2**20:.1f} MiB")
    assert [each.pid for each in family(soak)] == pids
    faults = soak.log.read_text()
    assert "Traceback" not in faults, faults[-4000:]
    assert "ERROR" not in faults, faults[-4000:]
    assert grown < MOST_GROWTH
