"""Lines on a terminal or into a pipe: colours by seat, indentation by kind, and their pace.

On a terminal long lines are folded below their beginning; in a pipe they stay one line each. A
position is never folded: a board would fall apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, TypeAlias

from rich.console import Console
from rich.padding import Padding
from rich.text import Text
from trainingrun.commands.terminal import printable, printable_line
from trainingrun_protocol.generic import GenericChoice

from trainingrun_daemon_commands.watch.choices import Moment
from trainingrun_daemon_commands.watch.moves import Moves, Positions
from trainingrun_daemon_commands.watch.sources import Entry, GameEnding, Opening
from trainingrun_daemon_commands.watch.story import LineKind, Story, StoryLine

_SEATS: Final = ("cyan", "magenta")
_INDENT: Final = {
    LineKind.TURN: 0,
    LineKind.STANDING: 4,
    LineKind.ACT: 2,
    LineKind.CHANGE: 6,
    LineKind.POSITION: 6,
    LineKind.NOTE: 0,
    LineKind.END: 0,
}


FindPositions: TypeAlias = Callable[[Opening], Positions | str]
"""Gives the game to be played again; a sentence where that cannot be."""


def show(
    entries: Iterable[Entry],
    console: Console,
    *,
    with_board: bool,
    seconds: float,
    find_positions: FindPositions,
) -> None:
    """Print a game, with ``seconds`` between two lines."""
    for line in game_lines(entries, with_board=with_board, find_positions=find_positions):
        if line.kind in (LineKind.TURN, LineKind.END):
            console.print()
        indent = _INDENT[line.kind]
        if line.kind is LineKind.POSITION:
            console.print(_drawn(line.text, indent), soft_wrap=True)
        elif console.is_terminal:
            console.print(Padding(_styled(line), (0, 0, 0, indent)))
        else:
            console.print(Text(" " * indent) + _styled(line), soft_wrap=True)
        if seconds:
            time.sleep(seconds)


def game_lines(
    entries: Iterable[Entry], *, with_board: bool, find_positions: FindPositions
) -> Iterator[StoryLine]:
    """Yield the lines of a game; of Magic's without the headers of turns in which nothing is
    shown. With the board they stay: they show it.
    """
    left = iter(entries)
    opening, first = next(left, None), next(left, None)
    rest = chain((each for each in (opening, first) if each is not None), left)
    if isinstance(opening, Opening) and isinstance(first, GenericChoice):
        return _move_lines(rest, Moves(find_positions(opening), with_others=with_board))
    lines = _all_lines(rest, with_board=with_board)
    return lines if with_board else _without_empty_turns(lines)


def _move_lines(entries: Iterable[Entry], moves: Moves) -> Iterator[StoryLine]:
    names = ["seat 1", "seat 2"]
    for entry in entries:
        match entry:
            case Opening(title, players):
                yield StoryLine(LineKind.NOTE, title)
                for seat, player in enumerate(players or ()):
                    yield StoryLine(LineKind.NOTE, f"seat {seat + 1}: played by {player}", seat)
                    names[seat] += f" ({player})"
                yield from moves.begin()
            case GenericChoice():
                yield from moves.advance(entry)
            case GameEnding(text, winner, is_draw):
                if is_draw or winner is not None:
                    yield from moves.finish(winner)
                said = text if winner is None else f"{names[winner - 1]} wins"
                yield StoryLine(LineKind.END, f"After {moves.number} moves: {said}")


def _without_empty_turns(lines: Iterable[StoryLine]) -> Iterator[StoryLine]:
    header: list[StoryLine] = []
    for line in lines:
        match line.kind:
            case LineKind.TURN:
                header = [line]
            case LineKind.STANDING:
                header.append(line)
            case LineKind.END:
                yield line
            case _:
                yield from header
                yield line
                header = []


def _all_lines(entries: Iterable[Entry], *, with_board: bool) -> Iterator[StoryLine]:
    story = Story(with_board=with_board)
    players: tuple[str, str] | None = None
    for entry in entries:
        match entry:
            case Opening(title, players):
                yield StoryLine(LineKind.NOTE, title)
            case Moment():
                lines = story.advance(entry)
                if players is not None:
                    yield from _who(story, players)
                    players = None
                yield from lines
            case GameEnding():
                yield from story.finish()
                yield StoryLine(LineKind.END, _end(story, entry))


def _who(story: Story, players: tuple[str, str]) -> Iterator[StoryLine]:
    for seat, player in enumerate(players):
        yield StoryLine(
            LineKind.NOTE, f"seat {seat + 1}: {story.name(seat)}, played by {player}", seat
        )


def _end(story: Story, ending: GameEnding) -> str:
    text = ending.text if ending.winner is None else f"{story.name(ending.winner - 1)} wins"
    return text if story.turn is None else f"Turn {story.turn}: {text}"


def _drawn(text: str, indent: int) -> Text:
    """Return a position with each of its lines indented."""
    lines = printable(text).split("\n")
    return Text("\n".join(" " * indent + line for line in lines), no_wrap=True)


def _styled(line: StoryLine) -> Text:
    style = "" if line.seat is None else _SEATS[line.seat % 2]
    if line.kind in (LineKind.TURN, LineKind.END):
        style = f"bold {style}".strip()
    elif line.kind in (LineKind.STANDING, LineKind.CHANGE):
        style = f"dim {style}".strip()
    return Text(printable_line(line.text), style)
