"""What a viewer sees of a game: seat 1, seat 2, or somebody who watches (seat 0).

Where a game has secrets, all that could betray one is left out until it is over: the position as
text and as numbers, legal actions, the last action and what its player thought are for the seats
that know them. What is left is who plays, whose turn it is, and the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.game_pb2 import GamePhase, GameState, LegalAction
from trainingrun_contracts.league.v1.game_pb2 import Thought as ThoughtMessage
from trainingrun_environments.errors import GameFault

from trainingrun_league.game.engine import Position
from trainingrun_league.game.table import Table, Thought, Turn

WATCHER = 0


class Describes(Protocol):
    """What describes a position: the part of ``EngineGame`` that is read for players."""

    def text(self, seat: int) -> str:
        """See EngineGame."""

    def describe(self, action: int) -> str:
        """See EngineGame."""

    def features(self, action: int) -> bytes:
        """See EngineGame."""

    def observation(self, seat: int) -> tuple[str, bytes]:
        """See EngineGame."""


class SeenGame(Protocol):
    """A game as it is shown; ``PlayedGame`` says what its attributes are."""

    @property
    def table(self) -> Table:
        """As it stands."""

    @property
    def turns(self) -> Sequence[Turn]:
        """That were played."""

    @property
    def position(self) -> Position:
        """As the rules say it."""

    @property
    def rules(self) -> Describes:
        """What describes it."""

    @property
    def has_secrets(self) -> bool:
        """Whether who watches must not see everything."""

    def after(self, turns: int) -> SeenGame:
        """Return the game as it was after a number of turns, as far as it can be seen."""

    @property
    def last_text(self) -> str:
        """The last action for people."""

    @property
    def last_thought_texts(self) -> tuple[str, ...]:
        """The actions of the last turn's thought for people."""


def state_message(played: SeenGame, seat: int) -> GameState:
    """Return a game as a seat sees it."""
    state = summary_message(played.table)
    position, rules = played.position, played.rules
    is_over = played.table.phase.is_over
    is_open = not played.has_secrets
    if not is_over:
        state.seat_to_move = position.seat_to_move
        state.returns[:] = position.returns
        if is_open or seat == position.seat_to_move:
            state.legal_actions.extend(
                LegalAction(
                    number=action, text=rules.describe(action), features=rules.features(action)
                )
                for action in position.legal
            )
    if is_open:
        state.seed = played.table.seed
        state.actions.extend(turn.action for turn in played.turns)
    if is_open or seat != WATCHER:
        state.text = rules.text(WATCHER if is_open else seat)
    if seat != WATCHER and not is_over:
        with suppress(GameFault):  # who cannot do without it says so
            state.observation_dtype, state.observation = rules.observation(seat)
    if played.turns:
        last = played.turns[-1]
        if is_open or seat == last.seat:
            state.last_action = last.action
            state.last_action_text = played.last_text
            if last.thought is not None:
                state.last_thought.CopyFrom(
                    thought_message(last.thought, played.last_thought_texts)
                )
    return state


def summary_message(table: Table) -> GameState:
    """Return what everybody may know of a game, whatever it is."""
    state = GameState(
        game_id=table.game_id,
        match_id=table.match_id,
        phase=GamePhase.ValueType(table.phase.value),
        turn=table.turn,
        players=table.players,
        returns=table.returns,
        reason=table.reason,
        purpose=MatchPurpose.ValueType(table.purpose),
        created_at=time_message(table.created_at),
    )
    if table.deadline and not table.phase.is_over:
        state.move_deadline.CopyFrom(time_message(table.deadline))
    return state


def thought_message(thought: Thought, texts: Sequence[str]) -> ThoughtMessage:
    """Return a thought as a message, with its actions for people."""
    return ThoughtMessage(
        value=thought.value,
        actions=thought.actions,
        weights=thought.weights,
        simulations=thought.simulations,
        texts=texts,
    )


def time_message(seconds: float) -> Timestamp:
    """Return Unix seconds as a message."""
    found = Timestamp()
    found.FromNanoseconds(int(seconds * 1e9))
    return found
