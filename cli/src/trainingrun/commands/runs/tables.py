"""The tables of ``status`` and ``top``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.plain_text import one_line

from trainingrun.commands.output import UNKNOWN, SafeTable, age_of, number, plain_table
from trainingrun.commands.runs.facts import Row, problems_of, remaining, rows_of
from trainingrun.sdk import Event, Member

_EVENTS_SHOWN: Final = 5
_TEXT: Final = 32 * 1024
"""What a condition's message holds at most."""
_STATE_WIDTH: Final = 20
_COLUMNS: Final = (
    "name",
    "state",
    "games",
    "games/s",
    "left",
    "queue",
    "daemons",
    "win rate",
    "bottleneck",
    "checkpoint",
    "age",
)
_WIDE: Final = ("model", "elo", "cost", "restarts")


def picture_of_runs(
    runs: Sequence[TrainingRun],
    *,
    wide: bool,
    with_namespace: bool,
    unattended: Collection[str] = (),
) -> RenderableType:
    """Return a line per run; of ``unattended`` ones the state is how they stood when they were
    left."""
    if not runs:
        return Text("no training runs here")
    titles = titles_of(wide=wide, with_namespace=with_namespace)
    table = plain_table(*titles)
    state = table.columns[titles.index("state")]
    state.no_wrap, state.min_width = False, _STATE_WIDTH  # one long state must not eat the figures
    for run in runs:
        left = run.metadata.name in unattended
        cells = cells_of(run, wide=wide, with_namespace=with_namespace, left=left)
        table.add_row(*map(escape, cells))
    return table


def titles_of(*, wide: bool, with_namespace: bool) -> tuple[str, ...]:
    """Return the columns of a line per run."""
    return (*(("namespace",) if with_namespace else ()), *_COLUMNS, *(_WIDE if wide else ()))


def cells_of(run: TrainingRun, *, wide: bool, with_namespace: bool, left: bool) -> tuple[str, ...]:
    """Return a run's line; ``left`` says that its process has ended."""
    namespace = (run.metadata.namespace,) if with_namespace else ()
    return (*namespace, *_cells(run, left=left), *(_wide_cells(run) if wide else ()))


def picture_of_run(
    title: Iterable[Row],
    run: TrainingRun,
    events: Sequence[Event],
    *,
    members: Sequence[Member] | None = None,
    conditions: bool = False,
    events_shown: int = _EVENTS_SHOWN,
) -> RenderableType:
    """Everything about one run; ``title`` are rows above what its status says."""
    rows = [("run", run.metadata.name), *title, *rows_of(run)]
    parts: list[RenderableType] = [grid(rows)]
    problems = list(problems_of(run))
    if problems:
        parts += [Text(), *(Text(f"! {sentence}", style="yellow") for sentence in problems)]
    if conditions:
        parts += [Text(), _conditions(run)]
    if members:
        parts += [Text(), _members(members, slots=run.spec.daemon.games_per_daemon)]
    if events:
        parts += [Text(), picture_of_events(events[-events_shown:])]
    return Group(*parts)


def picture_of_events(events: Sequence[Event], *, wide: bool = False) -> RenderableType:
    """Return a line per event, oldest first; wide adds the moment and how often it happened."""
    table = plain_table("age", *(["at", "count"] if wide else []), "type", "reason", "message")
    table.columns[-1].no_wrap = False
    for event in events:
        times = f" (x{event.count})" if event.count > 1 and not wide else ""
        at = event.at.astimezone().isoformat(timespec="seconds")
        when = [age_of(event.at), *([at, str(event.count)] if wide else [])]
        kind = "Warning" if event.warning else "Normal"
        style = "yellow" if event.warning else ""
        message = Text(one_line(event.message, _TEXT) + times, style=style)
        table.add_row(*when, kind, Text(one_line(event.reason, _TEXT)), message)
    return table


def _cells(run: TrainingRun, *, left: bool) -> Iterator[str]:
    status = run.status
    games, counted = status.games, status.transitions
    yield run.metadata.name
    yield "not running" if left else status.summary or "not started"
    yield (games.display if games is not None else None) or UNKNOWN
    yield (games.rate if games is not None else None) or UNKNOWN
    yield (remaining(run) if not left else "") or UNKNOWN
    yield number(counted.queued if counted is not None else None, "d")
    daemon = status.role("daemon")
    yield (daemon.display if daemon is not None else None) or UNKNOWN
    yield status.win_rate or UNKNOWN
    yield status.bottleneck or UNKNOWN
    yield age_of(status.checkpoint.saved_at if status.checkpoint is not None else None)
    yield age_of(run.metadata.creation_timestamp)


def _wide_cells(run: TrainingRun) -> Iterator[str]:
    status = run.status
    yield number(status.model.version if status.model is not None else None, "d")
    yield status.elo or UNKNOWN
    yield (status.cost.display if status.cost is not None else None) or UNKNOWN
    known = [role.restarts for role in status.roles if role.restarts is not None]
    yield number(sum(known) if known else None, "d")


def grid(rows: Iterable[Row]) -> Table:
    """Return titles with their texts, in two columns."""
    table = SafeTable(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for title, text in rows:
        table.add_row(title, Text(text))
    return table


def _conditions(run: TrainingRun) -> Table:
    table = plain_table("condition", "status", "for", "reason", "message")
    table.columns[-1].no_wrap = False
    for each in run.status.conditions:
        since = age_of(each.last_transition_time)
        table.add_row(
            each.type, each.status, since, each.reason, Text(one_line(each.message, _TEXT))
        )
    return table


def _members(members: Sequence[Member], *, slots: int) -> Table:
    """Who plays and trains; the columns that nothing is known for are left out."""
    knows_games = any(member.busy is not None for member in members)
    knows_nodes = any(member.node for member in members)
    titles = ["member", "state", *(["games"] if knows_games else []), "restarts", "age"]
    table = plain_table(*titles, *(["node"] if knows_nodes else []), "")
    for member in members:
        games = UNKNOWN if member.busy is None else f"{member.busy}/{slots}"
        cells = [
            member.name,
            _state(member),
            *([games] if knows_games else []),
            str(member.restarts),
            age_of(member.started_at),
            *([member.node or UNKNOWN] if knows_nodes else []),
            member.problem,
        ]
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _state(member: Member) -> str:
    if member.draining:
        return "draining"
    return "ready" if member.ready else "not ready"
