"""The table of checkpoints for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from trainingrun_contracts.checkpoints import CheckpointListing, CheckpointRow, CheckpointState

_COLORS: Final = {
    CheckpointState.LISTED: "",
    CheckpointState.WHOLE: "[green]",
    CheckpointState.FOREIGN: "[yellow]",
    CheckpointState.DAMAGED: "[red]",
}
_MEGA: Final = 1_000_000


def print_table(
    listing: CheckpointListing, console: Console, *, now: datetime, wide: bool = False
) -> None:
    """Show a listing; win rates and what is wrong are below the table. wide adds addresses."""
    if not listing.checkpoints:
        console.print(f"{listing.place}: no checkpoints", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("CHECKPOINT", no_wrap=True)
    for title in ("STEP", "GAMES", "SAVED", "SIZE"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("STATE", no_wrap=True)
    if wide:
        table.add_column("ADDRESS", no_wrap=True)
    for row in listing.checkpoints:
        table.add_row(*_cells(row, now), *([row.uri] if wide else []))
    console.print(table)
    for row in listing.checkpoints:
        if row.win_rates:
            console.print(f"{row.name}: {_win_rates(row)}", markup=False, highlight=False)
        if row.why:
            console.print(f"{row.name}: {row.why}", markup=False)


def _cells(row: CheckpointRow, now: datetime) -> Iterator[str]:
    yield row.name
    yield "-" if row.step is None else str(row.step)
    yield "-" if row.games is None else str(row.games)
    yield "-" if row.saved_at is None else _ago(row.saved_at, now)
    yield "-" if row.size is None else f"{row.size / _MEGA:.1f} MB"
    marks = [word for word, holds in (("newest", row.is_newest), ("best", row.is_best)) if holds]
    yield f"{_COLORS[row.state]}{', '.join([row.state.value, *marks])}"


def _win_rates(row: CheckpointRow) -> str:
    """Win rates by opponent, and the version that was evaluated."""
    rates = ", ".join(f"{rate:.0%} against {name}" for name, rate in row.win_rates.items())
    return f"{rates} (version {row.evaluated_version})"


def _ago(saved_at: float, now: datetime) -> str:
    seconds = (now - datetime.fromtimestamp(saved_at, tz=UTC)).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"
