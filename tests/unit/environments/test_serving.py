"""Games of this process as lines of the protocol, read as an actor reads them."""

from __future__ import annotations

from random import Random
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.environment_spec import EnvironmentSpec, Features, Vocabulary
from trainingrun_environments.errors import GameFault, UnknownEnvironment
from trainingrun_environments.games import Game
from trainingrun_environments.generic.questions import GenericQuestion, QuestionReader
from trainingrun_environments.registry import games_of
from trainingrun_environments.serving import GameServer, ServedGame, Table
from trainingrun_protocol.generic import decode_generic
from trainingrun_protocol.lines import (
    DecisionLine,
    GameResult,
    GameReturns,
    GameStart,
    Info,
    ServerLine,
    parse_line,
)

BOTH = frozenset((0, 1))
NOBODY: frozenset[int] = frozenset()


class _Auction:
    """Each player bids 0 to 3; the higher bid wins and pays itself. Faults are put into it."""

    def __init__(self, games: _Auctions) -> None:
        self._games = games
        self.bids: list[int] = []

    @property
    def current_player(self) -> int:
        return len(self.bids)

    @property
    def is_terminal(self) -> bool:
        return len(self.bids) == 2

    @property
    def returns(self) -> tuple[float, float]:
        if self._games.returns is not None and self.is_terminal:
            return self._games.returns
        if not self.is_terminal or self.bids[0] == self.bids[1]:
            return 0.0, 0.0
        worth = 3.0 - max(self.bids)
        return (worth, -worth) if self.bids[0] > self.bids[1] else (-worth, worth)

    def legal_actions(self) -> list[int]:
        return self._games.legal

    def apply(self, action: int) -> None:
        self.bids.append(action)

    def observation(self, player: int) -> npt.NDArray[Any]:
        return self._games.observation

    def clone(self) -> Self:
        raise NotImplementedError

    def render(self) -> str:
        return str(self.bids)


class _Auctions:
    """Makes auctions."""

    def __init__(self) -> None:
        self.spec = EnvironmentSpec("auction", "1", (2,), Vocabulary(4), reward_bound=3.0)
        self.legal = [0, 1, 2, 3]
        self.observation: npt.NDArray[Any] = np.zeros(2, np.float32)
        self.returns: tuple[float, float] | None = None

    def new(self, seed: int) -> _Auction:
        return _Auction(self)

    def describe(self, game: Game, action: int) -> str:
        return f"bid {action}"


@pytest.fixture
def auctions() -> _Auctions:
    """_Auctions without a fault."""
    return _Auctions()


@pytest.fixture(params=["connect_four", "tic_tac_toe"])
def server(request: pytest.FixtureRequest) -> GameServer:
    """A server of each environment."""
    return GameServer(games_of(BuiltIn(request.param)))


def lines(served: ServedGame) -> list[ServerLine]:
    """What it says now."""
    return [parse_line(line) for line in served.take_output().splitlines()]


def finish(served: ServedGame, *answers: str) -> list[ServerLine]:
    """Play to the end with these answers; gives all lines."""
    left = list(answers)
    is_asked = served.advance()
    while not served.is_over:
        is_asked = served.advance(left.pop(0) if is_asked else "")
    return lines(served)


def question(server: GameServer, line: ServerLine) -> GenericQuestion:
    """A decision as an actor reads it; raises where it does not accept it."""
    assert isinstance(line, DecisionLine)
    return QuestionReader(server.spec).question(decode_generic(line.raw))


def test_an_actor_reads_every_decision(server: GameServer) -> None:
    """Expect the legal actions and the mover's own observation, whichever seat moves."""
    for seed in range(10):
        served, random = server.begin(Table(seed=seed, asked=BOTH)), Random(seed)
        assert isinstance(lines(served)[0], GameStart)
        answer = ""
        while served.advance(answer):
            [line] = lines(served)
            found, game = question(server, line), served.game
            assert (found.seat, found.options) == (game.current_player, game.legal_actions())
            seen = game.observation(game.current_player).astype(np.float16).ravel()
            assert (found.observation.state == seen).all()
            answer = str(random.choice(found.options))
        assert served.is_over


