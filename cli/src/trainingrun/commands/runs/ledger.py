"""The verb ``ledger``: what became of every transition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import CurriculumStatus, TransitionsStatus

from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output, write
from trainingrun.commands.terminal import console


def print_ledger(run: TrainingRun, output: Output) -> bool:
    """Show what became of every transition; gives whether the sum is right.

    Raises:
        UserError: nothing was produced yet.
    """
    counted = run.status.transitions
    if counted is None or counted.produced is None:
        raise UserError(f"{run.metadata.name}: nothing was produced yet")
    parts = parts_of(counted)
    phases = dict(produced_by_phase(run.status.curriculum, counted.produced))
    closes = sum(parts.values()) == counted.produced
    if output.is_for_programs:
        write(_document(counted, phases, closes=closes), output)
        return closes
    _print_table(parts, counted.produced, phases, closes=closes, wide=output is Output.WIDE)
    return closes


def _document(
    counted: TransitionsStatus, phases: dict[str, int], *, closes: bool
) -> dict[str, Any]:
    dropped = counted.dropped.model_dump() if counted.dropped is not None else {}
    return {
        "produced": counted.produced,
        "trained": counted.trained or 0,
        "queued": counted.queued or 0,
        "dropped": dropped,
        "lost": counted.lost or 0,
        "closes": closes,
        "produced_by_phase": phases,
    }


def parts_of(counted: TransitionsStatus) -> dict[str, int]:
    """Return what became of the transitions; together they are what was produced."""
    dropped = counted.dropped.model_dump() if counted.dropped is not None else {}
    return {
        "trained": counted.trained or 0,
        "queued": counted.queued or 0,
        **{f"dropped: {cause}": number for cause, number in dropped.items()},
        "lost": counted.lost or 0,
    }


def _print_table(
    parts: dict[str, int], produced: int, phases: dict[str, int], *, closes: bool, wide: bool
) -> None:
    """A line per part; wide adds its part of what was produced."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")

    def add(title: str, number: int, style: str = "") -> None:
        part = f"{number / produced:.1%}" if wide and produced else ""
        table.add_row(Text(title, style), Text(str(number), style), Text(part, "dim"))

    for title, number in parts.items():
        add(title, number)
    add("sum", sum(parts.values()), "bold")
    add("produced", produced, "bold")
    for phase, number in phases.items():
        add(f"in phase {phase}", number)
    out = console()
    out.print(table)
    out.print("the ledger closes" if closes else "[red]the ledger does not close")


def produced_by_phase(course: CurriculumStatus | None, produced: int) -> Iterator[tuple[str, int]]:
    """Yield what was produced while each phase of the curriculum was the one that held."""
    if course is None:
        return
    names = [*(passed.name for passed in course.passed), course.phase]
    begun = [passed.since_transitions for passed in course.passed]
    begun.append(course.since_transitions)
    for name, begin, end in zip(names, begun, [*begun[1:], produced], strict=True):
        yield name, end - begin
