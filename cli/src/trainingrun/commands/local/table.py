"""The live table of a local run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from trainingrun_api.status import CurriculumStatus

from trainingrun.commands.durations import described
from trainingrun.commands.local.snapshot import RoleLine, Snapshot

_EVENTS_SHOWN: Final = 5
_UNKNOWN: Final = "–"  # noqa: RUF001 (a dash is what tables show for nothing)


def starting(name: str, elapsed: float) -> RenderableType:
    """Return what is shown before the first reconcile is over."""
    return Panel(f"starting ({described(elapsed)})", title=f"[bold]{escape(name)}[/]")


def render(snapshot: Snapshot) -> RenderableType:
    """Return the table of one moment."""
    return Panel(
        Group(_roles(snapshot), Text(), _figures(snapshot), *_events(snapshot)),
        title=f"[bold]{escape(snapshot.name)}[/] · {described(snapshot.elapsed)}",
        subtitle="Ctrl-C saves and stops",
        padding=(0, 1),
    )


def _roles(snapshot: Snapshot) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    table.add_column("role", no_wrap=True)
    for title in ("ready", "games", "restarts", "cores", "memory"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", ratio=1, overflow="ellipsis", no_wrap=True)
    for line in snapshot.roles:
        table.add_row(*_cells(line))
    own = snapshot.runtime
    table.add_row("[dim]runtime", "", "", "", f"{own.cpu:.2f}", _mebibytes(own.memory), "")
    return table


def _cells(line: RoleLine) -> tuple[str, ...]:
    colour = "green" if line.desired and line.ready >= line.desired else "yellow"
    if line.desired == 0:
        colour = "dim"
    return (
        line.name,
        f"[{colour}]{line.ready}/{line.desired}[/]",
        str(line.busy) if line.busy is not None else "",
        f"[yellow]{line.restarts}[/]" if line.restarts else "0",
        f"{line.usage.cpu:.2f}" if line.usage is not None else _UNKNOWN,
        _mebibytes(line.usage.memory) if line.usage is not None else _UNKNOWN,
        f"[yellow]{escape(line.problem)}[/]" if line.problem else "",
    )


def _figures(snapshot: Snapshot) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1)
    for name, value in _rows(snapshot):
        table.add_row(name, value)
    return table


def _rows(snapshot: Snapshot) -> Iterator[tuple[str, RenderableType]]:
    status = snapshot.status
    yield "state", Text(status.summary or "starting")
    yield "games", _games(snapshot)
    if status.curriculum is not None:
        yield "phase", _phase(snapshot, status.curriculum)
    yield "queue", _queue(snapshot)
    yield "model", _model(snapshot)
    yield "learner waits", _learner(snapshot)
    for each in status.evaluation:
        yield (
            f"vs {each.opponent}",
            f"[bold]{each.win_rate:.0%}[/] ({each.low:.0%} to {each.high:.0%}) over {each.games}"
            f" games, version {each.version}",
        )
    if not status.evaluation:
        yield "win rate", "no evaluation yet"
    for machine in snapshot.machines:
        yield "machine", escape(machine)
    checkpoint = status.checkpoint
    if checkpoint is not None:
        age = described(max(0.0, snapshot.now - checkpoint.saved_at.timestamp()))
        yield "checkpoint", f"{age} ago, at game {checkpoint.games}"
    else:
        yield "checkpoint", "none yet"


def _games(snapshot: Snapshot) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(no_wrap=True)
    bar = ProgressBar(total=snapshot.target, completed=snapshot.played, width=20)
    left = snapshot.remaining_seconds
    rest = f", {described(left)} left" if left is not None and left > 0 else ""
    row.add_row(
        bar,
        f"[bold]{snapshot.played}[/]/{snapshot.target}"
        f"  {_number(snapshot.games_per_second, '.1f')}/s{rest}",
    )
    return row


def _phase(snapshot: Snapshot, course: CurriculumStatus) -> str:
    age = described(max(0.0, snapshot.now - course.since.timestamp()))
    since = f"since game {course.since_games}, {age} ago"
    return f"[bold]{escape(course.phase)}[/], number {course.number}, {since}"


def _queue(snapshot: Snapshot) -> str:
    full = f" of {snapshot.high_water} transitions" if snapshot.queued is not None else ""
    return f"{_number(snapshot.queued, 'd')}{full}"


def _model(snapshot: Snapshot) -> str:
    model = snapshot.status.model
    if model is None or model.version is None:
        return "not published yet"
    age = ""
    if model.published_at is not None:
        age = f" {described(max(0.0, snapshot.now - model.published_at.timestamp()))} ago"
    return (
        f"version [bold]{model.version}[/], publish {_number(snapshot.publish, 'd')}{age},"
        f" policy lag {_number(snapshot.policy_lag, '.1f')}"
    )


def _learner(snapshot: Snapshot) -> str:
    wait = f"{snapshot.learner_wait:.0%}" if snapshot.learner_wait is not None else _UNKNOWN
    return f"{wait} for data, bottleneck: {(snapshot.status.bottleneck or 'not known').lower()}"


def _events(snapshot: Snapshot) -> Iterator[RenderableType]:
    recent = snapshot.events[-_EVENTS_SHOWN:]
    if recent:
        yield Text()
    for each in recent:
        colour = "yellow" if each.event.warning else "dim"
        moment = each.at.astimezone().strftime("%H:%M:%S")
        line = f"{moment} {each.event.message}"
        yield Text(line, style=colour, overflow="ellipsis", no_wrap=True)


def _number(value: float | None, form: str) -> str:
    return format(value, form) if value is not None else _UNKNOWN


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"
