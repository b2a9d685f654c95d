"""A person's game: words in, boards and opinions out.

Lines come from an iterator, so that a script can play as a person does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from trainingrun_actor_commands.play.contenders import Contender, Thinker, adviser
from trainingrun_actor_commands.play.moves import UnclearMove, described_moves, move_of
from trainingrun_actor_commands.play.screen import HELP, line, show_analysis, show_position
from trainingrun_actor_commands.play.table import Table

_FORCED: Final = "the only move"


@dataclass(frozen=True)
class PersonsGame:
    """Who a person plays, in which seat (1, 2), and from which seed."""

    contender: Contender
    seat: int
    seed: int


class Session:
    """One sitting; games follow one another as long as the person wants."""

    def __init__(
        self, played: PersonsGame, console: Console, read: Callable[[str], str | None]
    ) -> None:
        """``read`` prompts and returns a line; None at the end of input."""
        self._contender = played.contender
        self._player = played.seat - 1
        self._console = console
        self._read = read
        self._table = Table(played.contender.games, seed=played.seed)
        self._opponent = Thinker(played.contender, seed=played.seed)
        self._adviser = Thinker(adviser(played.contender, seed=played.seed), seed=played.seed)

    def run(self) -> None:
        """Play until the person leaves."""
        games = self._contender.games
        begins = "you begin" if self._player == 0 else f"{self._contender.name} begins"
        line(
            self._console,
            f"{games.spec.name} against {self._contender.described}: {begins}. Write a move, or"
            " help.",
            "bold",
        )
        self._show()
        while self._advance():
            pass

    def _advance(self) -> bool:
        """Let who is to move do so; returns False when the person leaves."""
        game = self._table.game
        if game.is_terminal:
            return self._command(self._read("over; undo, new or quit> "))
        if game.current_player != self._player:
            self._answer()
            return True
        return self._command(self._read("your move> "))

    def _answer(self) -> None:
        """Play the contender's move."""
        table, game, name = self._table, self._table.game, self._contender.name
        moves = described_moves(table.games, game)
        if len(moves) == 1:
            (action,) = moves
            line(self._console, f"{name}: {moves[action]} ({_FORCED})", "bold")
        else:
            began = time.monotonic()
            analysis = self._opponent.think(game)
            seconds, action = time.monotonic() - began, analysis.best
            line(self._console, f"{name}: {moves[action]}", "bold")
            show_analysis(self._console, table.games, game, analysis, seconds=seconds)
        table.play(action)
        self._show()

    def _command(self, given: str | None) -> bool:
        """Do what the person wrote; returns False when that is to leave."""
        if given is None:
            return False
        match given.strip().casefold():
            case "quit" | "exit" | "q":
                return False
            case "":
                return True
            case "help" | "?":
                self._console.print(HELP, markup=False, soft_wrap=True)
            case "moves":
                self._list_moves()
            case "hint":
                self._hint()
            case "undo":
                self._undo()
            case "new":
                self._table.restart()
                self._show()
            case _:
                self._play(given)
        return True

    def _play(self, text: str) -> None:
        if self._table.game.is_terminal:
            line(self._console, "The game is over: write undo, new or quit.")
            return
        moves = described_moves(self._table.games, self._table.game)
        try:
            action = move_of(text, moves)
        except UnclearMove as error:
            line(self._console, str(error))
            return
        line(self._console, f"you: {moves[action]}", "bold")
        self._table.play(action)
        self._show()

    def _list_moves(self) -> None:
        if self._table.game.is_terminal:
            line(self._console, "The game is over: there are no moves.")
            return
        for text in described_moves(self._table.games, self._table.game).values():
            line(self._console, f"  {text}")

    def _hint(self) -> None:
        table = self._table
        if table.game.is_terminal:
            line(self._console, "The game is over: there is nothing to find.")
            return
        began = time.monotonic()
        analysis = self._adviser.think(table.game)
        seconds = time.monotonic() - began
        best = table.games.describe(table.game, analysis.best)
        line(self._console, f"{self._adviser.contender.name} would play: {best}", "bold")
        show_analysis(self._console, table.games, table.game, analysis, seconds=seconds)

    def _undo(self) -> None:
        taken = self._table.undo(self._player)
        if not taken:
            line(self._console, "There is no move of yours to take back.")
            return
        line(self._console, f"{taken} {'move' if taken == 1 else 'moves'} taken back.")
        self._show()

    def _show(self) -> None:
        """Print the board, and the result of a game that is over."""
        game = self._table.game
        show_position(self._console, game)
        if not game.is_terminal:
            return
        own, other = game.returns[self._player], game.returns[1 - self._player]
        winner = "you win" if own > other else f"{self._contender.name} wins"
        said = "it is a draw" if own == other else winner
        line(self._console, f"After {len(self._table.actions)} moves: {said}.", "bold")
