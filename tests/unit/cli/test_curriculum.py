"""What a person sees of a curriculum on this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from trainingrun.commands.document import read_run
from trainingrun.commands.errors import UserError
from trainingrun.commands.local.lines import line_of
from trainingrun.commands.local.snapshot import Snapshot
from trainingrun.commands.local.table import render
from trainingrun.commands.local.usage import Usage
from trainingrun_api.status import TrainingRunStatus

PHASES = [{"name": "one", "until": {"games": 5}}, {"name": "two"}]
COURSE = {
    "phase": "two",
    "number": 2,
    "since": "2026-01-01T00:01:00Z",
    "sinceGames": 6,
    "sinceTransitions": 400,
    "why": "one had 6 games, and until.games is 5",
    "passed": [
        {
            "name": "one",
            "since": "2026-01-01T00:00:00Z",
            "sinceGames": 0,
            "sinceTransitions": 0,
            "why": "one had 6 games, and until.games is 5",
        }
    ],
}
STATUS: dict[str, Any] = {
    "curriculum": COURSE,
    "games": {"played": 9, "target": 10},
    "transitions": {"produced": 700, "trained": 700, "queued": 0, "dropped": {}, "lost": 0},
}


def save(shell: Any) -> None:
    """Leave the status of a run that was once started."""
    shell.write(lambda document: document.update(status=STATUS))
    folder = shell.folder / ".trainingrun" / "small"
    folder.mkdir(parents=True)
    (shell.folder / "run.yaml").rename(folder / "status.json")


def snapshot() -> Snapshot:
    """A moment in the second phase."""
    now = datetime(2026, 1, 1, 0, 3, tzinfo=UTC).timestamp()
    status = TrainingRunStatus.model_validate(STATUS, strict=False)
    return Snapshot("small", now, 180.0, 10, 1024, status, (), Usage(0.0, 0))


def test_the_table_and_the_lines_name_the_phase() -> None:
    """Its name, the how-manieth it is, and since when."""
    console = Console(width=120, file=StringIO())
    with console.capture() as shown:
        console.print(render(snapshot()))
    assert "two, number 2, since game 6, 2 min 00 s ago" in shown.get()
    assert "  phase two  " in f"{line_of(snapshot())}  "


def test_status_tells_all_phases(shell: Any) -> None:
    """Those that are over with the reason, then the one that holds."""
    save(shell)
    out = " ".join(shell.run("status", "small").out.split())
    assert "one, games 0 to 6: one had 6 games, and until.games is 5" in out
    assert "two, since game 6" in out


def test_the_ledger_tells_what_each_phase_produced(shell: Any) -> None:
    """The parts are the sum."""
    save(shell)
    answer = shell.run("ledger", "small")
    words = " ".join(answer.out.split())
    assert answer.code == 0
    assert "in phase one 400 in phase two 300" in words


def test_a_run_in_step_has_one_phase(shell: Any) -> None:
    """A second phase begins at a reconcile, and that is not the same in every run."""
    file: Path = shell.folder / shell.write(
        lambda document: document["spec"].update(curriculum=PHASES)
    )
    with pytest.raises(UserError, match=r"run\.yaml: spec\.curriculum: .* leave --sync out"):
        read_run(file, in_step=True)
    shell.write(lambda document: document["spec"].update(curriculum=PHASES[1:]))
    assert read_run(file, in_step=True).spec.curriculum[0].name == "two"
