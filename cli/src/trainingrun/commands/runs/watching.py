"""Rows as they change, as kubectl's ``--watch`` prints them: line after line, in a pipe too.

A row has changed when something happened; that it is older than before is no news. Not here: the
table that is drawn again in its place (``top``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from trainingrun_api.run import TrainingRun

from trainingrun.commands.output import Output, document_of, write_line
from trainingrun.commands.runs.tables import cells_of, titles_of
from trainingrun.commands.terminal import echo, printable_line

_PASSING: Final = frozenset({"left", "checkpoint", "age"})
"""Columns that change by themselves."""
_GAP: Final = "   "


class ChangingRows:
    """Prints what has changed since the last reading; all of the first one is new.

    Columns are as wide as what was printed at first, so that the rows below stand in line.
    """

    def __init__(self, output: Output, *, with_namespace: bool) -> None:
        self._output = output
        self._with_namespace = with_namespace
        self._titles = titles_of(wide=output is Output.WIDE, with_namespace=with_namespace)
        self._widths: list[int] = []
        self._known: dict[tuple[str, str], object] = {}

    def show(self, found: Sequence[TrainingRun], *, unattended: Collection[str] = ()) -> None:
        """Print the runs of one reading that differ from the last one."""
        known: dict[tuple[str, str], object] = {}
        news: list[TrainingRun] = []
        for run in found:
            key = (run.metadata.namespace, run.metadata.name)
            known[key] = self._news_of(run, unattended)
            if self._known.get(key) != known[key]:
                news.append(run)
        self._known = known
        if self._output.is_for_programs:
            for run in news:
                write_line(document_of(run), self._output)
        elif news:
            self._print([self._cells(run, unattended) for run in news])

    def _news_of(self, run: TrainingRun, unattended: Collection[str]) -> object:
        if self._output.is_for_programs:
            return run
        cells = zip(self._titles, self._cells(run, unattended), strict=True)
        saved = run.status.checkpoint
        at = saved.saved_at if saved is not None else None
        return at, tuple(cell for title, cell in cells if title not in _PASSING)

    def _cells(self, run: TrainingRun, unattended: Collection[str]) -> tuple[str, ...]:
        return cells_of(
            run,
            wide=self._output is Output.WIDE,
            with_namespace=self._with_namespace,
            left=run.metadata.name in unattended,
        )

    def _print(self, rows: list[tuple[str, ...]]) -> None:
        if not self._widths:
            rows.insert(0, tuple(title.upper() for title in self._titles))
            self._widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for line in self._lines(rows):
            echo(line)

    def _lines(self, rows: list[tuple[str, ...]]) -> Iterator[str]:
        for cells in rows:
            padded = (cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True))
            yield printable_line(_GAP.join(padded).rstrip())
