"""Thousands of games of random agents with garbage answers: does the daemon stay sound?

    python -m benchmarks.daemon.games --games 10000 --workers 2
    python -m benchmarks.daemon.games --only 4711            # one game again, in this process
    python -m benchmarks.daemon.games --replay --games 100   # byte for byte in another process

Decks are the shipped ones and random ones around each known card in turn; agents are random, eager,
peaceful, stubborn or send nothing but garbage; seats of the AI and watched games are mixed in. Most
games run in this program's processes with the state looked at from inside and from the wire. Every
tenth is played on a real daemon over its socket, then again inside, and the lines are compared.

A game that goes wrong is printed with all that is needed to play it again. Progress goes to stderr;
the last line of stdout is one JSON object. Not measured here: speed, hostile protocol lines
(``daemon_hostile``).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TextIO

import msgspec
from trainingrun_daemon.cards import KNOWN_CARDS

from benchmarks.daemon.agents import GamePlan, plan_game
from benchmarks.daemon.hostile import (
    Daemon,
    running_daemon,
    tell,
    tracebacks,
    wait_until_closed,
    wait_until_empty,
)
from benchmarks.daemon.play import Played, play_here, play_over_socket, replay
from benchmarks.daemon.soundness import DECISION_TYPES

ROOT = Path(__file__).resolve().parents[2]
OVER_SOCKET_EVERY = 10
SHOWN_FAULTS = 10
PROGRESS_EVERY = 500


def shipped_decks() -> list[str]:
    """The texts of all decks of this repository."""
    return [path.read_text() for path in sorted((ROOT / "decks").rglob("*.dck"))]


@dataclass(frozen=True)
class Setting:
    """What all games of a run share; ``port`` 0 is no daemon."""

    shipped: list[str]
    seed: int
    port: int = 0
    folder: str = ""

    def play(self, number: int) -> Played:
        """Play the game of this number."""
        plan = plan_game(number, self.shipped, seed=self.seed)
        if self.port and number % OVER_SOCKET_EVERY == 0:
            return play_over_socket(plan, self.port, Path(self.folder))
        return play_here(plan)


@dataclass
class Tally:
    """The sums over all games."""

    games: int = 0
    over_socket: int = 0
    turns: int = 0
    most_decisions: int = 0
    slowest: tuple[float, int] = (0.0, 0)
    """Processor seconds of the slowest step of all games, and the number of that game."""
    kinds: Counter[str] = field(default_factory=Counter)
    offered: Counter[str] = field(default_factory=Counter)
    played: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    faults: list[Played] = field(default_factory=list)

    def add(self, played: Played) -> None:
        """Add one game."""
        self.games += 1
        self.over_socket += played.over_socket
        self.turns += played.turns
        self.most_decisions = max(self.most_decisions, played.decisions)
        self.slowest = max(self.slowest, (played.slowest, played.plan.number))
        self.kinds += played.kinds
        self.offered += played.offered
        self.played += played.played
        self.endings[played.ending or "fault"] += 1
        self.flags[played.plan.flags] += 1
        if played.fault:
            self.faults.append(played)
            if len(self.faults) <= SHOWN_FAULTS:
                show_fault(played)


def show_fault(played: Played) -> None:
    """Print what went wrong and how to see it again."""
    plan = played.plan
    print(f"UNSOUND game {plan.number}: {played.fault}")
    print(f"  again: python -m benchmarks.daemon.games --only {plan.number}")
    print(f"  {json.dumps({'plan': asdict(plan), 'answers': played.answers})}")


def names_of_cards() -> list[str]:
    """Every known card."""
    return sorted(face.name for face in KNOWN_CARDS.values())


def show_counts(tally: Tally) -> None:
    """Print the counts, for people."""
    print(f"decisions: {tally.kinds.total()}, at most {tally.most_decisions} in a game")
    for kind in sorted(DECISION_TYPES):
        print(f"  {kind:18} {tally.kinds[kind]:9}")
    print(f"slowest step: {1000 * tally.slowest[0]:.1f} ms in game {tally.slowest[1]}")
    print(f"endings: {dict(tally.endings.most_common())}")
    print(f"flags: {dict(tally.flags.most_common())}")
    names = names_of_cards()
    print(f"cards played, of {len(names)}:")
    for name in names:
        print(f"  {name:40} offered {tally.offered[name]:7}  played {tally.played[name]:7}")
    print(f"never offered: {[name for name in names if not tally.offered[name]]}")
    print(f"never played: {[name for name in names if not tally.played[name]]}")


def play_all(setting: Setting, numbers: range, workers: int) -> Tally:
    """Play many games in some processes."""
    tally, begin = Tally(), time.monotonic()
    with multiprocessing.Pool(workers) as pool:
        for played in pool.imap_unordered(setting.play, numbers, chunksize=4):
            tally.add(played)
            if tally.games % PROGRESS_EVERY == 0:
                seconds = time.monotonic() - begin
                tell(f"{tally.games} games, {seconds:.0f} s, {len(tally.faults)} unsound")
    return tally


@contextmanager
def watched_daemon(folder: str, log: TextIO, figures: dict[str, float]) -> Iterator[Daemon]:
    """A daemon of which is noted, at the end, whether it is alive and has let go of everything."""
    with running_daemon(1, log, folder) as daemon:
        family, files = daemon.family(), daemon.open_files()
        before = daemon.resident_megabytes()
        yield daemon
        counters = wait_until_empty(daemon)
        wait_until_closed(daemon, files)
        figures["active_at_end"] = counters["Active games"]
        figures["queued_at_end"] = counters["Queued games"]
        figures["daemon_games"] = counters["Total games"]
        figures["daemon_processes_lost"] = len(set(family) - set(daemon.family()))
        figures["descriptors_leaked"] = daemon.open_files() - files
        figures["rss_before_mb"] = round(before, 1)
        figures["rss_after_mb"] = round(daemon.resident_megabytes(), 1)
        figures["daemon_tracebacks"] = tracebacks(log)


def measure(games: int, workers: int, seed: int) -> tuple[Tally, dict[str, float]]:
    """Play the games, some of them on a daemon."""
    figures: dict[str, float] = {}
    begin = time.monotonic()
    with (
        TemporaryDirectory() as folder,
        TemporaryFile("w+") as log,
        watched_daemon(folder, log, figures) as daemon,
    ):
        setting = Setting(shipped_decks(), seed, daemon.port, folder)
        tally = play_all(setting, range(games), workers)
    names = names_of_cards()
    figures |= {
        "games": tally.games,
        "games_over_socket": tally.over_socket,
        "seconds": round(time.monotonic() - begin, 1),
        "decisions": tally.kinds.total(),
        "decision_types": sum(tally.kinds[kind] > 0 for kind in DECISION_TYPES),
        "most_decisions_in_a_game": tally.most_decisions,
        "mean_turns": round(tally.turns / max(tally.games, 1), 1),
        "slowest_step_ms": round(1000 * tally.slowest[0], 1),
        "cards_known": len(names),
        "cards_played": sum(tally.played[name] > 0 for name in names),
        "unsound_games": len(tally.faults),
        "loops_ended_as_draws": tally.endings["resolution cap"],
    }
    return tally, figures


# --- replay ---------------------------------------------------------------------------------------


def record(numbers: range, seed: int, path: Path) -> int:
    """Play games and write down their plans, answers and digests; gives how many were unsound."""
    setting, unsound = Setting(shipped_decks(), seed), 0
    with path.open("w") as file:
        for number in numbers:
            played = setting.play(number)
            unsound += bool(played.fault)
            entry = {
                "plan": asdict(played.plan),
                "answers": played.answers,
                "digest": played.digest,
            }
            file.write(json.dumps(entry) + "\n")
    return unsound


def play_record(path: Path) -> list[int]:
    """Play recorded games again; gives the numbers of those that differ.

    In the opposite order: what one game leaves behind in the process must not show in another.
    """
    differing = []
    for line in reversed(path.read_text().splitlines()):
        entry = json.loads(line)
        fields = entry["plan"] | {
            name: tuple(entry["plan"][name]) for name in ("decks", "characters")
        }
        if replay(GamePlan(**fields), entry["answers"]) != entry["digest"]:
            differing.append(entry["plan"]["number"])
    return differing


def play_record_elsewhere(path: Path, python: str, hash_seed: int) -> list[int]:
    """Play recorded games again in another process, of this interpreter or another one."""
    done = subprocess.run(
        [python, "-m", "benchmarks.daemon.games", "--play-record", str(path)],
        env=os.environ
        | {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join(_places(python))},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    differing: list[int] = json.loads(done.stdout.splitlines()[-1])
    return differing


def _places(python: str) -> list[str]:
    """Where an interpreter finds the daemon, and msgspec, unless ours is for another version."""
    places = [str(ROOT / part / "src") for part in ("protocol", "daemon")]
    program = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    is_same = tuple(map(int, done.stdout.split())) == sys.version_info[:2]
    return [*places, str(Path(msgspec.__file__).parents[1])] if is_same else places


def measure_replay(games: int, seed: int, pythons: list[str]) -> dict[str, float]:
    """Record games here and play them in other processes, by this and other interpreters."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "games.jsonl"
        unsound = record(range(games), seed, path)
        tell(f"{games} games recorded")
        figures: dict[str, float] = {"games": games, "unsound_games": unsound}
        for python in [sys.executable, *pythons]:
            for hash_seed in (1, 2):
                differing = play_record_elsewhere(path, python, hash_seed)
                tell(f"{python}, hash seed {hash_seed}: {len(differing)} differ {differing[:9]}")
                figures[f"differing {python} {hash_seed}"] = len(differing)
    return figures


