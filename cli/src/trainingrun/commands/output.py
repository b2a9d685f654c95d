"""Answers for programs: JSON and YAML; and what tables have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
import typer
import yaml
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from trainingrun_api.run import TrainingRun

from trainingrun.commands.terminal import echo, printable, printable_line

UNKNOWN: Final = "-"
LONGEST_CELL: Final = 32 * 1024
"""Characters of a cell that are shown: what a hostile server sends must not fill the screen."""


class Output(StrEnum):
    """The format of an answer."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_for_programs(self) -> bool:
        """Whether the whole value is written, and nothing beside it."""
        return self in {Output.JSON, Output.YAML}


OutputOption = Annotated[
    Output,
    typer.Option("-o", "--output", help="Form of the output; wide is the table with more in it."),
]


def write(value: Any, output: Output) -> None:
    """Write a value as JSON or YAML: names in snake_case, moments in ISO 8601.

    TrainingRuns are written as a cluster has them, in its own spelling.
    """
    echo(text_of(value, output))


def write_all(values: Sequence[Any], output: Output) -> None:
    """Write objects of Kubernetes: YAML documents one after the other, or one JSON list."""
    if output is Output.JSON:
        write({"apiVersion": "v1", "kind": "List", "items": values}, output)
        return
    echo("---\n".join(f"{text_of(each, output)}\n" for each in values).removesuffix("\n"))


def text_of(value: Any, output: Output, *, indent: int | None = 2) -> str:
    """Return a value as JSON or YAML, with every character that could steer a terminal escaped.

    Numbers that are none are null: JSON has no other word for them.
    """
    plain = _without_nan(msgspec.to_builtins(value, enc_hook=_plain))
    if output is Output.YAML:
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
        if printable(text) != text:
            text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=False)
        return text.removesuffix("\n")
    text = json.dumps(plain, indent=indent, ensure_ascii=False)
    return text if printable(text) == text else json.dumps(plain, indent=indent)


def write_line(value: Any, output: Output) -> None:
    """Write one value of a stream: a line of JSON, or a document of YAML."""
    if output is Output.YAML:
        echo(f"---\n{text_of(value, output)}")
    else:
        echo(text_of(value, output, indent=None))


def moment(seconds: float | None) -> datetime | None:
    """Unix seconds as a moment, to be written in ISO 8601."""
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


def document_of(run: TrainingRun) -> dict[str, Any]:
    """Return the whole resource as it is on a cluster; unknown values are left out."""
    document: dict[str, Any] = run.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


def list_of(runs: tuple[TrainingRun, ...]) -> dict[str, Any]:
    """Several resources in Kubernetes' form of a list."""
    return {"apiVersion": "v1", "kind": "List", "items": [document_of(run) for run in runs]}


class SafeTable(Table):
    """A table whose cells are text, and nothing else.

    What steers a terminal is escaped before the widths are computed, so that columns stay aligned;
    a cell stays one line, so that none can pass for a row; and square brackets style nothing.
    """

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """See ``Table``."""
        super().add_row(*map(_safe, cells), **options)


def _safe(cell: RenderableType | None) -> RenderableType | None:
    match cell:
        case str():
            return Text(_shown(cell))
        case Text() if _shown(cell.plain) != cell.plain:
            return Text(_shown(cell.plain), cell.style)
        case _:
            return cell


def _shown(text: str) -> str:
    """Return what is shown of a cell's text."""
    cut = text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
    return printable_line(cut)


def plain_table(*titles: str) -> Table:
    """Return a table as kubectl prints them."""
    table = SafeTable(box=None, pad_edge=False, header_style="", padding=(0, 3, 0, 0))
    for title in titles:
        table.add_column(title.upper(), no_wrap=True)
    return table


def age_of(moment: datetime | None, *, now: datetime | None = None) -> str:
    """Return how long ago, in the short form of tables: ``45s``, ``12m``, ``3h20m``, ``2d4h``."""
    if moment is None:
        return UNKNOWN
    return short(((now or datetime.now(UTC)) - moment).total_seconds())


def short(seconds: float) -> str:
    """Return a span of time in two parts at most."""
    if not math.isfinite(seconds):
        return UNKNOWN
    minutes, seconds_left = divmod(int(max(0.0, seconds)), 60)
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if days:
        return f"{days}d{hours_left}h"
    if hours:
        return f"{hours}h{minutes_left:02d}m"
    return f"{minutes}m{seconds_left:02d}s" if minutes else f"{seconds_left}s"


def number(value: float | None, form: str = ".1f") -> str:
    """Return a number, or a dash where it is not known."""
    return UNKNOWN if value is None else format(value, form)


def _plain(value: Any) -> Any:
    if isinstance(value, TrainingRun):
        return document_of(value)
    return str(value)


def _without_nan(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {name: _without_nan(each) for name, each in value.items()}
        case list() | tuple():
            return [_without_nan(each) for each in value]
        case _:
            return value
