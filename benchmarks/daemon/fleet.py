"""A fleet of daemons that are as slow as the real engine, on one machine.

    python -m benchmarks.daemon.fleet --daemons 160 --games 8

Each daemon is a process of its own, started as an operator would start it, with ``--latency
forge``: that is what sizing a cluster on a laptop needs (ports, readiness, kills and STATUS of each
one are real). Every slot of each plays quiet AI games all the time; meanwhile one more client plays
interactive games on one of them, and STATUS goes round.

Progress goes to stderr; the last line of stdout is one JSON object: times of the games against
those of the real engine (protocol section 7), memory (each page shared between processes counted
once), and what it costs of the processor. Not measured here: the cost of interactive games on all
slots, which are really played.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
GAME = b"NEWGAME test_red.dck test_blue.dck"
STARTS_AT_ONCE = 8
START_SECONDS = 120.0
PUBLISHED = {"p50": 6.4, "p90": 15.6, "p95": 19.2, "p99": 27.7, "mean": 7.8}
"""Seconds a game of the real engine (protocol section 7)."""
TOLERANCE = 0.10
MOST_PROCESSOR_PERCENT = 50.0
MOST_GIGABYTES = 8.0
RESULT = re.compile(rb"GAME_RESULT: .* in (\d+)ms\n")


@dataclass
class Fleet:
    """Daemon processes and their ports."""

    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def megabytes(self) -> float:
        """Memory of all, each shared page divided among those who share it."""
        kilobytes = 0
        for process in self.processes:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            kilobytes += int(next(re.finditer(r"^Pss:\s+(\d+)", rollup, re.MULTILINE))[1])
        return kilobytes / 1000

    def processor_seconds(self) -> float:
        """Processor time of all since their start."""
        ticks = 0
        for process in self.processes:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running_fleet(count: int, games: int, folder: Path) -> Iterator[Fleet]:
    """Start daemons, a few at a time, and wait until all listen."""
    fleet = Fleet()
    try:
        files = [folder / f"port-{number}" for number in range(count)]
        for begin in range(0, count, STARTS_AT_ONCE):
            batch = files[begin : begin + STARTS_AT_ONCE]
            fleet.processes += [start_daemon(games, each) for each in batch]
            time.sleep(0.3)
        deadline = time.monotonic() + START_SECONDS
        while not all(each.exists() for each in files):
            if time.monotonic() > deadline:
                raise SystemExit(f"not all of {count} daemons listen after {START_SECONDS:g} s")
            time.sleep(0.2)
        fleet.ports = [int(each.read_text()) for each in files]
        yield fleet
    finally:
        for process in fleet.processes:
            process.terminate()
        for process in fleet.processes:
            process.wait(timeout=60)


def start_daemon(games: int, port_file: Path) -> subprocess.Popen[bytes]:
    """Start one daemon."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "trainingrun_daemon", "--host", HOST, "--port", "0"),
            *("--decks", str(ROOT / "decks"), "--max-concurrent", str(games)),
            *("--latency", "forge", "--drain-seconds", "0", "--port-file", str(port_file)),
        ],
        stdout=subprocess.DEVNULL,
    )


@dataclass
class Tally:
    """What the clients saw since the measurement began."""

    is_on: bool = False
    games: list[float] = field(default_factory=list)
    prompts: list[float] = field(default_factory=list)
    statuses: list[float] = field(default_factory=list)


