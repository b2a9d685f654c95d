"""`trainingrun local` as a user starts it: one process, its children by role, its end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from testkit.tree import DECKS
from testkit.warm_program import WarmProcess, warm_folder, warm_programs

PROGRAM = Path(sys.executable).with_name("trainingrun")
LEARNER = ("trainingrun-learner", "trainingrun_trainer")
"""What starts warm in children of a run, and the package that has it."""
POLL_SECONDS = 0.1
ENDLESS = 10_000_000
"""Games of a run that no machine plays to its end while a test looks at it."""
ROLES = {
    "redis": re.compile(r"redis-server|valkey-server"),
    "daemon": re.compile(r"trainingrun-daemon"),
    "learner": re.compile(r"trainingrun-learner"),
    "actor": re.compile(r"trainingrun-actor play"),
    "evaluator": re.compile(r"trainingrun-actor evaluate"),
}


class LocalRunError(Exception):
    """The run did not do what was waited for; the message holds its output."""


def write_run(file: Path, *, games: int, **spec: Any) -> Path:
    """A small run in a file: short batches, short evaluations; ``spec`` adds fields."""
    document = {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": "small"},
        "spec": {
            "games": games,
            "decks": [{"name": "red_aggro"}, {"name": "white_weenie"}],
            "daemon": {"autoscaling": {"minReplicas": 1, "maxReplicas": 1}},
            "learner": {"batchTransitions": 512, "publishEverySeconds": 3},
            "evaluation": {"intervalGames": 1000000, "games": 10, "opponents": ["random"]},
            **spec,
        },
    }
    file.write_text(json.dumps(document))
    return file


def write_search_run(file: Path, *, games: int, **spec: Any) -> Path:
    """A small run of AlphaZero in a file, that any machine plays quickly; ``spec`` adds fields."""
    small = {
        "decks": [],
        "daemon": {},
        "environment": {"builtIn": {"name": "tic_tac_toe"}},
        "algorithm": {
            "alphaZero": {
                "search": {"simulations": 4, "mostMoves": 9},
                "replay": {"rows": 1000, "leastRows": 32},
                "batch": 32,
                "publishEveryGames": 16,
            }
        },
        "actor": {"replicas": 1, "gamesPerActor": 4},
        "learner": {"batchTransitions": 64, "network": {"width": 32, "layers": 1}},
    }
    return write_run(file, games=games, **small | spec)


def change_games(file: Path, games: int) -> int:
    """Have a run's file name another number of games, from its next start on; gives it."""
    document = json.loads(file.read_text())
    document["spec"]["games"] = games
    file.write_text(json.dumps(document))
    return games


@dataclass
class LocalRun:
    """One `trainingrun local` in a folder of its own."""

    folder: Path
    file: Path
    process: WarmProcess | None = None
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    is_warm: bool = True
    """Whether its learners are forked; not where they import what the environment names."""
    output: Path = field(init=False)

    def __post_init__(self) -> None:
        self.output = self.folder / "output.txt"

    @property
    def state(self) -> Path:
        """The run's state folder."""
        return self.folder / ".trainingrun" / "small"

    def start(self) -> None:
        """Start the command; its output goes into a file."""
        command = ["trainingrun", "local", "-f", self.file, "--plain", *self.options]
        command += ["--decks", DECKS]
        with self.output.open("ab") as output:
            self.process = warm_programs("trainingrun").start(
                command,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=output.fileno(),
                stderr=output.fileno(),
                interpreter=warm_folder(LEARNER) if self.is_warm else None,
            )

    def pid_of(self, role: str) -> int | None:
        """The first process of a role, if one runs now."""
        assert self.process is not None
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.Error:
            return None
        for child in children:
            try:
                words = " ".join(child.cmdline())
                if child.status() != psutil.STATUS_ZOMBIE and ROLES[role].search(words):
                    return int(child.pid)
            except psutil.Error:
                continue
        return None

    def kill(self, role: str) -> int:
        """kill -9 of a role; gives the pid that is gone."""
        self.wait_until(lambda: self.pid_of(role) is not None, f"a {role}", seconds=60)
        pid = self.pid_of(role)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def status(self) -> dict[str, Any]:
        """The status as the state folder has it."""
        try:
            document: dict[str, Any] = json.loads((self.state / "status.json").read_bytes())
        except FileNotFoundError:
            return {}
        status: dict[str, Any] = document.get("status", {})
        return status

    def played(self) -> int:
        """Training games that ended, as far as the status says."""
        return int(self.status().get("games", {}).get("played", 0))

    def version(self) -> int:
        """Version of the published weights."""
        return int(self.status().get("model", {}).get("version", 0))

    def wait_until(self, holds: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Poll until it holds; the run must continue meanwhile."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise LocalRunError(f"{what}: not within {seconds:g} s\n{self.said()}")
            try:
                code = self.process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            raise LocalRunError(f"{what}: the run ended with {code}\n{self.said()}")

    def wait_for_games(self, games: int, *, seconds: float = 90) -> None:
        """Wait until this many games were played."""
        self.wait_until(lambda: self.played() >= games, f"{games} games", seconds=seconds)

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)

    def finish(self, *, seconds: float = 180) -> int:
        """Wait for the end; gives the exit code."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise LocalRunError(f"not over within {seconds:g} s\n{self.said()}") from error

    def complete(self, *, more: int) -> int:
        """Stop an endless run with Ctrl-C, and have it continue to its end, which is ``more`` games
        away; gives the number of games that it was to play.

        So a test ends a run when it has seen all it wants to, however fast games are played.
        """
        self.interrupt()
        assert self.finish() == 130, self.said()
        games = change_games(self.file, self.played() + more)
        self.start()
        assert self.finish() == 0, self.said()
        return games

    def said(self) -> str:
        """All output so far."""
        return self.output.read_text() if self.output.exists() else ""

    def summary(self) -> dict[str, Any]:
        """The report's summary."""
        found: dict[str, Any] = json.loads((self.folder / "report" / "summary.json").read_bytes())
        return found

    def descendants(self) -> list[psutil.Process]:
        """All processes of the run now."""
        assert self.process is not None
        return list(psutil.Process(self.process.pid).children(recursive=True))


@contextmanager
def local_run(
    folder: Path,
    file: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    is_warm: bool = True,
) -> Iterator[LocalRun]:
    """A run that was started, and is gone with its children at the end, whatever happened."""
    run = LocalRun(folder, file, options=options, environment=environment or {}, is_warm=is_warm)
    run.start()
    try:
        yield run
    finally:
        if run.process is not None:
            run.process.kill()
            run.process.wait()


def closes(ledger: dict[str, Any]) -> bool:
    """Whether produced = trained + queued + dropped + lost."""
    dropped = sum(ledger["dropped"].values())
    parts = ledger["trained"] + ledger["queued"] + dropped + ledger["lost"]
    return bool(ledger["produced"] == parts)
