"""What it costs to serve a game that lives in Python: decisions per second of one core.

Random games are played once and their answers kept; then the same games are served again and again
with these answers, so that nothing but serving is counted. First in this process: a session from
answer to line, as the daemon resumes it. Then a daemon of one process with sixteen clients at once,
each on one connection: its processor time for a decision, sockets and all.
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
from random import Random
from typing import Any

import uvloop
from trainingrun_daemon.environment_games import EnvironmentGames, games_named
from trainingrun_daemon.game_factory import Match, Progress
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import NO_SCENARIO, NewGame
from trainingrun_protocol.generic import decode_generic
from trainingrun_protocol.lines import DecisionLine, is_terminal, parse_line

from benchmarks import measuring
from benchmarks.measuring import ROOT, Goal, Sample, medians, process_seconds, report, tell, timed

HOST = "127.0.0.1"
MOST_MICROSECONDS = 25.0
CLIENTS = 16
START_SECONDS = 60.0
COMMAND = NewGame(
    deck1=NO_SCENARIO, deck2=NO_SCENARIO, interactive=True, quiet=True, keep_open=True
)


@dataclass(frozen=True)
class Recorded:
    """A random game: its seed, and what was answered."""

    seed: int
    answers: tuple[str, ...]


def record(match: Match, seed: int) -> Recorded:
    """Play a random game."""
    session, random, answers = match.begin(seed=seed), Random(seed), list[str]()
    progress = session.resume()
    while progress is not Progress.OVER:
        line = parse_line(session.take_output().splitlines()[-1])
        assert isinstance(line, DecisionLine)
        legal = [action.index for action in decode_generic(line.raw).actions]
        answers.append(str(random.choice(legal)))
        progress = session.resume(answers[-1])
    return Recorded(seed, tuple(answers))


def serve_again(match: Match, games: Sequence[Recorded]) -> None:
    """Serve the games to nobody."""
    for game in games:
        session = match.begin(seed=game.seed)
        session.resume()
        for answer in game.answers:
            session.take_output()
            session.resume(answer)
        session.take_output()
        session.result(milliseconds=0)


class Client(asyncio.Protocol):
    """Plays recorded games on one connection, one after another."""

    def __init__(self, games: Sequence[Recorded]) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._protocol = ClientConnection()
        self._games = iter(games)
        self._answers: Iterator[str] = iter(())

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._begin()

    def data_received(self, data: bytes) -> None:
        for line in self._protocol.receive(data):
            if isinstance(line, DecisionLine):
                self._transport.write(self._protocol.answer(next(self._answers)))
            elif is_terminal(line):
                self._begin()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(RuntimeError("the daemon hung up in the midst of a game"))

    def _begin(self) -> None:
        game = next(self._games, None)
        if game is None:
            self.over.set_result(None)
            self._transport.close()
            return
        self._answers = iter(game.answers)
        command = NewGame(
            deck1=NO_SCENARIO,
            deck2=NO_SCENARIO,
            interactive=True,
            quiet=True,
            keep_open=True,
            seed=game.seed,
        )
        self._transport.write(self._protocol.start(command))


async def play_all(port: int, games: Sequence[Recorded]) -> None:
    """Play the games by all clients at once."""
    loop = asyncio.get_running_loop()
    shares = [games[number::CLIENTS] for number in range(CLIENTS)]
    clients = [
        (await loop.create_connection(lambda share=share: Client(share), HOST, port))[1]  # type: ignore[misc]
        for share in shares
    ]
    await asyncio.gather(*(client.over for client in clients))


@contextmanager
def daemon(environment: str) -> Iterator[tuple[int, int]]:
    """The process and the port of a daemon that listens."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", "trainingrun_daemon", "--environment", environment]
        command += ["--host", HOST, "--port", "0", "--port-file", str(port_file)]
        command += ["--max-concurrent", str(CLIENTS)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not port_file.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the daemon does not start; see its sentence above")
                time.sleep(0.02)
            yield process.pid, int(port_file.read_text())
        finally:
            process.kill()
            process.wait()


def measure_session(
    games: EnvironmentGames, recorded: Sequence[Recorded], repetitions: int
) -> list[Sample]:
    """Serve in this process."""
    match = games.match(COMMAND)
    serve_again(match, recorded)
    return [timed(lambda: serve_again(match, recorded)) for _ in range(repetitions)]  # type: ignore[func-returns-value]


def measure_daemon(
    environment: str, recorded: Sequence[Recorded], repetitions: int
) -> list[Sample]:
    """Serve over sockets: processor seconds are the daemon's."""
    samples = []
    with daemon(environment) as (pid, port):
        uvloop.run(play_all(port, recorded))
        for _ in range(repetitions):
            wall, cpu = time.perf_counter(), process_seconds(pid)
            uvloop.run(play_all(port, recorded))
            samples.append(Sample(process_seconds(pid) - cpu, time.perf_counter() - wall))
    return samples


def main() -> int:
    parser = measuring.parser(
        __doc__ or "",
        examples=(
            "python -m benchmarks.environments.serving",
            "python -m benchmarks.environments.serving --environment openSpiel:breakthrough",
        ),
    )
    parser.add_argument("--environment", default="connect_four", help="[%(default)s]")
    parser.add_argument("--games", type=measuring.positive, default=1000, help="[%(default)s]")
    parser.add_argument("--repetitions", type=measuring.positive, default=7, help="[%(default)s]")
    options = parser.parse_args()
    games = games_named(options.environment)
    recorded = [record(games.match(COMMAND), seed) for seed in range(options.games)]
    decisions = sum(len(game.answers) for game in recorded)
    tell(f"{options.games} games, {decisions} decisions")
    samples = {
        "session": measure_session(games, recorded, options.repetitions),
        "daemon": measure_daemon(options.environment, recorded, options.repetitions),
    }
    figures: dict[str, Any] = {"environment": options.environment, "decisions": decisions}
    for name, found in samples.items():
        seconds = medians(found)["cpu_seconds"]
        figures[name] = {
            "microseconds_per_decision": round(1e6 * seconds / decisions, 2),
            "decisions_per_cpu_second": round(decisions / seconds),
            "least_microseconds": round(1e6 * min(each.cpu for each in found) / decisions, 2),
        }
        tell(f"{name}: {figures[name]}")
    goal = Goal(
        "session_microseconds_per_decision",
        figures["session"]["microseconds_per_decision"],
        most=MOST_MICROSECONDS,
    )
    return report("environments/serving", figures=figures, ratios={}, goals=[goal])


if __name__ == "__main__":
    sys.exit(main())
