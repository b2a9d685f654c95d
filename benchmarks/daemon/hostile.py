"""Hostile clients against a real daemon: does it stay alive, quick to answer, empty and small?

    python -m benchmarks.daemon.hostile --workers 2

Three storms, with STATUS asked all the while by a client of its own: random hostile lines (bytes
without sense, broken commands, NULs, lone CRs, numbers without measure, answers that nobody asked
for), clients killed in the middle of a game at a random byte (half by RST, half by FIN), and a
thousand clients at once. A first small round of each fills caches before memory is looked at.

Progress goes to stderr; the last line of stdout is one JSON object. Not measured here: how fast
games are played.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
GAME = b"NEWGAME test_red.dck test_blue.dck"
RESET = struct.pack("ii", 1, 0)
CLIENTS_AT_ONCE = 32
PATIENCE_SECONDS = 0.3
"""How long a hostile client looks at what it gets before it leaves."""
STATUS_PAUSE_SECONDS = 0.02
MOST_STATUS_SECONDS = 1.0
MOST_GROWTH_MEGABYTES = 8.0
FRAGMENTS = (
    *(b"STATUS", b"NEWGAME", b"test_red.dck", b"test_blue.dck", b"-i", b"-o", b"-q", b"-k"),
    *(b"-n 3", b"-a 1", b"-c 1", b"-s 7", b"-c", b"-n -1", b"-s 99999999999999999999999999"),
    *(b"-a 0", b"\0", b"\xff\xfe", b"\r", b"\t", b"/etc/passwd", b"../../x.dck", b"/\0.dck"),
    *(b"x" * 300, b"-1", b"0,1,2", b"0:1", b"y", b"GET / HTTP/1.1", b"\xe2\x80\xa8", b"9" * 5000),
)


@dataclass
class Daemon:
    """A daemon process."""

    process: subprocess.Popen[str]
    port: int

    def family(self) -> list[int]:
        """Process ids of the daemon and of its workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def resident_megabytes(self) -> float:
        """Memory of all its processes."""
        pages = 0
        for pid in self.family():
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6

    def open_files(self) -> int:
        """Descriptors of all its processes."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.family())

    def ask(self, line: bytes) -> bytes:
        """Send one line and give everything until the daemon closes."""
        with socket.create_connection((HOST, self.port), timeout=30) as connection:
            connection.sendall(line)
            with connection.makefile("rb") as reply:
                return reply.read()

    def counters(self) -> dict[str, int]:
        """The reply to STATUS."""
        pairs = (line.split(":") for line in self.ask(b"STATUS\n").decode().splitlines()[1:])
        return {name: int(value) for name, value in pairs}


@contextlib.contextmanager
def running_daemon(workers: int, log: TextIO, *more_decks: str) -> Iterator[Daemon]:
    """A daemon with ten slots, whose messages go to a file; it serves the folders given, too."""
    folders = (str(ROOT / "decks"), *more_decks)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "trainingrun_daemon", "--host", HOST, "--port", "0"),
            *("--workers", str(workers)),
            *(argument for folder in folders for argument in ("--decks", folder)),
        ],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Daemon(process, int(process.stdout.readline().rpartition(":")[2]))
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@dataclass
class StatusWatch:
    """Asks for STATUS again and again, and remembers how long it took."""

    daemon: Daemon
    seconds: list[float] = field(default_factory=list)
    most_active: int = 0
    most_queued: int = 0
    failures: int = 0
    _is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> StatusWatch:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(STATUS_PAUSE_SECONDS):
            begin = time.monotonic()
            try:
                counters = self.daemon.counters()
            except (OSError, ValueError):
                self.failures += 1
                continue
            self.seconds.append(time.monotonic() - begin)
            self.most_active = max(self.most_active, counters["Active games"])
            self.most_queued = max(self.most_queued, counters["Queued games"])


def hostile_line(generator: random.Random) -> bytes:
    """One line that no honest client sends, or sends at the wrong time."""
    match generator.randrange(5):
        case 0:
            return generator.randbytes(generator.randrange(1, 200))
        case 1:
            return b" ".join(generator.choices(FRAGMENTS, k=generator.randrange(1, 7)))
        case 2:
            line = bytearray(GAME + b" -i -q -c 5")
            line[generator.randrange(len(line))] = generator.randrange(256)
            return bytes(line)
        case 3:
            return GAME + b" " + b" ".join(generator.choices(FRAGMENTS, k=2))
        case _:
            return generator.choice(FRAGMENTS) * generator.choice((1, 1, 1, 2, 100))


def leave(writer: asyncio.StreamWriter, generator: random.Random) -> None:
    """Close by FIN or by RST."""
    if generator.random() < 0.5:
        link = writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
    else:
        writer.close()


async def abuse(daemon: Daemon, lines: list[bytes], generator: random.Random) -> None:
    """One client: its lines, in pieces or not, then it looks for a moment or leaves at once."""
    reader, writer = await asyncio.open_connection(HOST, daemon.port, limit=2**20)
    with contextlib.suppress(ConnectionError):
        for line in lines:
            end = generator.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r", b""))
            writer.write(line + end)
            await asyncio.sleep(0)
        if generator.random() < 0.5:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(2**16), PATIENCE_SECONDS)
    leave(writer, generator)


async def die_in_a_game(daemon: Daemon, generator: random.Random) -> bool:
    """Play some decisions, then leave inside an answer; says whether a game was under way."""
    reader, writer = await asyncio.open_connection(HOST, daemon.port, limit=2**20)
    writer.write(GAME + b" -i -q\n")
    seen = 0
    for _ in range(generator.randrange(4, 60)):
        line = await reader.readline()
        if not line or line.startswith((b"GAME_RESULT", b"ERROR")):
            break
        if line.startswith(b"DECISION"):
            seen += 1
            writer.write(generator.choice((b"0\n", b"-1\n", b"0,1\n")))
    writer.write(b"0,1,2\n"[: generator.randrange(6)])
    leave(writer, generator)
    return seen > 0


async def visit(daemon: Daemon) -> bool:
    """Play one quiet game; says whether there was a result."""
    reader, writer = await asyncio.open_connection(HOST, daemon.port)
    writer.write(GAME + b" -q -s 1\n")
    line = await reader.readline()
    writer.close()
    return line.startswith(b"GAME_RESULT: ")


async def gather(
    count: int, at_once: int, act: Callable[[], Awaitable[bool | None]]
) -> list[bool | None]:
    """Do something so often, so many at once."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> bool | None:
        async with gate:
            return await act()

    return await asyncio.gather(*(one() for _ in range(count)))


