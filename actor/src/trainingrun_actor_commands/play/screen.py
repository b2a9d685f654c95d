"""What is shown of a game between a person and a contender."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table as Rows
from rich.text import Text
from trainingrun.commands.output import plain_table
from trainingrun.commands.terminal import printable, printable_line
from trainingrun_environments.games import Game, Games

from trainingrun_actor_commands.play.analysis import Analysis, Candidate

_SHOWN: Final = 5
"""Moves of an analysis."""
_MOST_POSITION: Final = 20_000
_COLOURS: Final = {"X": "cyan", "O": "magenta"}
HELP: Final = """\
Write a move: any words of its description that fit no other one, such as 4 or d2 d3.
  moves   list all moves
  hint    show what the other side would play in your place, and why
  undo    take your last move back, and the answer to it
  new     begin again
  quit    leave; so does Ctrl-D"""


def show_position(console: Console, game: Game) -> None:
    """Print the board."""
    drawn = printable(game.render()[:_MOST_POSITION])
    text = Text()
    for line in drawn.split("\n"):
        text.append("  ")
        for mark in line:
            text.append(mark, _COLOURS.get(mark, ""))
        text.append("\n")
    console.print(text, soft_wrap=True)


def show_analysis(
    console: Console, games: Games, game: Game, analysis: Analysis, *, seconds: float
) -> None:
    """Print what was found in a position, the best moves first."""
    if analysis.value is None:
        return
    console.print(Text(f"  {_judgement(analysis, seconds)}", "dim"), soft_wrap=True)
    console.print(_table(games, game, analysis), soft_wrap=True)


def score_of(value: float) -> str:
    """Return a value in [-1, 1] as the expected score: a win is 100 %, a draw 50 %."""
    return f"{50 * (value + 1):.0f} %"


def line(console: Console, text: str, style: str = "") -> None:
    """Print a line of words, some of which are others'."""
    console.print(Text(printable_line(text), style), soft_wrap=True)


def _judgement(analysis: Analysis, seconds: float) -> str:
    assert analysis.value is not None
    visits = sum(each.visits or 0 for each in analysis.candidates)
    value = f"value {analysis.value:+.2f} (a score of {score_of(analysis.value)} for who moves)"
    parts = [f"{value}, proven" if analysis.is_certain else value]
    if any(each.visits is not None for each in analysis.candidates):
        parts.append(f"{visits} simulations in {seconds:.2f} s")
    if analysis.network_value is not None:
        parts.append(f"the network alone says {analysis.network_value:+.2f}")
    return "; ".join(parts)


def _table(games: Games, game: Game, analysis: Analysis) -> Rows:
    shown = analysis.candidates[:_SHOWN]
    has_visits = any(each.visits is not None for each in shown)
    has_network = any(each.prior is not None for each in shown)
    titles = ["  move"]
    titles += ["visits", "policy", "value"] if has_visits else []
    titles += ["network"] if has_network else []
    table = plain_table(*titles)
    for each in shown:
        description = printable_line(games.describe(game, each.action))
        table.add_row(
            Text(f"  {description}"), *_cells(each, has_visits=has_visits, has_network=has_network)
        )
    return table


def _cells(candidate: Candidate, *, has_visits: bool, has_network: bool) -> list[str]:
    cells: list[str] = []
    if has_visits:
        value = "-" if candidate.value is None else f"{candidate.value:+.2f}"
        cells += [str(candidate.visits), f"{candidate.share:.0%}"]
        cells.append(f"{value} proven" if candidate.is_certain else value)
    if has_network:
        cells.append("-" if candidate.prior is None else f"{candidate.prior:.0%}")
    return cells
