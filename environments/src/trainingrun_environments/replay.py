"""Plays a game again from its seed and its answers, to show people each position.

Border: games and choices in, text out; no file and no clock. The games are those of this process;
whether they are the ones that were played shows on the way: who is asked, and what may be chosen,
must be the same at every choice. Moves without a choice may be missing, as engines may leave them
out: they are played here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    Magic,
    OpenSpiel,
    PettingZoo,
    Python,
)
from trainingrun_protocol.generic import GenericChoice

from trainingrun_environments.games import Games

_MOST_TEXT: Final = 20_000
_MOST_ERROR: Final = 300
_OF_PETTING_ZOO: Final = ("atari.", "butterfly.", "classic.", "mpe.", "sisl.")


class Step(Struct, frozen=True):
    """One move of a game that is played again.

    Attributes:
        seat: who moved, 1 or 2.
        text: what was done, in the game's words.
        position: how it stands after the move.
        is_forced: whether it was the only move, and stands in no choice.
    """

    seat: int
    text: str
    position: str
    is_forced: bool = False


class _Unlike(Exception):
    """The game here is not the one that was played; the message says where."""


class Replay:
    """One game, played again. Where it cannot continue, ``fault`` says why, and no step follows."""

    def __init__(self, games: Games, seed: int) -> None:
        self.fault = ""
        self._games = games
        self._moves = 0
        try:
            self._game = games.new(seed)
        except Exception as error:
            self._stop(error)

    def position(self) -> str:
        """Return how it stands; empty where the game cannot say."""
        if self.fault:
            return ""
        try:
            return self._rendered()
        except Exception as error:
            self._stop(error)
            return ""

    def play(self, choice: GenericChoice) -> list[Step]:
        """Return the moves up to and with a choice; an answer that names no action is the first
        one, as a server reads it.
        """
        return self._collected(self._play(choice))

    def finish(self, winner: int | None) -> list[Step]:
        """Return the moves behind the last choice, of a game that ``winner`` (1, 2) won; None: it
        was a draw.
        """
        return self._collected(self._finish(winner))

    def _collected(self, steps: Iterator[Step]) -> list[Step]:
        found: list[Step] = []
        if self.fault:
            return found
        try:
            found.extend(steps)
        except Exception as error:  # games are of anyone
            self._stop(error)
        return found

    def _play(self, choice: GenericChoice) -> Iterator[Step]:
        game = self._game
        wanted = tuple(sorted(choice.actions))
        while not game.is_terminal:
            legal = tuple(map(int, game.legal_actions()))
            if game.current_player == choice.seat - 1 and tuple(sorted(legal)) == wanted:
                first = next(iter(choice.actions))
                yield self._step(first if choice.chosen is None else choice.chosen)
                return
            if len(legal) != 1:
                raise _Unlike(
                    f"after {self._moves} moves seat {game.current_player + 1} has"
                    f" {len(legal)} actions, and there seat {choice.seat} had {len(wanted)}"
                )
            yield self._step(legal[0], is_forced=True)
        raise _Unlike(f"it is over after {self._moves} moves, and there it continued")

    def _finish(self, winner: int | None) -> Iterator[Step]:
        game = self._game
        while not game.is_terminal and len(legal := tuple(game.legal_actions())) == 1:
            yield self._step(legal[0], is_forced=True)
        if not game.is_terminal:
            raise _Unlike(f"it is not over after {self._moves} moves, and there it was")
        first, second = game.returns
        found = None if first == second else 1 if first > second else 2
        if found != winner:
            names = {None: "it is a draw", 1: "seat 1 wins", 2: "seat 2 wins"}
            raise _Unlike(f"{names[found]}, and there {names[winner]}")

    def _step(self, action: int, *, is_forced: bool = False) -> Step:
        game, seat = self._game, self._game.current_player + 1
        text = self._games.describe(game, action)
        game.apply(action)
        self._moves += 1
        return Step(seat, text[:_MOST_TEXT], self._rendered(), is_forced)

    def _rendered(self) -> str:
        text = self._game.render()
        return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]} …"

    def _stop(self, error: Exception) -> None:
        if isinstance(error, _Unlike):
            self.fault = f"the game that is installed here is another one: {error}"
            return
        text = " ".join(str(error).split())[:_MOST_ERROR]
        self.fault = f"the game fails after {self._moves} moves: {type(error).__name__}: {text}"


def names_no_module(config: EnvironmentConfig) -> bool:
    """Return whether an environment is found without an import of a module that ``config`` names:
    one that registered itself, or a library's own. A file must not have other code run.
    """
    match config:
        case Magic() | BuiltIn() | OpenSpiel() | Engine():
            return True
        case PettingZoo(name):
            return name.startswith(_OF_PETTING_ZOO)
        case Python():
            return False