async def play_all_the_time(port: int, tally: Tally) -> None:
    """Fill one slot with quiet games."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(GAME + b" -q -n 100000\n")
    while line := await reader.readline():
        found = RESULT.fullmatch(line)
        if found and tally.is_on:
            tally.games.append(int(found[1]) / 1000)


async def answer_prompts(port: int, tally: Tally) -> None:
    """Play interactive games one after another, and take the time of each prompt."""
    while True:
        reader, writer = await asyncio.open_connection(HOST, port, limit=2**20)
        writer.write(GAME + b" -i -q\n")
        asked = time.monotonic()
        while line := await reader.readline():
            if line.startswith(b"DECISION"):
                if tally.is_on:
                    tally.prompts.append(time.monotonic() - asked)
                writer.write(b"0\n")
                asked = time.monotonic()
        writer.close()


async def ask_status(ports: Sequence[int], tally: Tally) -> None:
    """Ask one daemon after another."""
    while True:
        for port in ports:
            begin = time.monotonic()
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"STATUS\n")
            await reader.read()
            writer.close()
            if tally.is_on:
                tally.statuses.append(time.monotonic() - begin)
            await asyncio.sleep(0.05)


async def load(fleet: Fleet, games: int, warm_up: float, seconds: float) -> dict[str, float]:
    """Keep all slots busy; gives what was seen after the warm-up."""
    tally = Tally()
    busy = games - 1  # of the first daemon: one slot is for the interactive games
    clients = [
        asyncio.ensure_future(play_all_the_time(port, tally))
        for number, port in enumerate(fleet.ports)
        for _ in range(busy if number == 0 else games)
    ]
    clients.append(asyncio.ensure_future(answer_prompts(fleet.ports[0], tally)))
    clients.append(asyncio.ensure_future(ask_status(fleet.ports, tally)))
    await asyncio.sleep(warm_up)
    before = fleet.processor_seconds()
    tally.is_on = True
    tell(f"warmed up; measuring for {seconds:g} s")
    await asyncio.sleep(seconds)
    tally.is_on = False
    processor = fleet.processor_seconds() - before
    for client in clients:
        client.cancel()
    ended = await asyncio.gather(*clients, return_exceptions=True)
    broken = [each for each in ended if not isinstance(each, asyncio.CancelledError)]
    return {
        "clients_broken": len(broken),
        "games": len(tally.games),
        "games_per_second": round(len(tally.games) / seconds, 1),
        **{f"game_{name}_s": value for name, value in shape(tally.games).items()},
        "prompts": len(tally.prompts),
        "prompt_p50_ms": round(1000 * statistics.median(tally.prompts), 2),
        "prompt_max_ms": round(1000 * max(tally.prompts), 1),
        "status_worst_ms": round(1000 * max(tally.statuses), 1),
        "processor_percent": round(100 * processor / seconds / (os.cpu_count() or 1), 1),
    }


def shape(seconds: Sequence[float]) -> dict[str, float]:
    """The quantiles that are published for the real engine."""
    ordered = sorted(seconds)
    cut = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
    found = {name: ordered[int(share * len(ordered))] for name, share in cut.items()}
    return {name: round(value, 2) for name, value in found.items()} | {
        "mean": round(statistics.fmean(ordered), 2)
    }


def measure(daemons: int, games: int, warm_up: float, seconds: float) -> dict[str, float]:
    """Run it, and say what was seen."""
    with tempfile.TemporaryDirectory(prefix="daemon-fleet-") as folder:
        begin = time.monotonic()
        with running_fleet(daemons, games, Path(folder)) as fleet:
            started = time.monotonic() - begin
            tell(f"{daemons} daemons listen after {started:.1f} s")
            empty = fleet.megabytes()
            figures = asyncio.run(load(fleet, games, warm_up, seconds))
            megabytes = fleet.megabytes()
            alive = sum(process.poll() is None for process in fleet.processes)
    return {
        "daemons": daemons,
        "slots": games * daemons,
        "start_seconds": round(started, 1),
        **figures,
        "memory_empty_mb": round(empty),
        "memory_mb": round(megabytes),
        "memory_per_daemon_mb": round(megabytes / daemons, 1),
        "daemons_lost": daemons - alive,
    }


def tell(words: str) -> None:
    """Progress, for people."""
    print(words, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description="Many slow daemons on one machine.")
    parser.add_argument("--daemons", type=int, default=160)
    parser.add_argument("--games", type=int, default=8, help="slots of each daemon")
    parser.add_argument("--warm-up", type=float, default=30.0, help="seconds before measuring")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="three daemons, for a smoke run")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.quick:
        options.daemons, options.warm_up, options.seconds = 3, 2.0, 10.0
    figures = measure(options.daemons, options.games, options.warm_up, options.seconds)
    met = {
        **{
            f"game_{name}_s": abs(figures[f"game_{name}_s"] / value - 1) < TOLERANCE
            for name, value in PUBLISHED.items()
        },
        "processor_percent": figures["processor_percent"] < MOST_PROCESSOR_PERCENT,
        "memory_mb": figures["memory_mb"] < 1000 * MOST_GIGABYTES,
        "status_worst_ms": figures["status_worst_ms"] < 1000,
        "daemons_lost": figures["daemons_lost"] == figures["clients_broken"] == 0,
    }
    result = {
        "benchmark": "daemon_fleet",
        "figures": figures,
        "ratios": {
            name: round(figures[f"game_{name}_s"] / value, 3) for name, value in PUBLISHED.items()
        },
        "goals": {
            **{f"game_{name}_s": f"{value} ± 10 %" for name, value in PUBLISHED.items()},
            "processor_percent": f"< {MOST_PROCESSOR_PERCENT:g}",
            "memory_mb": f"< {1000 * MOST_GIGABYTES:g}",
            "status_worst_ms": "< 1000",
            "daemons_lost": "0",
        },
        "met": met,
        "machine": f"{os.cpu_count()} cores",
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
