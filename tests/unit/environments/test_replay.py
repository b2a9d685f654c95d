"""Games that are played again from their seed and answers, and what ends that."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    Magic,
    OpenSpiel,
    PettingZoo,
    Python,
)
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_environments.connect_four.game import ConnectFourGames
from trainingrun_environments.games import Games
from trainingrun_environments.python_object import games_of_class
from trainingrun_environments.registry import games_of
from trainingrun_environments.replay import Replay, Step, names_no_module
from trainingrun_protocol.generic import GenericChoice


class Walk:
    """Ten steps, of which each other has a choice; who has taken more wins."""

    observation_shape = (2,)
    actions = 2

    def __init__(self, seed: int) -> None:
        self.current_player = Random(seed).randrange(2)
        self.moves = 0
        self.taken = [0, 0]

    @property
    def is_terminal(self) -> bool:
        """See Game."""
        return self.moves == 10

    @property
    def returns(self) -> tuple[float, float]:
        """See Game."""
        first, second = self.taken
        lead = (first > second) - (first < second)
        return float(lead), float(-lead)

    def legal_actions(self) -> list[int]:
        """See Game."""
        return [1] if self.moves % 2 else [0, 1]

    def apply(self, action: int) -> None:
        """See Game."""
        self.taken[self.current_player] += action
        self.moves += 1
        self.current_player = 1 - self.current_player

    def observation(self, player: int) -> list[int]:
        """See Game."""
        return [self.moves % 2, player]

    def render(self) -> str:
        """See Game."""
        return f"{self.moves} moves, {self.taken}"


class Failing(Walk):
    """Its drawing fails after some moves."""

    def render(self) -> str:
        """See Game."""
        if self.moves == 3:
            raise RuntimeError("no\nink")
        return super().render()


def choices_of(
    games: Games, seed: int, *, with_forced: bool = True
) -> tuple[list[GenericChoice], int | None]:
    """A random game as a tape has it, and its winner."""
    game, random = games.new(seed), Random(seed)
    found = []
    while not game.is_terminal:
        legal = list(game.legal_actions())
        action = random.choice(legal)
        actions = {each: games.describe(game, each) for each in legal}
        if with_forced or len(legal) > 1:
            seat = game.current_player + 1
            found.append(GenericChoice(seat=seat, answer=str(action), actions=actions))
        game.apply(action)
    first, second = game.returns
    return found, None if first == second else 1 if first > second else 2


def replayed(
    games: Games, choices: Sequence[GenericChoice], winner: int | None, *, seed: int
) -> tuple[list[Step], str]:
    """All steps, and the fault."""
    replay = Replay(games, seed)
    steps = [step for choice in choices for step in replay.play(choice)]
    return [*steps, *replay.finish(winner)], replay.fault


@pytest.mark.parametrize(
    "games",
    [
        ConnectFourGames(),
        games_of(OpenSpiel("kuhn_poker")),
        games_of(PettingZoo("classic.tictactoe_v3")),
        games_of_class(Walk),
    ],
    ids=["built in", "OpenSpiel with chance", "PettingZoo", "Python"],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_game_comes_out_as_it_was(games: Games, seed: int) -> None:
    """Each choice is one move of its seat, in the game's words, with a position; nothing is at
    fault, chance included."""
    choices, winner = choices_of(games, seed)
    steps, fault = replayed(games, choices, winner, seed=seed)
    assert fault == ""
    assert [step.seat for step in steps] == [choice.seat for choice in choices]
    assert [step.text for step in steps] == [
        choice.actions[choice.chosen or 0] for choice in choices
    ]
    assert all(step.position and not step.is_forced for step in steps)


@pytest.mark.parametrize("seed", range(5))
def test_moves_without_a_choice_may_be_missing(seed: int) -> None:
    """They are played here, and marked; also those behind the last choice."""
    games = games_of_class(Walk)
    choices, winner = choices_of(games, seed, with_forced=False)
    assert len(choices) == 5
    steps, fault = replayed(games, choices, winner, seed=seed)
    assert fault == ""
    assert [step.is_forced for step in steps] == [False, True] * 5
    assert steps[-1].position.startswith("10 moves")


def test_an_answer_that_names_no_action_is_the_first() -> None:
    """As a server takes it."""
    actions = {each: "" for each in range(7)}
    (step,) = Replay(ConnectFourGames(), 0).play(GenericChoice(seat=1, answer="x", actions=actions))
    assert step.text == "drop into column 1"


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (
            GenericChoice(seat=2, answer="0", actions=dict.fromkeys(range(7), "")),
            "after 0 moves seat 1 has 7 actions, and there seat 2 had 7",
        ),
        (
            GenericChoice(seat=1, answer="0", actions={0: "", 9: ""}),
            "after 0 moves seat 1 has 7 actions, and there seat 1 had 2",
        ),
    ],
)
def test_another_game_is_noticed(choice: GenericChoice, words: str) -> None:
    """The sentence says where they part, and nothing comes any more."""
    replay = Replay(ConnectFourGames(), 0)
    assert replay.play(choice) == []
    assert replay.fault == f"the game that is installed here is another one: {words}"
    good = GenericChoice(seat=1, answer="0", actions=dict.fromkeys(range(7), ""))
    assert (replay.play(good), replay.position(), replay.finish(None)) == ([], "", [])


def test_another_end_is_noticed() -> None:
    """One that comes too early or too late, and another winner."""
    games = ConnectFourGames()
    choices, winner = choices_of(games, 1)
    assert winner is not None
    other = 3 - winner
    assert (
        f"seat {winner} wins, and there seat {other} wins"
        in replayed(games, choices, other, seed=1)[1]
    )
    assert "it is not over after" in replayed(games, choices[:-1], winner, seed=1)[1]
    assert "it is over after" in replayed(games, [*choices, choices[0]], winner, seed=1)[1]


def test_a_game_that_fails_ends_the_replay() -> None:
    """Its own error stands in one line; the moves before it were shown."""
    games = games_of_class(Walk)
    choices, winner = choices_of(games, 0)
    steps, fault = replayed(type(games)(Failing, games.spec), choices, winner, seed=0)
    assert len(steps) == 2
    assert fault == "the game fails after 3 moves: RuntimeError: no ink"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Magic(), True),
        (BuiltIn("connect_four"), True),
        (OpenSpiel("hex"), True),
        (PettingZoo("classic.tictactoe_v3"), True),
        (PettingZoo("my_package.my_env"), False),
        (Python("my_package:Game"), False),
        (Engine("e", (2,), Vocabulary(2)), True),
    ],
)
def test_what_a_file_may_name(config: EnvironmentConfig, expected: bool) -> None:
    """Nothing that imports a module by a name in the file."""
    assert names_no_module(config) is expected
