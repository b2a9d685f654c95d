"""What a connection that stays open gains: games by reconnecting, with ``-k`` and with ``-n``.

Every way plays the same games (the same seeds) on one reference daemon. First without latency, in
turns: processor time a game, the daemon's and the client's, of games between the engine's own
players, and of games that the client answers for both seats (``-n`` has none of these). Then with
``--latency forge``, all ways at once, each with its own clients: the seed decides how long a game
takes, so what differs is what the ways add.

Not measured here: what an actor does between two games.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.lines import DecisionLine, is_terminal

from benchmarks import measuring
from benchmarks.measuring import ROOT, Goal, Sample, medians, process_seconds, ratio, report, tell

HOST = "127.0.0.1"
DECKS = ("red_aggro", "white_weenie")
START_SECONDS = 60.0
ANSWER = "0"


@dataclass(frozen=True)
class Way:
    """How a client asks for its games."""

    name: str
    flags: str
    keeps: bool = False
    is_batch: bool = False


WAYS = (
    Way("reconnects", "(a connection a game)"),
    Way("pooled", "-k", keeps=True),
    Way("batches", "-n", is_batch=True),
)


@dataclass(frozen=True)
class Work:
    """So many clients play so many games each, one after another."""

    clients: int
    games: int
    interactive: bool = False

    @property
    def total(self) -> int:
        return self.clients * self.games


class Talker(asyncio.Protocol):
    """A client's connection: plays games one after another as long as the daemon keeps it."""

    def __init__(self) -> None:
        self._protocol = ClientConnection()
        self._over: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    async def play(self, command: NewGame) -> None:
        """All games of the command."""
        self._over = asyncio.get_running_loop().create_future()
        self._transport.write(self._protocol.start(command))
        await self._over

    def data_received(self, data: bytes) -> None:
        for line in self._protocol.receive(data):
            if isinstance(line, DecisionLine):
                self._transport.write(self._protocol.answer(ANSWER))
            elif is_terminal(line) and self._protocol.games_left == 0 and self._over:
                self._over.set_result(None)

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_exception(RuntimeError("the daemon hung up in the midst of a game"))

    def close(self) -> None:
        self._transport.close()


async def play_client(port: int, way: Way, work: Work, first_seed: int) -> None:
    """One client's games."""
    loop = asyncio.get_running_loop()
    batch = work.games if way.is_batch else 1
    link: Talker | None = None
    for seed in range(first_seed, first_seed + work.games, batch):
        if link is None:
            _, link = await loop.create_connection(Talker, HOST, port)
        await link.play(
            NewGame(
                deck1=DECKS[0],
                deck2=DECKS[1],
                interactive=work.interactive,
                quiet=True,
                seed=seed,
                keep_open=way.keeps,
                games=batch,
            )
        )
        if not way.keeps:
            link.close()
            link = None
    if link is not None:
        link.close()


async def play_all(port: int, way: Way, work: Work) -> float:
    """All clients at once; gives the mean seconds of a game, as a client sees them."""
    began = time.perf_counter()
    spent = 0.0

    async def one(number: int) -> None:
        nonlocal spent
        await play_client(port, way, work, 1000 * number)
        spent += time.perf_counter() - began

    await asyncio.gather(*(one(number) for number in range(work.clients)))
    return spent / work.total


@contextmanager
def running_daemon(slots: int, *, latency: str) -> Iterator[tuple[int, int]]:
    """The process and the port of a reference daemon."""
    with tempfile.TemporaryDirectory(prefix="pooling-") as folder:
        port_file = Path(folder) / "port"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "trainingrun_daemon", "--host", HOST, "--port", "0"),
                *("--decks", str(ROOT / "decks"), "--max-concurrent", str(slots)),
                *("--latency", latency, "--port-file", str(port_file)),
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline, pause = time.monotonic() + START_SECONDS, 0.1
            while not port_file.exists() or not port_file.read_text().strip():
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("the daemon does not start")
                time.sleep(pause)
            yield process.pid, int(port_file.read_text())
        finally:
            process.terminate()
            process.wait(timeout=60)


