"""The verbs that only look: ``validate``, ``status`` and ``ledger``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.status import CurriculumStatus, RoleStatus

from trainingrun_operator.backends.local.folder import FolderError, RunFolder
from trainingrun_operator.backends.local.store import saved_run
from trainingrun_operator.cli.decks.folders import check_decks, find_decks
from trainingrun_operator.cli.document import read_run
from trainingrun_operator.cli.errors import UserError


def print_valid(file: Path, decks: Path | None) -> None:
    """Say that a file is valid; decks are looked at when their folder is given.

    Raises:
        UserError: it is not.
    """
    run = read_run(file)
    if decks is not None:
        check_decks((deck.name for deck in run.spec.decks), find_decks(file, decks))
    typer.echo(f"{file}: {run.metadata.name} is valid")


def print_status(run: TrainingRun, *, runtime: str | None, as_json: bool) -> None:
    """Show how a run stood when it was last looked at; ``runtime`` is who looks after it."""
    if as_json:
        document = run.model_dump(mode="json", by_alias=True, exclude_none=True)
        typer.echo(json.dumps(document, indent=2))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    if runtime is not None:
        table.add_row("[dim]runtime", runtime)
    for title, text in _status_rows(run):
        table.add_row(f"[dim]{title}", text)
    Console(highlight=False).print(table)


def local_runtime(name: str, state: Path) -> str:
    """Who looks after a local run, in words."""
    holder = RunFolder((state / name).absolute()).holder()
    return f"process {holder}" if holder is not None else "not running"


def print_ledger(run: TrainingRun) -> bool:
    """Show what became of every transition; gives whether the sum is right.

    Raises:
        UserError: nothing was produced yet.
    """
    counted = run.status.transitions
    if counted is None or counted.produced is None:
        raise UserError(f"{run.metadata.name}: nothing was produced yet")
    dropped = counted.dropped.model_dump() if counted.dropped is not None else {}
    parts: dict[str, int] = {
        "trained": counted.trained or 0,
        "queued": counted.queued or 0,
        **{f"dropped: {cause}": number for cause, number in dropped.items()},
        "lost": counted.lost or 0,
    }
    total = sum(parts.values())
    closes = total == counted.produced
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for title, number in parts.items():
        table.add_row(title, str(number))
    table.add_row("[bold]sum", f"[bold]{total}")
    table.add_row("[bold]produced", f"[bold]{counted.produced}")
    for phase, number in _produced_by_phase(run.status.curriculum, counted.produced):
        table.add_row(f"in phase {phase}", str(number))
    console = Console(highlight=False)
    console.print(table)
    console.print("the ledger closes" if closes else "[red]the ledger does not close")
    return closes


def _produced_by_phase(course: CurriculumStatus | None, produced: int) -> Iterator[tuple[str, int]]:
    """What was produced while each phase of the curriculum was the one that held."""
    if course is None:
        return
    names = [*(passed.name for passed in course.passed), course.phase]
    begun = [passed.since_transitions for passed in course.passed]
    begun.append(course.since_transitions)
    for name, begin, end in zip(names, begun, [*begun[1:], produced], strict=True):
        yield name, end - begin


def local_run(name: str, state: Path) -> TrainingRun:
    """The local run of this name.

    Raises:
        UserError: there is no such run.
    """
    folder = RunFolder((state / name).absolute())
    try:
        run = saved_run(folder)
    except FolderError as error:
        raise UserError(str(error)) from error
    if run is None:
        known = sorted(path.parent.name for path in state.glob("*/status.json"))
        there = f"there are {', '.join(known)}" if known else "there is none"
        raise UserError(
            f"no local run {name} in {state}: {there}; give the folder with --state,"
            " or a cluster's namespace with --namespace"
        )
    return run


def _phase_rows(run: TrainingRun) -> Iterator[tuple[str, str]]:
    """The phases of the curriculum so far, those that are over first."""
    course = run.status.curriculum
    if course is None:
        return
    ends = [passed.since_games for passed in course.passed[1:]]
    for passed, end in zip(course.passed, [*ends, course.since_games], strict=False):
        games = f"games {passed.since_games} to {end}"
        yield "phase", f"{passed.name}, {games}: {passed.why}"
    yield "phase", f"{course.phase}, since game {course.since_games}"


def _status_rows(run: TrainingRun) -> Iterator[tuple[str, str]]:
    status = run.status
    yield "run", run.metadata.name
    yield "state", status.summary or "not started"
    if status.games is not None:
        yield "games", f"{status.games.display}  {status.games.rate or '-'}/s"
    yield from _phase_rows(run)
    if status.model is not None:
        champion = status.model.champion
        crown = "" if champion is None else f", champion {champion}"
        yield "model", f"version {status.model.version}{crown}"
    for each in status.evaluation:
        interval = f"{each.low:.0%} to {each.high:.0%}, {each.games} games"
        elo = "" if each.elo is None else f", Elo {each.elo:.0f} ±{each.elo_error or 0:.0f}"
        gate = "" if each.gate is None else f", gate: {each.gate.verdict.lower()}"
        yield f"vs {each.opponent}", f"{each.win_rate:.0%} ({interval}){elo}{gate}"
    if status.checkpoint is not None:
        yield "checkpoint", f"{status.checkpoint.uri}, at game {status.checkpoint.games}"
    for title in ("daemon", "learner", "actor", "evaluator"):
        role: RoleStatus | None = getattr(status, title)
        if role is not None:
            yield title, f"{role.display or '-'} ready, {role.restarts or 0} restarts"