def report(figures: dict[str, float], goals: dict[str, tuple[bool, str]]) -> int:
    """Print the JSON object; an unmet goal is for the reader, a fault for the exit code too."""
    result = {
        "benchmark": "daemon_games",
        "figures": figures,
        "ratios": {},
        "goals": {name: text for name, (_, text) in goals.items()},
        "met": {name: is_met for name, (is_met, _) in goals.items()},
        "machine": f"{os.cpu_count()} cores",
    }
    print(json.dumps(result))
    return int(figures.get("unsound_games", 0) > 0)


def goals_of(figures: dict[str, float]) -> dict[str, tuple[bool, str]]:
    """What must have come out."""
    zero = (
        *("unsound_games", "active_at_end", "queued_at_end", "daemon_processes_lost"),
        *("daemon_tracebacks", "descriptors_leaked"),
    )
    every = len(DECISION_TYPES)
    return {name: (figures[name] == 0, "0") for name in zero} | {
        "decision_types": (figures["decision_types"] == every, str(every)),
        "daemon_games": (figures["daemon_games"] == figures["games_over_socket"], "all"),
        "cards_played": (figures["cards_played"] == figures["cards_known"], "all"),
    }


def main() -> int:
    """Play, and print one JSON object."""
    parser = argparse.ArgumentParser(description="Random games with garbage answers.")
    parser.add_argument("--games", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a few games, for a smoke run")
    parser.add_argument("--only", type=int, help="play the game of this number alone")
    parser.add_argument("--replay", action="store_true", help="replay in other processes instead")
    parser.add_argument("--python", action="append", default=[], help="replay by this one as well")
    parser.add_argument("--play-record", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    games = min(options.games, 60) if options.quick else options.games
    if options.play_record is not None:
        print(json.dumps(play_record(options.play_record)))
        return 0
    if options.only is not None:
        played = Setting(shipped_decks(), options.seed).play(options.only)
        print(played.plan, played.kinds, played.result, played.fault or "sound", sep="\n")
        return int(bool(played.fault))
    if options.replay:
        figures = measure_replay(games, options.seed, options.python)
        wrong = {name: (figures[name] == 0, "0") for name in figures if name != "games"}
        return report(figures, wrong)
    tally, figures = measure(games, options.workers, options.seed)
    show_counts(tally)
    return report(figures, goals_of(figures))


if __name__ == "__main__":
    sys.exit(main())