async def storm_lines(daemon: Daemon, count: int, generator: random.Random) -> None:
    """Send so many hostile lines, one to five on a connection."""
    batches: list[list[bytes]] = []
    while count > 0:
        size = min(count, generator.randrange(1, 6))
        batches.append([hostile_line(generator) for _ in range(size)])
        count -= size
    await gather(len(batches), CLIENTS_AT_ONCE, lambda: abuse(daemon, batches.pop(), generator))


@dataclass(frozen=True)
class Amounts:
    """How much is done."""

    lines: int
    killed: int
    at_once: int


def storm(daemon: Daemon, amounts: Amounts, generator: random.Random) -> dict[str, int]:
    """All three storms; gives what came of them."""
    asyncio.run(storm_lines(daemon, amounts.lines, generator))
    tell(f"{amounts.lines} hostile lines sent")
    deaths = asyncio.run(
        gather(amounts.killed, CLIENTS_AT_ONCE, lambda: die_in_a_game(daemon, generator))
    )
    tell(f"{sum(map(bool, deaths))} clients killed in a game")
    served = asyncio.run(gather(amounts.at_once, amounts.at_once, lambda: visit(daemon)))
    tell(f"{sum(map(bool, served))} of {amounts.at_once} clients at once were served")
    return {
        "hostile_lines": amounts.lines,
        "killed_in_a_game": sum(map(bool, deaths)),
        "at_once": amounts.at_once,
        "at_once_served": sum(map(bool, served)),
    }


