"""A game that is played, seen by its seats and by others."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn, OpenSpiel
from trainingrun_league.game.engine import Engine, GameFault, GamesOfEnvironment, engine_of
from trainingrun_league.game.played import PlayedGame
from trainingrun_league.game.replay import replay_message
from trainingrun_league.game.table import Phase, Table, Thought, Turn
from trainingrun_league.game.views import state_message

FOUR = engine_of(BuiltIn("connect_four"))


def begun(engine: Engine, *, seed: int = 0) -> PlayedGame:
    """Return a game in which seat 1 is to move."""
    table = Table(
        game_id="g-1",
        match_id="",
        purpose=5,
        players=("person/ada", "model/m1"),
        seed=seed,
        move_seconds=10.0,
        created_at=100.0,
        is_taken=(True, True),
        phase=Phase.RUNNING,
        deadline=110.0,
    )
    return PlayedGame(engine, table)


def play(played: PlayedGame, action: int, thought: Thought | None = None) -> None:
    """Play an action of the seat to move."""
    turn = Turn(played.position.seat_to_move, action, f"key {len(played.turns)}", thought)
    played.settle(played.play(turn, now=101.0))


def played_out(engine: Engine, seed: int) -> PlayedGame:
    """Return a game of random moves up to its end."""
    game, random = begun(engine, seed=seed), Random(seed)
    while not game.table.phase.is_over:
        play(game, random.choice(game.position.legal))
    return game


@pytest.mark.parametrize("name", ["connect_four", "tic_tac_toe", "othello", "breakthrough"])
def test_a_game_is_its_seed_and_its_actions(name: str) -> None:
    """Played again from them, it stands as it stood, at every turn."""
    engine = engine_of(BuiltIn(name))
    game = played_out(engine, seed=3)
    again = PlayedGame(engine, game.table, game.turns)
    assert again.position == game.position
    assert again.rules.text(0) == game.rules.text(0)
    for turns in range(len(game.turns)):
        state = state_message(game.after(turns), 0)
        assert (state.turn, len(state.actions)) == (turns, turns)


def test_a_turn_that_was_not_kept_is_taken_back() -> None:
    """The database is away: the game stands as if nothing had been played."""
    game = begun(FOUR)
    play(game, 3)
    before = state_message(game, 1).SerializeToString(deterministic=True)
    game.play(Turn(2, 3, "key", None), now=102.0)
    game.take_back(1)
    assert state_message(game, 1).SerializeToString(deterministic=True) == before


def test_the_turns_of_another_game_are_refused() -> None:
    """A journal of other rules does not become another game."""
    table = replace(begun(FOUR).table, turn=2)
    with pytest.raises(GameFault, match="another one"):
        PlayedGame(FOUR, table, [Turn(1, 3), Turn(1, 3)])


class Broken:
    """A game that fails at its third move, and cannot say what it looks like."""

    def __init__(self) -> None:
        self.current_player, self.is_terminal, self.returns, self._moves = 0, False, (0.0, 0.0), 0

    def legal_actions(self) -> tuple[int, ...]:
        """See Game."""
        return (0, 1)

    def apply(self, _action: int) -> None:
        """See Game."""
        self._moves += 1
        if self._moves == 3:
            raise RuntimeError("the third move is too much")
        self.current_player = 1 - self.current_player

    def observation(self, _player: int) -> np.ndarray:
        """See Game."""
        raise RuntimeError("nothing to be seen")

    def render(self) -> str:
        """See Game."""
        raise RuntimeError("nothing to be seen")


class BrokenGames:
    """Games of it."""

    spec = engine_of(BuiltIn("tic_tac_toe")).spec

    def new(self, _seed: int) -> Broken:
        """See Games."""
        return Broken()

    def describe(self, _game: Broken, _action: int) -> str:
        """See Games."""
        raise RuntimeError("no description")


def test_an_engine_that_fails_abandons_its_game_and_no_other() -> None:
    """The reason says what failed, and where; what only people read is left out."""
    game = begun(GamesOfEnvironment(BrokenGames()))
    play(game, 0)
    play(game, 1)
    state = state_message(game, 1)
    assert (state.text, state.observation, state.last_action_text) == ("", b"", "1")
    play(game, 0)
    assert game.table.phase is Phase.ABANDONED
    assert "the third move is too much" in game.table.reason
    assert state_message(game, 0).turn == 2


def test_of_an_open_game_everybody_sees_all_but_the_others_observation() -> None:
    """Who watches sees the moves; numbers for a network are its player's."""
    game = begun(FOUR)
    play(game, 3, Thought(0.5, (3, 2), (0.75, 0.25), 50))
    watcher, first, second = (state_message(game, seat) for seat in (0, 1, 2))
    assert watcher.text == first.text == second.text != ""
    assert [each.number for each in watcher.legal_actions] == list(range(7))
    assert watcher.last_action_text == "drop into column 4"
    assert list(watcher.last_thought.texts) == ["drop into column 4", "drop into column 3"]
    assert (watcher.observation, list(watcher.actions)) == (b"", [3])
    assert first.observation != second.observation
    assert (second.observation_dtype, len(second.observation)) == ("uint8", 84)


def test_of_a_game_with_secrets_nobody_sees_what_another_seat_knows() -> None:
    """Kuhn's poker: a watcher learns nothing but whose turn it is; a seat its own card."""
    game = begun(engine_of(OpenSpiel("kuhn_poker")), seed=5)
    play(game, 1, Thought(0.1, (0, 1), (0.5, 0.5)))
    watcher, first, second = (state_message(game, seat) for seat in (0, 1, 2))
    assert (watcher.turn, watcher.seat_to_move) == (1, 2)
    for hidden in ("text", "legal_actions", "observation", "actions", "last_action_text"):
        assert not getattr(watcher, hidden), hidden
    assert not watcher.HasField("last_thought")
    assert watcher.seed == first.seed == 0
    assert first.text != second.text
    assert not first.legal_actions
    assert [each.number for each in second.legal_actions] == [0, 1]
    assert first.HasField("last_thought")
    assert not second.HasField("last_thought")


def test_once_it_is_over_a_game_with_secrets_is_open() -> None:
    """Then the replay shows both cards."""
    engine = engine_of(OpenSpiel("kuhn_poker"))
    game = played_out(engine, seed=5)
    replay = replay_message(engine, game)
    assert replay.last.text == game.rules.text(0) != ""
    assert [turn.action for turn in replay.turns] == [turn.action for turn in game.turns]
    assert all(turn.text and turn.action_text for turn in replay.turns)


def test_a_replay_has_every_position() -> None:
    """Turn by turn, in the game's own text."""
    game = played_out(FOUR, seed=9)
    replay = replay_message(FOUR, game)
    for number, turn in enumerate(replay.turns):
        assert turn.text == game.after(number + 1).rules.text(0)
