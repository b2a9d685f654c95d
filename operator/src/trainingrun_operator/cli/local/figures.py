"""The curves of a report as PNG files, drawn without a display."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from trainingrun_contracts.reports import Evaluation

from trainingrun_operator.cli.local.samples import Sample
from trainingrun_operator.cli.report.series import one_per_update, rates, terms_of
from trainingrun_operator.cli.report.words import LOSS_NAMES

_COLOURS: Final = ("#1f5fa8", "#c4561b", "#3a7d44", "#7a4fa3")
_DPI: Final = 120


def draw_win_rates(evaluations: Sequence[Evaluation], path: Path, *, title: str) -> None:
    """Win rate against each opponent over training games; the band is the 95 % interval."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0.5, color="#999999", linewidth=1, linestyle=":")
    opponents = list(dict.fromkeys(each.opponent for each in evaluations))
    for colour, opponent in zip(_COLOURS * len(opponents), opponents, strict=False):
        _draw_opponent(axes, [e for e in evaluations if e.opponent == opponent], colour)
    axes.set(xlabel="training games played", ylabel="win rate", ylim=(0, 1), title=title)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _finish(axes, nothing="no evaluation has ended yet")
    if opponents:
        axes.legend(loc="lower right", title="against (band: 95 % interval)")
    _save(figure, path)


def draw_losses(samples: Sequence[Sample], path: Path, *, title: str) -> None:
    """Each term of the loss over updates, in a panel of its own."""
    points = one_per_update(samples)
    terms = terms_of(points)
    columns = 2 if len(terms) > 1 else 1
    rows = max(1, math.ceil(len(terms) / columns))
    figure = Figure(figsize=(9, 2.4 * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    if not terms:
        _finish(figure.add_subplot(), nothing="no update was made yet")
    for index, term in enumerate(terms):
        axes = figure.add_subplot(rows, columns, index + 1)
        having = [each for each in points if term in each.losses]
        axes.plot(
            [each.updates for each in having],
            [each.losses[term] for each in having],
            color=_COLOURS[0],
            linewidth=1.2,
        )
        axes.set(xlabel="updates", ylabel=LOSS_NAMES.get(term, term.replace("_", " ")))
        _finish(axes)
    figure.align_ylabels()
    _save(figure, path)


def draw_throughput(samples: Sequence[Sample], path: Path, *, title: str) -> None:
    """Games, transitions and the queue over time."""
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    figure.suptitle(title)
    games, transitions, queue = figure.subplots(3, 1, sharex=True)
    minutes = [each.elapsed / 60 for each in samples]
    games.plot(minutes, _rates(samples, "games"), color=_COLOURS[0])
    games.set(ylabel="games per second")
    transitions.plot(minutes, _rates(samples, "produced"), color=_COLOURS[0], label="produced")
    transitions.plot(minutes, _rates(samples, "trained"), color=_COLOURS[1], label="trained")
    transitions.set(ylabel="transitions per second")
    transitions.legend(loc="upper right")
    queue.plot(minutes, [each.queued for each in samples], color=_COLOURS[2])
    queue.set(ylabel="transitions queued", xlabel="minutes since the start (stops left out)")
    for axes in (games, transitions, queue):
        _finish(axes)
        axes.set_ylim(bottom=0)
    figure.align_ylabels()
    _save(figure, path)


def _draw_opponent(axes: Axes, results: Sequence[Evaluation], colour: str) -> None:
    results = sorted(results, key=lambda each: (each.training_games, each.at))
    games = [each.training_games for each in results]
    axes.fill_between(
        games, [e.low for e in results], [e.high for e in results], color=colour, alpha=0.18
    )
    axes.plot(
        games,
        [each.rate for each in results],
        color=colour,
        marker="o",
        markersize=4,
        label=results[0].opponent,
    )


def _rates(samples: Sequence[Sample], counter: str) -> list[float]:
    """Per second over the last half minute; not a number where nothing can be said."""
    return [math.nan if rate is None else rate for _, rate in rates(samples, counter)]


def _finish(axes: Axes, *, nothing: str = "") -> None:
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if nothing and len(axes.lines) <= 1:
        axes.text(0.5, 0.4, nothing, transform=axes.transAxes, ha="center", color="#666666")


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=_DPI)