def wait_until_empty(daemon: Daemon) -> dict[str, int]:
    """Wait for the last games to be noticed as over, at most ten seconds; gives the counters."""
    pause, deadline = threading.Event(), time.monotonic() + 10
    while time.monotonic() < deadline:
        counters = daemon.counters()
        if not counters["Active games"] and not counters["Queued games"]:
            break
        pause.wait(0.1)
    return counters


def wait_until_closed(daemon: Daemon, files: int) -> None:
    """Wait for the last connections to be closed: they may linger for five seconds."""
    pause, deadline = threading.Event(), time.monotonic() + 8
    while daemon.open_files() > files and time.monotonic() < deadline:
        pause.wait(0.1)


def measure(workers: int, warm_up: Amounts, amounts: Amounts) -> dict[str, float]:
    """Run it, and say what was seen."""
    generator = random.Random(4)
    with TemporaryFile("w+") as log, running_daemon(workers, log) as daemon:
        files = daemon.open_files()
        storm(daemon, warm_up, generator)
        wait_until_empty(daemon)
        wait_until_closed(daemon, files)
        family, before = daemon.family(), daemon.resident_megabytes()
        begin = time.monotonic()
        with StatusWatch(daemon) as watch:
            done = storm(daemon, amounts, generator)
            counters = wait_until_empty(daemon)
        seconds = time.monotonic() - begin
        wait_until_closed(daemon, files)
        asked = sorted(watch.seconds)
        return {
            "workers": workers,
            "seconds": round(seconds, 1),
            **done,
            "status_asked": len(asked),
            "status_failures": watch.failures,
            "status_p50_ms": round(1000 * asked[len(asked) // 2], 1),
            "status_worst_ms": round(1000 * asked[-1], 1),
            "most_active": watch.most_active,
            "most_queued": watch.most_queued,
            "active_at_end": counters["Active games"],
            "queued_at_end": counters["Queued games"],
            "total_games": counters["Total games"],
            "rss_before_mb": round(before, 1),
            "rss_after_mb": round(daemon.resident_megabytes(), 1),
            "descriptors_leaked": daemon.open_files() - files,
            "processes_lost": len(set(family) - set(daemon.family())),
            "tracebacks": tracebacks(log),
        }


def tracebacks(log: TextIO) -> int:
    """Number of faults that the daemon has logged; the first is shown."""
    log.seek(0)
    text = log.read()
    if text:
        tell(text[:2000])
    return text.count("Traceback")


def tell(words: str) -> None:
    """Progress, for people."""
    print(words, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description="Hostile clients against a real daemon.")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a smoke run")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    warm_up = (
        Amounts(lines=300, killed=10, at_once=50) if options.quick else Amounts(2000, 50, 1000)
    )
    amounts = (
        Amounts(lines=500, killed=20, at_once=200) if options.quick else Amounts(10_000, 100, 1000)
    )
    figures = measure(options.workers, warm_up, amounts)
    met = {
        "status_worst_ms": figures["status_worst_ms"] < 1000 * MOST_STATUS_SECONDS,
        "status_failures": figures["status_failures"] == 0,
        "active_at_end": figures["active_at_end"] == figures["queued_at_end"] == 0,
        "at_once_served": figures["at_once_served"] == figures["at_once"],
        "rss_growth_mb": figures["rss_after_mb"] - figures["rss_before_mb"] < MOST_GROWTH_MEGABYTES,
        "processes_lost": figures["processes_lost"] == 0,
        "tracebacks": figures["tracebacks"] == 0,
        "descriptors_leaked": figures["descriptors_leaked"] == 0,
        "most_active": figures["most_active"] <= 10,
    }
    goals = {
        "status_worst_ms": "< 1000",
        "status_failures": "0",
        "active_at_end": "0",
        "at_once_served": "all",
        "rss_growth_mb": f"< {MOST_GROWTH_MEGABYTES:g}",
        "processes_lost": "0",
        "tracebacks": "0",
        "descriptors_leaked": "0",
        "most_active": "<= 10",
    }
    result = {
        "benchmark": "daemon_hostile",
        "figures": figures,
        "ratios": {},
        "goals": goals,
        "met": met,
        "machine": f"{os.cpu_count()} cores",
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
