"""Games in the process of their players are those that a daemon serves, bit for bit."""

from __future__ import annotations

from random import Random
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn, Engine, Magic, OpenSpiel
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_environments.embedded import MOVES_PER_SLICE, EmbeddedGames
from trainingrun_environments.errors import GameFault, UnknownEnvironment
from trainingrun_environments.generic.environment import GenericEnvironment
from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.generic.questions import GenericQuestion
from trainingrun_environments.python_object import games_of_class
from trainingrun_environments.registry import environment_of
from trainingrun_environments.serving import GameServer, Table
from trainingrun_protocol.lines import DecisionLine, GameReturns, parse_line

BOTH: Final = frozenset((0, 1))


class Doors:
    """A game whose observations are of a type that is not sent as it is, with forced moves and
    returns between a draw and a win."""

    observation_shape = (2, 2)
    actions = 5
    reward_bound = 2.0

    def __init__(self, seed: int) -> None:
        self.random, self.moves = Random(seed), 0
        self.luck = self.random.random()
        self.returns = (0.0, 0.0)

    current_player = property(lambda self: self.moves % 2)
    is_terminal = property(lambda self: self.moves == 9)

    def legal_actions(self) -> list[int]:
        """One door in every third move, else three."""
        return [4] if self.moves % 3 == 2 else [3, 0, 2]

    def apply(self, action: int) -> None:
        """The doors' numbers are what one gets."""
        self.moves += 1
        share = (action - 1.5) / 2 * self.luck
        self.luck = self.random.random()
        self.returns = (share, -share)

    def observation(self, player: int) -> Any:
        """Numbers of float64, as Python has them."""
        return [[self.moves / 3, player / 7], [self.luck, -1e-6]]


class Bools(Doors):
    """The same with truth values, which a daemon sends as float32."""

    def observation(self, player: int) -> Any:
        """Truth values."""
        return np.array([[True, False], [bool(player), self.moves > 4]])


class Played(NamedTuple):
    """A game: what was asked, what it returned, and whether that says more than who won."""

    questions: list[tuple[int, tuple[int, ...], bytes, bytes]]
    returns: tuple[float, float] | None


def values(question: GenericQuestion) -> tuple[int, tuple[int, ...], bytes, bytes]:
    """A question as values that can be compared."""
    seen = question.observation
    return question.seat, question.options, seen.state.tobytes(), seen.actions.tobytes()


def served(environment: GamesEnvironment, *, seed: int, asked: frozenset[int]) -> Played:
    """A game through the lines of a daemon, answered at random."""
    game = GameServer(environment.games).begin(Table(seed=seed, asked=asked))
    dialogue, random, questions = environment.new_dialogue(), Random(seed), []
    returns, answer = None, ""
    while not game.is_over:
        is_asked = game.advance(answer)
        for text in game.take_output().splitlines():
            line = parse_line(text)
            if isinstance(line, GameReturns):
                returns = (line.first, line.second)
            if is_asked and isinstance(line, DecisionLine):
                question = dialogue.read(line.raw)
                if len(question.options) > 1:
                    questions.append(values(question))
                    answer = str(random.choice(question.options))
                else:
                    answer = str(question.options[0])
    return Played(questions, returns)


def embedded(environment: GamesEnvironment, *, seed: int, asked: frozenset[int]) -> Played:
    """The same game in this process."""
    games, random, questions = EmbeddedGames(environment), Random(seed), []
    game, answer = games.begin(seed=seed, asked=asked), None
    while not game.is_over:
        if game.advance(answer):
            (question,) = games.questions([game])
            assert isinstance(question, GenericQuestion)
            questions.append(values(question))
            answer = random.choice(question.options)
    found, says_more = game.returns()
    return Played(questions, found if says_more else None)


ENVIRONMENTS: Final = {
    "connect_four": environment_of(BuiltIn("connect_four")),
    "tic_tac_toe": environment_of(BuiltIn("tic_tac_toe")),
    "kuhn_poker": environment_of(OpenSpiel("kuhn_poker")),
    "floats": GamesEnvironment(games_of_class(Doors)),
    "bools": GamesEnvironment(games_of_class(Bools)),
}


