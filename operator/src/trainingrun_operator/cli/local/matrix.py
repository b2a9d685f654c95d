"""Win rates deck by deck as a picture: one panel for each opponent, drawn without a display."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from trainingrun_contracts.reports import DeckResult, Evaluation

_DPI: Final = 120
_CELL: Final = 0.85
_PALE: Final = 0.35
"""Cells nearer to one half than this are pale, so their text is dark."""


def draw_deck_matrix(evaluations: Sequence[Evaluation], path: Path, *, title: str) -> None:
    """Of each opponent's newest evaluation: own decks down, the opponent's decks across."""
    newest = {each.opponent: each for each in sorted(evaluations, key=lambda each: each.at)}
    shown = [each for each in newest.values() if each.results]
    decks = sorted({name for e in shown for r in e.results for name in (r.deck, r.opponent_deck)})
    side = max(2.4, _CELL * len(decks))
    size = (max(1, len(shown)) * (side + 1.2) + 0.8, side + 2.6)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    if not shown:
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no evaluation has ended yet", ha="center", color="#666666")
    for index, each in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), index + 1)
        _draw_panel(axes, each, decks, has_names=index == 0)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=_DPI)


def _draw_panel(
    axes: Axes, evaluation: Evaluation, decks: Sequence[str], *, has_names: bool
) -> None:
    rates, games = _cells(evaluation.results, decks)
    axes.imshow(rates, vmin=0.0, vmax=1.0, cmap="RdBu", aspect="equal")
    axes.set_title(
        f"version {evaluation.version} against {evaluation.opponent}: {evaluation.rate:.0%}",
        fontsize=9,
    )
    places = range(len(decks))
    axes.set_xticks(places, decks, rotation=35, ha="right", fontsize=8)
    axes.set_yticks(places, decks if has_names else [""] * len(decks), fontsize=8)
    axes.set_xlabel("the opponent's deck", fontsize=8)
    if has_names:
        axes.set_ylabel("the policy's deck", fontsize=8)
    for row in places:
        for column in places:
            count = int(games[row, column])
            text = f"{rates[row, column]:.0%}\n{count}" if count else ""
            strong = count and abs(rates[row, column] - 0.5) > _PALE
            colour = "white" if strong else "#222222"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)


def _cells(results: Iterable[DeckResult], decks: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Win rates (not a number without games) and games, by own deck and the opponent's."""
    index = {name: place for place, name in enumerate(decks)}
    sums: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for each in results:
        cell = sums[index[each.deck], index[each.opponent_deck]]
        cell[0] += each.wins + each.draws / 2
        cell[1] += each.games
    rates = np.full((len(decks), len(decks)), np.nan)
    games = np.zeros((len(decks), len(decks)))
    for place, (score, count) in sums.items():
        rates[place], games[place] = score / count, count
    return rates, games