def test_answers_are_played(server: GameServer) -> None:
    """Expect the game that the answers say, and its winner by the seat's name."""
    is_grid = server.spec.name == "tic_tac_toe"
    served = server.begin(Table(seed=1, asked=BOTH))
    finish(served, *("03142" if is_grid else "0101010"))
    assert served.result(milliseconds=5) == GameResult(f"Agent(1)-{server.spec.name}", 5)


@pytest.mark.parametrize(
    "answer", ["", "-1", "7", "nonsense", "9" * 9000, "0,1", "\N{SUPERSCRIPT TWO}"]
)
def test_what_cannot_be_read_is_the_first_legal_action(answer: str) -> None:
    """Expect the game to continue with the lowest column."""
    served = GameServer(games_of(BuiltIn("connect_four"))).begin(Table(seed=1, asked=BOTH))
    served.advance()
    served.advance(answer)
    assert served.game.render().splitlines()[-2] == "X......"


def test_an_action_that_is_not_legal_now_is_the_first_that_is() -> None:
    """Expect a full column to be answered by the lowest that has room."""
    served = GameServer(games_of(BuiltIn("connect_four"))).begin(Table(seed=1, asked=BOTH))
    served.advance()
    for _ in range(7):
        served.advance("0")
    assert served.game.render().splitlines()[-2] == "XX....."


def test_a_player_here_answers_for_its_seat(server: GameServer) -> None:
    """Expect decisions of the other seat alone, and this one's name to say what it is."""
    served = server.begin(Table(seed=3, asked=frozenset((1,))))
    told = finish(served, *["0"] * 42)
    decisions = [line for line in told if isinstance(line, DecisionLine)]
    assert {question(server, line).seat for line in decisions} == {1}
    assert served.names[0].startswith("Ai(1)-")


def test_players_here_play_the_same_game_by_the_same_seed(server: GameServer) -> None:
    """Expect the seed to decide, and different seeds to differ."""

    def moves(seed: int) -> list[ServerLine]:
        return finish(server.begin(Table(seed=seed, asked=NOBODY, is_quiet=False)))

    assert moves(1) == moves(1)
    assert len({str(moves(seed)) for seed in range(8)}) > 4


def test_a_quiet_game_of_players_here_says_its_result_alone(server: GameServer) -> None:
    """Expect no line before it."""
    assert finish(server.begin(Table(seed=1, asked=NOBODY))) == []


def test_people_are_told_every_move(server: GameServer) -> None:
    """Expect who did what, a line each, counted as turns by clients."""
    told = finish(server.begin(Table(seed=1, asked=NOBODY, is_quiet=False)))
    texts = [line.text for line in told if isinstance(line, Info)]
    assert texts[0].startswith(f"Turn 1: Ai(1)-{server.spec.name}: ")
    assert len(texts) == len(told) - 1


def test_a_client_that_watches_sees_what_was_chosen(server: GameServer) -> None:
    """Expect decisions with the choice, by its number and by its place in the list."""
    for line in finish(server.begin(Table(seed=1, asked=NOBODY, is_shown=True)))[:-1]:
        assert isinstance(line, DecisionLine)
        raw = msgspec.json.decode(line.raw)
        assert raw["actions"][raw["ai_choice_index"]]["index"] == raw["ai_choice"]


def test_returns_are_told_where_the_result_does_not_say_them(auctions: _Auctions) -> None:
    """Expect them once, before the result, which names who got more."""
    served = GameServer(auctions).begin(Table(seed=1, asked=BOTH))
    assert finish(served, "1", "2")[-1] == GameReturns(-1.0, 1.0)
    assert served.result(milliseconds=1).winner == "Agent(2)-auction"


