"""Games of this process as lines of the protocol: what a daemon of any game says.

Border: lines out, answers in; no socket and no clock. An answer that names no legal action becomes
the first one that is legal: a server never asks again (protocol section 4).

Entries of ``actions`` are encoded once and kept, and so is all of a line that no decision changes.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

import msgspec
import numpy.typing as npt
from msgspec import Raw, Struct
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary
from trainingrun_protocol.answers import parse_index
from trainingrun_protocol.generic import GenericAction, GenericObservation
from trainingrun_protocol.lines import (
    DecisionLine,
    GameResult,
    GameReturns,
    GameStart,
    Info,
    format_line,
)

from trainingrun_environments.errors import GameFault, UnknownEnvironment
from trainingrun_environments.games import Game, Games
from trainingrun_environments.generic.questions import DTYPES

_LITTLE_ENDIAN: Final = {dtype: name for name, dtype in DTYPES.items()}
"""Numbers that are sent as they are; others are sent as float32."""
_MOST_ENTRIES: Final = 65_536
"""Entries of ``actions`` that are kept: there are games whose descriptions hardly ever repeat."""
_ENCODER: Final = msgspec.json.Encoder()


class Table(Struct, frozen=True, kw_only=True):
    """How a game is played.

    Attributes:
        seed: of the game, and of the players here.
        asked: the players (0, 1) that a client plays; the others choose at random.
        is_shown: whether the client sees as decisions what the players here choose.
        is_quiet: whether nothing is said that only people read.
    """

    seed: int
    asked: frozenset[int]
    is_shown: bool = False
    is_quiet: bool = True


class _Decision(Struct, kw_only=True, gc=False):
    """``protocol.generic.GenericDecision`` with its entries encoded already."""

    decision_type: str = "choose_action"
    decision_id: int
    seat: int
    player: str
    observation: GenericObservation
    actions: list[Raw]


class _ShownDecision(_Decision, kw_only=True, gc=False):
    """A decision that was made here: the action's number, and its place in ``actions``."""

    ai_choice: int
    ai_choice_index: int


class GameServer:
    """Begins games of one environment; has what they share."""

    def __init__(self, games: Games) -> None:
        """Take the games to serve; raises UnknownEnvironment where actions are no vocabulary."""
        spec = games.spec
        if not isinstance(spec.actions, Vocabulary):
            raise UnknownEnvironment(
                f"the environment {spec.name!r} cannot be served: the actions of a game in this"
                " process are a Vocabulary"
            )
        self.spec: EnvironmentSpec = spec
        self.games = games
        self._size = spec.actions.size
        self._numbers = {str(number): number for number in range(self._size)}
        self._entries: dict[tuple[int, str], Raw] = {}

    def begin(self, table: Table) -> ServedGame:
        """Begin a game."""
        return ServedGame(self, table)

    def entry(self, action: int, description: str) -> Raw:
        """Return an entry of ``actions``, encoded."""
        found = self._entries.get((action, description))
        if found is None:
            if len(self._entries) >= _MOST_ENTRIES:
                self._entries.clear()
            found = Raw(_ENCODER.encode(GenericAction(int(action), description)))
            self._entries[action, description] = found
        return found

    def number(self, answer: str) -> int:
        """Return the number in an answer line; -1 where it has none of the vocabulary."""
        found = self._numbers.get(answer)
        return parse_index(answer, count=self._size, default=-1) if found is None else found


