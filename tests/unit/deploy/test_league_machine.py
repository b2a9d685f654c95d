"""The machine of a hobby league: league.sh stops it when the league is idle, and only then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

QUIET: dict[str, Any] = {
    "models": {"champion": 1, "retired": 2},
    "queue": {
        "waiting_players": 0,
        "open_matches": 0,
        "leased_matches": 0,
        "reported_matches": 12,
    },
}
LONG_AGO = "1000"


class Machine:
    """A folder for all that league.sh would touch, and a program that answers for the league."""

    def __init__(self, folder: Path, script: Path) -> None:
        self._script, self._folder = script, folder
        self.notes, self.off = folder / "notes" / "seen", folder / "off"
        programs = folder / "bin"
        programs.mkdir()
        (programs / "python").symlink_to(sys.executable)
        self._answer = programs / "trainingrun"
        (folder / "machine.env").write_text("LEAGUE_IDLE_MINUTES=30\n")
        self.answers(QUIET)

    def answers(self, document: dict[str, Any] | None) -> None:
        """Have the league answer this; None: nothing."""
        text = "exit 1" if document is None else f"echo '{json.dumps(document)}'"
        self._answer.write_text(f"#!/bin/sh\n{text}\n")
        self._answer.chmod(0o755)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Call league.sh."""
        return subprocess.run(
            ["bash", str(self._script), *arguments],
            env={
                "PATH": "/usr/bin:/bin",
                "LEAGUE_STATE": str(self._folder),
                "LEAGUE_PROGRAMS": str(self._folder / "bin"),
                "LEAGUE_NOTES": str(self.notes.parent),
                "LEAGUE_POWEROFF": f"touch {self.off}",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def is_idle_since(self, moment: str) -> None:
        """Write that nothing has changed since then."""
        seen, _ = self.notes.read_text().splitlines()
        self.notes.write_text(f"{seen}\n{moment}\n")


@pytest.fixture
def machine(tmp_path: Path, aws: Path) -> Machine:
    """One whose league serves and is quiet."""
    return Machine(tmp_path, aws / "league.sh")


def test_it_stops_after_its_time_and_not_before(machine: Machine) -> None:
    """Expect it to go on at the first look and soon after, and to stop when the time is over."""
    for _ in range(2):
        assert machine.run("idle").returncode == 0
        assert not machine.off.exists()
    machine.is_idle_since(LONG_AGO)
    assert "the machine stops" in machine.run("idle").stdout
    assert machine.off.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"models": {"champion": 1, "retired": 3}},
        {"queue": QUIET["queue"] | {"reported_matches": 13}},
        {"queue": QUIET["queue"] | {"open_matches": 1}},
        {"queue": QUIET["queue"] | {"waiting_players": 1}},
    ],
    ids=["a model", "a match", "one that is open", "a player"],
)
def test_what_is_used_goes_on(machine: Machine, change: dict[str, Any]) -> None:
    """Expect its time to begin anew."""
    machine.run("idle")
    machine.is_idle_since(LONG_AGO)
    machine.answers(QUIET | change)
    machine.run("idle")
    assert not machine.off.exists()
    assert machine.notes.read_text().splitlines()[1] != LONG_AGO


def test_a_league_that_gives_no_answer_is_of_use_to_nobody(machine: Machine) -> None:
    """Expect the machine to stop after the same time, and not at once."""
    machine.answers(None)
    machine.run("idle")
    assert not machine.off.exists()
    machine.is_idle_since(LONG_AGO)
    machine.run("idle")
    assert machine.off.exists()


def test_it_may_stay_up_for_ever(machine: Machine, tmp_path: Path) -> None:
    """Expect 0 minutes to mean never."""
    machine.run("idle")
    machine.is_idle_since(LONG_AGO)
    (tmp_path / "machine.env").write_text("LEAGUE_IDLE_MINUTES=0\n")
    assert machine.run("idle").returncode == 0
    assert not machine.off.exists()


@pytest.mark.parametrize(
    ("verb", "variable", "value", "sentence"),
    [
        ("start", "LEAGUE_IDLE_MINUTES", "an hour", "give a whole number from 0 to 10080"),
        ("start", "LEAGUE_ENVIRONMENT", "a b; rm", "give the name of a game"),
        ("start", "LEAGUE_WORKERS", "65", "give a whole number from 0 to 64"),
        ("stop", "LEAGUE_PORT", "50080", "give start or idle"),
    ],
)
def test_wrong_settings_are_said_before_anything_is_done(
    machine: Machine, verb: str, variable: str, value: str, sentence: str
) -> None:
    """Expect exit code 2 and a sentence."""
    done = machine.run(verb, **{variable: value})
    assert done.returncode == 2
    assert sentence in done.stderr