@pytest.mark.parametrize("answers", [("2", "2"), ("0", "0")])
def test_a_plain_end_needs_no_returns(auctions: _Auctions, answers: tuple[str, str]) -> None:
    """Expect a draw to say nothing but its result."""
    served = GameServer(auctions).begin(Table(seed=1, asked=BOTH))
    assert not isinstance(finish(served, *answers)[-1], GameReturns)
    assert served.result(milliseconds=1).winner is None


def test_numbers_of_any_type_are_read(auctions: _Auctions) -> None:
    """Expect types and byte orders that the protocol does not have to be sent as one it has."""
    server = GameServer(auctions)
    for dtype in ("bool", "int64", ">f4", "float16", ">i2", "uint8", "float64"):
        auctions.observation = np.array([1, 0]).astype(dtype)
        served = server.begin(Table(seed=1, asked=BOTH))
        served.advance()
        assert question(server, lines(served)[-1]).observation.state.tolist() == [1.0, 0.0], dtype


def test_an_array_is_sent_in_reading_order(auctions: _Auctions) -> None:
    """Expect an observation that lies otherwise in memory to arrive as it is indexed."""
    auctions.spec = EnvironmentSpec("auction", "1", (2, 2), Vocabulary(4), reward_bound=3.0)
    auctions.observation = np.array([[1, 2], [3, 4]], np.float32).T
    server = GameServer(auctions)
    served = server.begin(Table(seed=1, asked=BOTH))
    served.advance()
    assert question(server, lines(served)[-1]).observation.state.tolist() == [1.0, 3.0, 2.0, 4.0]


def test_actions_may_be_numbers_of_an_array(auctions: _Auctions) -> None:
    """Expect a game that counts in numpy to be served, its own choices shown."""
    auctions.legal = np.arange(1, 4)  # type: ignore[assignment]
    server = GameServer(auctions)
    told = finish(server.begin(Table(seed=1, asked=frozenset((1,)))), "3")
    assert question(server, told[1]).options == (1, 2, 3)
    assert len(finish(server.begin(Table(seed=1, asked=NOBODY, is_shown=True)))) >= 2


def test_a_list_that_the_game_changes_is_not_what_was_offered(auctions: _Auctions) -> None:
    """Expect an answer to be read by what was asked."""
    served = GameServer(auctions).begin(Table(seed=1, asked=BOTH))
    served.advance()
    auctions.legal.remove(2)
    served.advance("2")
    assert served.game.render() == "[2]"


def test_a_wrong_shape_is_the_games_fault(auctions: _Auctions) -> None:
    """Expect both shapes in the sentence."""
    auctions.observation = np.zeros(3, np.float32)
    with pytest.raises(GameFault, match=r"auction: an observation has the shape \(3,\), .* \(2,\)"):
        GameServer(auctions).begin(Table(seed=1, asked=BOTH)).advance()


def test_nothing_to_choose_is_the_games_fault(auctions: _Auctions) -> None:
    """Expect a sentence in the place of a question that no client can answer."""
    auctions.legal = []
    with pytest.raises(GameFault, match="auction: no legal action, and the game is not over"):
        GameServer(auctions).begin(Table(seed=1, asked=BOTH)).advance()


@pytest.mark.parametrize("returns", [(3.5, -3.5), (float("nan"), 0.0), (0.0, float("-inf"))])
def test_returns_beyond_the_bound_are_the_games_fault(
    auctions: _Auctions, returns: tuple[float, float]
) -> None:
    """Expect them never to be sent to a learner."""
    auctions.returns = returns
    with pytest.raises(GameFault, match="beyond the reward bound"):
        finish(GameServer(auctions).begin(Table(seed=1, asked=BOTH)), "1", "2")


def test_actions_must_be_a_vocabulary(auctions: _Auctions) -> None:
    """Expect a refusal before the first game."""
    auctions.spec = EnvironmentSpec("auction", "1", (2,), Features(3))
    with pytest.raises(UnknownEnvironment, match="'auction' cannot be served"):
        GameServer(auctions)