class ServedGame:
    """One game. Call ``advance`` and send ``take_output`` until it is over."""

    def __init__(self, server: GameServer, table: Table) -> None:
        self.names = tuple(
            f"{'Agent' if player in table.asked else 'Ai'}({player + 1})-{server.spec.name}"
            for player in (0, 1)
        )
        """Of the players; a client reads the seat from the number."""
        self.game = server.games.new(table.seed)
        self._server = server
        self._table = table
        self._random = Random(f"players {table.seed}")
        self._legal: tuple[int, ...] = ()
        """What may be answered; empty where nothing is asked."""
        self._decisions = 0
        self.moves = 0
        """Moves that were played."""
        self._output: list[bytes] = []
        if table.asked or not table.is_quiet:
            self._output.append(format_line(GameStart(f"{self.names[0]} vs {self.names[1]}")))
        self._note_end()

    @property
    def is_over(self) -> bool:
        """Whether the game has ended."""
        return self.game.is_terminal

    def advance(self, answer: str = "") -> bool:
        """Play the answer to the open decision, else one move of a player here.

        Returns:
            whether a client is asked now.

        Raises:
            GameFault: the game breaks a promise; what the game itself raises goes through.
        """
        if self._legal:
            action = self._server.number(answer)
            self._play(action if action in self._legal else self._legal[0])
            self._legal = ()
        elif not self.game.is_terminal and self.game.current_player not in self._table.asked:
            self._choose()
        if self.game.is_terminal or self.game.current_player not in self._table.asked:
            return False
        self._legal = self._legal_actions()
        self._output.append(self._decision_line(self._legal))
        return True

    def take_output(self) -> bytes:
        """Return the lines to send since the last call."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def result(self, *, milliseconds: int) -> GameResult:
        """Return the last line of a game that is over."""
        first, second = self.game.returns
        if first == second:
            return GameResult(None, milliseconds)
        return GameResult(self.names[0 if first > second else 1], milliseconds)

    def _choose(self) -> None:
        """Play a move of a player here."""
        legal = self._legal_actions()
        action = self._random.choice(legal)
        if self._table.is_shown:
            self._output.append(self._decision_line(legal, action))
        self._play(action)

    def _play(self, action: int) -> None:
        if not self._table.is_quiet:
            text = self._server.games.describe(self.game, action)
            mover = self.names[self.game.current_player]
            self._output.append(format_line(Info(f"Turn {self.moves + 1}: {mover}: {text}")))
        self.game.apply(action)
        self.moves += 1
        self._note_end()

    def _legal_actions(self) -> tuple[int, ...]:
        return checked_legal(self.game, self._server.spec)

    def _decision_line(self, legal: tuple[int, ...], choice: int | None = None) -> bytes:
        server, game = self._server, self.game
        player = game.current_player
        entry, describe = server.entry, server.games.describe
        self._decisions += 1
        decision = _Decision(
            decision_id=self._decisions,
            seat=player + 1,
            player=self.names[player],
            observation=self._observation(game.observation(player)),
            actions=[entry(action, describe(game, action)) for action in legal],
        )
        if choice is not None:
            fields = msgspec.structs.asdict(decision)
            place = legal.index(choice)
            decision = _ShownDecision(**fields, ai_choice=int(choice), ai_choice_index=place)
        return format_line(DecisionLine(_ENCODER.encode(decision)))

    def _observation(self, found: npt.NDArray[Any]) -> GenericObservation:
        if found.shape != self._server.spec.observation:
            raise GameFault(
                f"{self._server.spec.name}: an observation has the shape {found.shape},"
                f" the spec says {self._server.spec.observation}"
            )
        dtype = _LITTLE_ENDIAN.get(found.dtype)
        if dtype is None:
            dtype, found = "float32", found.astype(DTYPES["float32"])
        return GenericObservation(found.shape, dtype, found.tobytes())

    def _note_end(self) -> None:
        """Say what a game that is over returned, where its result does not say it all.

        A client that asked for the result alone, of players here, gets nothing but that.
        """
        if not self.game.is_terminal:
            return
        (first, second), says_more = checked_returns(self.game, self._server.spec)
        is_silent = self._table.is_quiet and not self._table.asked and not self._table.is_shown
        if says_more and not is_silent:
            self._output.append(format_line(GameReturns(float(first), float(second))))


def checked_legal(game: Game, spec: EnvironmentSpec) -> tuple[int, ...]:
    """Return what may be chosen; a tuple, because a game may keep and change its list.

    Raises:
        GameFault: it is nothing.
    """
    legal = tuple(game.legal_actions())
    if not legal:
        raise GameFault(f"{spec.name}: no legal action, and the game is not over")
    return legal


def checked_returns(game: Game, spec: EnvironmentSpec) -> tuple[tuple[float, float], bool]:
    """Return what a game that is over returned, and whether that says more than who won.

    Raises:
        GameFault: it is beyond the bound of the spec.
    """
    first, second = game.returns
    bound = spec.reward_bound
    if not (abs(first) <= bound and abs(second) <= bound):
        raise GameFault(
            f"{spec.name}: it returned {first} and {second},"
            f" beyond the reward bound {bound} of the spec"
        )
    is_plain = (first, second) in {(bound, -bound), (-bound, bound), (0, 0)}
    return (float(first), float(second)), not is_plain