def measure_turns(work: Work, ways: Sequence[Way], *, repetitions: int) -> dict[str, Any]:
    """Without latency: the ways take turns; processor time is the daemon's and the client's."""
    samples: dict[str, list[Sample]] = {}
    with running_daemon(work.clients, latency="none") as (pid, port):
        for number in range(-1, repetitions):  # the first turn warms up
            for way in ways:
                daemon, own, wall = process_seconds(pid), time.process_time(), time.perf_counter()
                uvloop.run(play_all(port, way, work))
                total = work.total
                sample = Sample(
                    cpu=(process_seconds(pid) - daemon + time.process_time() - own) / total,
                    wall=(time.perf_counter() - wall) / total,
                )
                if number >= 0:
                    samples.setdefault(way.name, []).append(sample)
    figures: dict[str, Any] = {name: medians(found) for name, found in samples.items()}
    for found in figures.values():
        # Other work on the machine only ever adds: the best turn is the least disturbed.
        found["games_per_second"] = round(1 / found["cpu_seconds_least"], 2)
        found["games_per_second_median"] = round(1 / found["cpu_seconds"], 2)
    return figures


def measure_together(work: Work) -> dict[str, Any]:
    """With the real engine's latency: all ways at once, each game as long in each."""

    async def together(port: int) -> list[float]:
        return await asyncio.gather(*(play_all(port, way, work) for way in WAYS))

    with running_daemon(len(WAYS) * work.clients, latency="forge") as (_, port):
        seconds = uvloop.run(together(port))
    return {
        way.name: {"game_seconds": round(each, 4), "games_per_second": round(1 / each, 4)}
        for way, each in zip(WAYS, seconds, strict=True)
    }


def table(found: dict[str, dict[str, Any]]) -> list[str]:
    """A table for people: games a second of each way (of processor time in its best turn where the
    engine has no latency, of a client's time where it has), and its gain."""
    lines = [
        f"| games | {' | '.join(f'{way.name} `{way.flags}`' for way in WAYS)} |",
        "|---|---|---|---|",
    ]
    for kind, figures in found.items():
        base = figures["reconnects"]["games_per_second"]
        cells = [
            f"{figures[way.name]['games_per_second']:g} /s "
            f"({figures[way.name]['games_per_second'] / base:.3f} x)"
            if way.name in figures
            else "-"
            for way in WAYS
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def main() -> int:
    """Measure, print the table, and one JSON object."""
    parser = measuring.parser(
        __doc__ or "",
        examples=[
            ".venv/bin/python -m benchmarks.daemon.pooling",
            ".venv/bin/python -m benchmarks.daemon.pooling --repetitions 3 --forge-games 4",
        ],
    )
    parser.add_argument("--clients", type=measuring.positive, default=8, metavar="N")
    parser.add_argument(
        "--games",
        type=measuring.positive,
        default=12,
        metavar="N",
        help="games of each client in a turn",
    )
    parser.add_argument("--repetitions", type=measuring.positive, default=7, metavar="N")
    parser.add_argument("--forge-clients", type=measuring.positive, default=24, metavar="N")
    parser.add_argument("--forge-games", type=measuring.positive, default=8, metavar="N")
    options = parser.parse_args()
    turns = options.repetitions
    own = Work(options.clients, options.games)
    asked = Work(options.clients, max(1, options.games // 4), interactive=True)
    found = {"the engine's own players": measure_turns(own, WAYS, repetitions=turns)}
    tell("measured: games between the engine's own players")
    found["both seats asked"] = measure_turns(asked, WAYS[:2], repetitions=turns)
    tell("measured: games with both seats asked")
    forge = Work(options.forge_clients, options.forge_games)
    found["as slow as the real engine"] = measure_together(forge)
    tell("\n".join(table(found)))
    ratios = {
        f"{kind}: {way.name} against reconnects": ratio(
            figures[way.name]["games_per_second"], figures["reconnects"]["games_per_second"]
        )
        for kind, figures in found.items()
        for way in WAYS[1:]
        if way.name in figures
    }
    best = max(value for name, value in ratios.items() if value and name.startswith("the engine's"))
    goals = [Goal("the better of -k and -n against reconnects", best, least=1.1)]
    return report("pooling", figures=found, ratios=ratios, goals=goals)


if __name__ == "__main__":
    sys.exit(main())