@pytest.mark.parametrize("asked", [BOTH, frozenset((0,)), frozenset((1,))], ids=str)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_same_seed_is_the_same_game_as_through_a_daemon(
    name: str, asked: frozenset[int]
) -> None:
    """Expect equal players, options, bytes of states and actions, moves of the engine's own
    player, and returns."""
    environment = ENVIRONMENTS[name]
    assert isinstance(environment, GamesEnvironment)
    for seed in range(25):
        through_lines = served(environment, seed=seed, asked=asked)
        assert embedded(environment, seed=seed, asked=asked) == through_lines
        assert through_lines.questions or name in {"kuhn_poker", "floats", "bools"}


def test_many_games_ask_what_each_asks_alone() -> None:
    """Expect the questions of a batch to be those of its games one by one."""
    games = EmbeddedGames(ENVIRONMENTS["connect_four"])
    open_games = [games.begin(seed=seed, asked=BOTH) for seed in range(30)]
    for at, game in enumerate(open_games):
        game.advance(None)
        for move in range(at % 5):
            game.advance(move)
    alone = [games.questions([game])[0] for game in open_games]
    together = games.questions(open_games)
    assert [values(each) for each in together] == [values(each) for each in alone]  # type: ignore[arg-type]


def test_an_open_question_stays_open_without_an_answer() -> None:
    """Expect the same question however often the game is called."""
    games = EmbeddedGames(ENVIRONMENTS["connect_four"])
    game = games.begin(seed=1, asked=BOTH)
    assert game.advance(None)
    before = values(games.questions([game])[0])  # type: ignore[arg-type]
    assert game.advance(None)
    assert values(games.questions([game])[0]) == before  # type: ignore[arg-type]
    assert game.moves == 0


class Endless(Doors):
    """One door, for ever."""

    is_terminal = property(lambda self: self.moves > 10**6)

    def legal_actions(self) -> list[int]:
        """No choice."""
        return [1]


def test_a_game_without_questions_leaves_time_to_others() -> None:
    """Expect it to return after some moves, and to go on with the next call."""
    games = object.__new__(EmbeddedGames)
    games.games = games_of_class(Doors)
    games.spec = games.games.spec
    games.games._made_of = Endless  # type: ignore[attr-defined]
    game = games.begin(seed=0, asked=BOTH)
    assert not game.advance(None)
    assert not game.advance(None)
    assert game.moves == 2 * MOVES_PER_SLICE


class Lying(Doors):
    """A game that shows something else from its fifth move on, where its seed is odd."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.lies = seed % 2 == 1

    def observation(self, player: int) -> Any:
        """Too much."""
        seen = super().observation(player)
        return [[1e9, 0.0], [0.0, 0.0]] if self.lies and self.moves > 4 else seen


def test_a_wrong_observation_costs_its_game_alone() -> None:
    """Expect the fault in the place of one question, and the others as they are."""
    games = EmbeddedGames(GamesEnvironment(games_of_class(Lying)))
    open_games = [games.begin(seed=seed, asked=BOTH) for seed in range(4)]
    for game in open_games:
        while game.advance(0 if game.legal else None) and game.moves < 6:
            pass
    found = games.questions(open_games)
    assert [isinstance(each, GameFault) for each in found] == [False, True, False, True]
    assert "observation holds 1e+09: scale its numbers to -8 … 8" in str(found[1])


def test_a_games_own_error_names_the_move() -> None:
    """Expect the sentence that a daemon would send."""
    games = EmbeddedGames(ENVIRONMENTS["connect_four"])
    game = games.begin(seed=0, asked=BOTH)
    game.advance(None)
    with pytest.raises(GameFault, match=r"^connect_four failed in move 1: ValueError: 9 is not"):
        game.advance(9)


@pytest.mark.parametrize(
    "config", [Magic(), Engine(name="mine", observation=(1,), actions=Vocabulary(2))], ids=str
)
def test_engines_cannot_be_embedded(config: Magic | Engine) -> None:
    """Expect a sentence that names the environment and the way out."""
    environment = environment_of(config)
    with pytest.raises(UnknownEnvironment, match=r"has no games that live in this process: .*out$"):
        EmbeddedGames(environment)
    assert not isinstance(environment, GamesEnvironment)
    assert isinstance(environment, GenericEnvironment) or environment.spec.name == "magic"
