"""Speed, memory and strength of the reference engine.

    python -m benchmarks.daemon.speed
    python -m benchmarks.daemon.speed --sections games,prompts --baseline-tree ../first-version

Sections:

``games``     quiet games between two engine AIs, per second of one core's processor time
``prompts``   interactive games: wall time from an answer to the next line inside the engine, eight
              games at once; and the daemon's processor time for a prompt, sockets and all
``memory``    of an open game, and of a daemon that plays ten thousand games
``strength``  the engine's AI against a random player and against the aggressive script, every pair
              of decks in both orders with the AI on both seats, with Wilson's 95 % intervals

With ``--baseline-tree`` games and prompts are also measured in that checkout of an older version,
in turns with this one, on the decks that both have.

Progress goes to stderr, tables and one JSON object (the last line) to stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from trainingrun_contracts.wilson import win_rate
from trainingrun_daemon.decks import Deck, DeckRepository
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.opponents import AGENTS
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import decode_decision
from trainingrun_protocol.lines import DecisionLine, parse_line

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("probe.py")
DECKS = ROOT / "decks"
COMMON_DECKS = "red_aggro,white_weenie"
"""Full decks that the first version had too."""
HOST = "127.0.0.1"
SECTIONS = ("games", "prompts", "memory", "strength")
DECK_SIZE = 60
GOALS = {
    "games_per_second": (">=", 8.0),
    "prompt_p50_ms": ("<=", 0.4),
    "prompt_p99_ms": ("<=", 4.0),
    "mb_per_live_game": ("<=", 3.0),
    "mb_growth_second_half": ("<=", 2.0),
    "win_rate_random": (">=", 0.95),
    "win_rate_aggressive": (">=", 0.55),
}
"""The growth stands for "flat": the second half of the games may add what noise adds."""


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description="Speed, memory and strength of the reference engine.",
        epilog=(__doc__ or "").partition("Sections:")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sections", default=",".join(SECTIONS), help="[%(default)s]")
    parser.add_argument("--baseline-tree", type=Path, help="checkout of an older version")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each speed [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="of each speed [%(default)s]")
    parser.add_argument("--memory-games", type=int, default=10_000, help="[%(default)s]")
    parser.add_argument(
        "--strength-games", type=int, default=400, help="at least, for each opponent [%(default)s]"
    )
    options = parser.parse_args()
    sections = options.sections.split(",")
    unknown = [name for name in sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if options.baseline_tree is not None and not (options.baseline_tree / "daemon/src").is_dir():
        parser.error(f"{options.baseline_tree} is no checkout: it has no daemon/src")
    report = Report()
    if "games" in sections or "prompts" in sections:
        measure_speeds(report, sections, options)
    if "memory" in sections:
        measure_memory(report, options.memory_games)
    if "strength" in sections:
        measure_strength(report, options.strength_games)
    report.print()
    return 0


def tell(words: str) -> None:
    """Progress, for people."""
    print(words, file=sys.stderr, flush=True)


@dataclass
class Report:
    """What was measured."""

    figures: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)

    def print(self) -> None:
        """Print tables for people and one JSON object for machines."""
        for table in self.tables:
            print(table + "\n")
        met = {name: is_met(name, self.figures[name]) for name in GOALS if name in self.figures}
        print(
            json.dumps(
                {
                    "benchmark": "daemon",
                    "figures": {name: round(value, 4) for name, value in self.figures.items()},
                    "ratios": {name: round(value, 3) for name, value in self.ratios.items()},
                    "goals": {name: f"{sign} {value:g}" for name, (sign, value) in GOALS.items()},
                    "met": met,
                    "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
                }
            )
        )


def is_met(name: str, figure: float) -> bool:
    """Whether a figure reaches its goal."""
    sign, goal = GOALS[name]
    return figure >= goal if sign == ">=" else figure <= goal


def full_decks() -> list[str]:
    """Give the names of the shipped decks of full size, without sideboard."""
    shelf = DeckRepository([DECKS])
    names = sorted(path.stem for path in DECKS.rglob("*.dck"))
    return [name for name in names if len(shelf.find(name).main) == DECK_SIZE]


# --- speed ----------------------------------------------------------------------------------------


def measure_speeds(report: Report, sections: Sequence[str], options: argparse.Namespace) -> None:
    """Measure games and prompts, on all decks and, against a baseline, on those of both."""
    wanted = [name for name in ("games", "prompts") if name in sections]
    everything = ",".join(full_decks())
    for name in wanted:
        runs = [probe(ROOT, name, everything, options.seconds) for _ in range(options.rounds)]
        best = middle(runs)
        tell(f"{name}: {best}")
        keep_speed(report, name, best)
        if name == "prompts":
            wire = asyncio.run(measure_wire(everything.split(","), options.seconds))
            tell(f"prompts over sockets: {wire}")
            report.figures.update(wire)
        if options.baseline_tree is not None:
            compare(report, name, options)


def keep_speed(report: Report, name: str, figures: dict[str, float]) -> None:
    """Put the figures of a probe into the report."""
    if name == "games":
        report.figures["games_per_second"] = figures["games_per_second"]
        report.figures["turns_per_game"] = figures["turns_per_game"]
        return
    for key in ("p50_ms", "p99_ms", "max_ms"):
        report.figures[f"prompt_{key}"] = figures[key]
    report.figures["decision_bytes_p50"] = figures["bytes_p50"]
    report.figures["decision_bytes_max"] = figures["bytes_max"]


def compare(report: Report, name: str, options: argparse.Namespace) -> None:
    """Measure this and the older version in turns, on the decks that both have."""
    trees = {"now": ROOT, "first": options.baseline_tree.resolve()}
    runs: dict[str, list[dict[str, float]]] = {version: [] for version in trees}
    for _ in range(options.rounds):
        for version, tree in trees.items():
            runs[version].append(probe(tree, name, COMMON_DECKS, options.seconds))
    found = {version: middle(each) for version, each in runs.items()}
    tell(f"{name}, now and first version: {found}")
    keys = ("games_per_second", "turns_per_game") if name == "games" else ("p50_ms", "p99_ms")
    for key in keys:
        label = key if name == "games" else f"prompt_{key}"
        report.figures[f"common_{label}"] = found["now"][key]
        report.figures[f"first_{label}"] = found["first"][key]
        report.ratios[label] = found["now"][key] / found["first"][key]


def probe(tree: Path, figure: str, decks: str, seconds: float) -> dict[str, float]:
    """Run the probe in a process of its own, with the engine of one tree."""
    members = ("protocol", "daemon")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(tree / member / "src") for member in members)
    }
    command = [
        *(sys.executable, str(PROBE), figure, "--decks", str(DECKS)),
        *("--names", decks, "--seconds", str(seconds)),
    ]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


def middle(runs: Iterable[dict[str, float]]) -> dict[str, float]:
    """Give the median of each figure over some runs."""
    listed = list(runs)
    return {key: statistics.median(run[key] for run in listed) for key in listed[0]}


# --- a daemon process -----------------------------------------------------------------------------


@contextmanager
def running_daemon(slots: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a daemon with one process; gives it and its port."""
    with tempfile.TemporaryDirectory(prefix="daemon-") as folder:
        port_file = Path(folder) / "port"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "trainingrun_daemon", "--host", HOST, "--port", "0"),
                *("--decks", str(DECKS), "--max-concurrent", str(slots), "--drain-seconds", "0"),
                *("--port-file", str(port_file), "--workers", "1"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 60
            while not port_file.exists() or not port_file.read_text():
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("the daemon does not listen; its log tells why")
                time.sleep(0.05)
            yield process, int(port_file.read_text())
        finally:
            process.terminate()
            process.wait(timeout=60)


def processor_seconds(pid: int) -> float:
    """Give the processor time of a process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """Give the memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
    assert found is not None, "Linux tells the memory of every process"
    return int(found[1]) / 1000


async def measure_wire(names: list[str], seconds: float) -> dict[str, float]:
    """Play eight interactive games over sockets; gives the daemon's processor time a prompt."""
    with running_daemon(8) as (process, port):
        prompts: list[float] = []
        clients = [
            asyncio.ensure_future(answer_prompts(port, names[place:] + names[:place], prompts))
            for place in range(8)
        ]
        await asyncio.sleep(seconds / 5)
        prompts.clear()
        before = processor_seconds(process.pid)
        await asyncio.sleep(seconds)
        spent = processor_seconds(process.pid) - before
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    prompts.sort()
    return {
        "wire_processor_ms_per_prompt": 1000 * spent / len(prompts),
        "wire_round_trip_p50_ms": 1000 * prompts[len(prompts) // 2],
    }


async def answer_prompts(port: int, names: list[str], prompts: list[float]) -> None:
    """Play interactive games one after another; every question gets the first answer."""
    while True:
        for one, other in zip(names, reversed(names), strict=True):
            reader, writer = await asyncio.open_connection(HOST, port, limit=2**22)
            writer.write(f"NEWGAME {one} {other} -i -q\n".encode())
            asked = time.perf_counter()
            while line := await reader.readline():
                if line.startswith(b"DECISION"):
                    prompts.append(time.perf_counter() - asked)
                    writer.write(b"0\n")
                    asked = time.perf_counter()
            writer.close()


# --- memory ---------------------------------------------------------------------------------------


def measure_memory(report: Report, games: int) -> None:
    """Measure an open game, and a daemon that plays many."""
    names = full_decks()
    found = probe(ROOT, "memory", ",".join(names), 0)
    report.figures["mb_per_live_game"] = found["mb_per_game"]
    tell(f"memory: {found}")
    samples = asyncio.run(play_many(names, games))
    half = samples[len(samples) // 2 :]
    report.figures["daemon_mb_at_start"] = samples[0][1]
    report.figures["daemon_mb_at_end"] = samples[-1][1]
    report.figures["mb_growth_second_half"] = half[-1][1] - half[0][1]
    report.figures["mb_per_1000_games"] = 1000 * slope(half)
    report.figures["memory_games"] = float(samples[-1][0])


async def play_many(names: list[str], games: int) -> list[tuple[int, float]]:
    """Play quiet AI games over sockets; gives (games so far, MB of the daemon) now and then."""
    pairs = [(one, other) for one in names for other in names]
    batch = math.ceil(games / (4 * len(pairs)))
    samples: list[tuple[int, float]] = []
    played = 0
    with running_daemon(4) as (process, port):
        streams = [await asyncio.open_connection(HOST, port) for _ in range(4)]
        for one, other in pairs:
            for _, writer in streams:
                writer.write(f"NEWGAME {one} {other} -q -k -n {batch}\n".encode())
            for reader, _ in streams:
                for _ in range(batch):
                    line = await reader.readline()
                    if not line.startswith(b"GAME_RESULT"):
                        raise SystemExit(f"no result of a game: {line!r}")
                    played += 1
            samples.append((played, resident_megabytes(process.pid)))
            if len(samples) % len(names) == 0:
                tell(f"memory: {samples[-1][1]:.1f} MB after {played} games")
        for _, writer in streams:
            writer.close()
    return samples


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """Give the slope of the least-squares line."""
    return statistics.linear_regression(*zip(*samples, strict=True)).slope


# --- strength -------------------------------------------------------------------------------------


def measure_strength(report: Report, games: int) -> None:
    """Let the AI play against each opponent, every pair of decks in both orders and seats."""
    shelf = DeckRepository([DECKS])
    decks = {name: shelf.find(name) for name in full_decks()}
    for opponent in ("random", "aggressive"):
        begin = time.monotonic()
        results = play_everybody(decks, opponent, games)
        wins = sum(won for won, _, _ in results.values())
        draws = sum(drawn for _, drawn, _ in results.values())
        played = sum(count for _, _, count in results.values())
        rate, low, high = win_rate(wins, draws, played)
        tell(f"strength against {opponent}: {rate:.3f} [{low:.3f}, {high:.3f}], {played} games")
        report.figures[f"win_rate_{opponent}"] = rate
        report.figures[f"win_rate_{opponent}_low"] = low
        report.figures[f"win_rate_{opponent}_high"] = high
        report.figures[f"games_{opponent}"] = float(played)
        report.tables.append(show_pairs(opponent, list(decks), results))
        tell(f"{time.monotonic() - begin:.0f} s")


Results = dict[tuple[str, str], tuple[int, int, int]]
"""Wins, draws and games by (deck of the AI, deck of the opponent)."""


def play_everybody(decks: dict[str, Deck], opponent: str, games: int) -> Results:
    """Play every pair of decks equally often on both seats, at least so many games in all."""
    settings = [(one, other, seat) for one in decks for other in decks for seat in (0, 1)]
    tallies: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for number in range(math.ceil(games / len(settings)) * len(settings)):
        one, other, seat = settings[number % len(settings)]
        winner = play_opponent((decks[one], decks[other]), seat, opponent, number)
        tally = tallies[(one, other) if seat == 0 else (other, one)]
        tally[0] += winner == seat
        tally[1] += winner is None
        tally[2] += 1
    return {pair: (won, drawn, count) for pair, (won, drawn, count) in tallies.items()}


def play_opponent(pair: tuple[Deck, Deck], ai_seat: int, opponent: str, seed: int) -> int | None:
    """Play one game of the AI against a scripted opponent of the actor; gives the winner's seat.

    The opponent sees what a client sees: it is asked through the lines of the protocol.
    """
    command = NewGame(
        deck1=pair[0].name,
        deck2=pair[1].name,
        interactive=True,
        quiet=True,
        ai_seat=ai_seat + 1,
    )
    session = GameSession(command, pair, seed=seed)
    agent, random, response = AGENTS[opponent](), Random(seed), ""
    while (progress := session.resume(response)) is not Progress.OVER:
        if progress is not Progress.ASKING:
            continue
        line = parse_line(session.take_output().splitlines()[-1])
        assert isinstance(line, DecisionLine), "a game that waits has asked"
        answer = answering(decode_decision(line.raw))
        while (question := answer.question) is not None:
            answer.choose(agent.choose(question, random))
        response = answer.response
    return session.game.winner


def show_pairs(opponent: str, names: list[str], results: Results) -> str:
    """Give a table: the AI's deck by row, the opponent's by column, wins of games in the cells."""

    def cells(pairs: list[tuple[str, str]]) -> str:
        won, drawn, count = (sum(results[pair][at] for pair in pairs) for at in range(3))
        rate, low, high = win_rate(won, drawn, count)
        return f"{won}/{count} = {100 * rate:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"

    def cell(pair: tuple[str, str]) -> str:
        won, _, count = results[pair]
        return f"{won}/{count}"

    rows = [
        f"| {mine} | {' | '.join(cell((mine, other)) for other in names)} "
        f"| {cells([(mine, other) for other in names])} |"
        for mine in names
    ]
    total = [cells([(mine, other) for mine in names]) for other in names]
    whole = cells(list(results))
    return "\n".join(
        [
            f"| AI's deck \\ {opponent}'s | {' | '.join(names)} | all |",
            f"|---|{'---|' * len(names)}---|",
            *rows,
            f"| all | {' | '.join(total)} | {whole} |",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
