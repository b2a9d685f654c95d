"""Self-play: records that can be trained on, and games that repeat."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_environments.games import Game
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import Answer, EvaluationError, Request, Table, Uniform
from trainingrun_search.players import LADDER, mcts_player, simulations_of
from trainingrun_search.positions import vocabulary_size
from trainingrun_search.records import GameRecord, Totals
from trainingrun_search.selfplay import SelfPlay, SelfPlaySettings, game_seed
from trainingrun_search.settings import Method, SearchSettings

GAMES = games_of(BuiltIn("connect_four"))
KINDS = {
    "puct": SearchSettings(simulations=24, method=Method.PUCT),
    "puct, four leaves": SearchSettings(simulations=24, method=Method.PUCT, leaves=4),
    "gumbel": SearchSettings(simulations=16),
}


def records(
    settings: SelfPlaySettings, count: int, *, environment: str = "connect_four", seed: int = 5
) -> dict[int, GameRecord]:
    """Games by their numbers."""
    games = games_of(BuiltIn(environment))
    table = Table(actions=vocabulary_size(games.spec))
    played = SelfPlay(games, table, settings, seed=seed).play(range(count))
    return {each.number: each for each in played}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("environment", ["connect_four", "tic_tac_toe", "othello"])
def test_a_record_is_a_game(environment: str, kind: str) -> None:
    """Expect its actions to be a game of the rules, with what was seen and legal at each move, a
    policy over legal actions alone, and the result as each mover's outcome.
    """
    games = games_of(BuiltIn(environment))
    settings = SelfPlaySettings(search=KINDS[kind], slots=3)
    for number, record in records(settings, 4, environment=environment).items():
        game = games.new(0)
        for move in range(record.moves):
            player = game.current_player
            assert record.players[move] == player
            np.testing.assert_array_equal(record.observations[move], game.observation(player))
            assert np.flatnonzero(record.legal[move]).tolist() == list(game.legal_actions())
            assert (record.policies[move][~record.legal[move]] == 0).all()
            game.apply(int(record.actions[move]))
        assert game.is_terminal
        assert not record.is_capped
        np.testing.assert_allclose(record.policies.sum(axis=1), 1.0, atol=1e-5)
        expected = [game.returns[player] for player in record.players]
        assert record.outcomes.tolist() == expected
        assert record.number == number
        assert np.abs(record.values).max() <= 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_games_do_not_depend_on_those_beside_them(kind: str) -> None:
    """Expect the same games with one slot and with many."""
    few = records(SelfPlaySettings(search=KINDS[kind], slots=1), 6)
    many = records(SelfPlaySettings(search=KINDS[kind], slots=8), 6)
    assert few.keys() == many.keys() == set(range(6))
    for number, record in few.items():
        assert record.actions.tolist() == many[number].actions.tolist()
        assert (record.policies == many[number].policies).all()


def test_another_seed_is_another_game() -> None:
    """Expect chance to come from the seed."""
    settings = SelfPlaySettings(search=KINDS["puct"])
    first, second = records(settings, 8), records(settings, 8, seed=6)
    assert any(first[n].actions.tolist() != second[n].actions.tolist() for n in range(8))


def test_a_capped_game_is_a_draw_and_is_counted() -> None:
    """Expect the cut at the most moves, outcomes of zero, and the share in the totals."""
    found = records(SelfPlaySettings(search=KINDS["puct"], most_moves=5), 3)
    totals = Totals()
    for record in found.values():
        assert (record.moves, record.is_capped) == (5, True)
        assert (record.outcomes == 0).all()
        totals = totals.plus(record)
    assert (totals.games, totals.capped_share, totals.moves) == (3, 1.0, 15)


def test_play_has_no_end_where_numbers_have_none() -> None:
    """Expect games as long as they are asked for."""
    play = SelfPlay(GAMES, Uniform(), SelfPlaySettings(search=KINDS["gumbel"], slots=2), seed=1)
    found = list(itertools.islice(play.play(itertools.count()), 5))
    assert len({each.number for each in found}) == 5


class Growing:
    """A table whose generation grows with each request."""

    def __init__(self) -> None:
        self.table, self.generation = Table(actions=7), 0

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        self.generation += 1
        answer = self.table.evaluate(request)
        return Answer(answer.priors, answer.values, self.generation)


@pytest.mark.parametrize("kind", ["puct", "gumbel"])
def test_a_move_names_the_oldest_weights_that_it_used(kind: str) -> None:
    """Expect generations that never fall; with kept trees those of the tree's beginning."""
    settings = SelfPlaySettings(search=KINDS[kind], slots=1)
    [record] = SelfPlay(GAMES, Growing(), settings, seed=2).play([0])
    assert (np.diff(record.generations) >= 0).all()
    assert record.generations[0] == 1
    if kind == "gumbel":  # each move has a tree of its own
        assert (np.diff(record.generations) > 0).all()


class Broken:
    """Answers numbers that are not finite."""

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        rows, actions = request.legal.shape
        return Answer(np.full((rows, actions), np.nan, np.float32), np.zeros(rows, np.float32), 9)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_break_cost_their_answers_alone(kind: str) -> None:
    """Expect games whose evaluator answered nonsense in their middle to be played to their end by
    another one, by the rules, with no trace of the one before.
    """
    settings = SelfPlaySettings(search=KINDS[kind], slots=3)
    play = SelfPlay(GAMES, Table(actions=7), settings, seed=5)
    found: list[GameRecord] = []
    for number in range(3):
        play.begin(number)
    for step in itertools.count():
        if not play.running:
            break
        if step % 50 == 20:
            play.use(Broken())
            with pytest.raises(EvaluationError):
                _step_on(play)
            play.use(Table(actions=7), search_again=True)
        found += play.step()
    assert len(found) == 3
    for record in found:
        game = GAMES.new(0)
        for move, action in enumerate(record.actions.tolist()):
            assert record.players[move] == game.current_player
            game.apply(action)
        assert game.is_terminal
        assert set(record.generations.tolist()) == {0}
        assert np.isfinite(record.policies).all()


def _step_on(play: SelfPlay) -> None:
    """Many rounds: those that end where results are certain ask nothing."""
    for _ in range(200):
        play.step()


def test_rounds_give_the_games_that_play_gives() -> None:
    """Expect equal games whether numbers come at once or one after the other."""
    settings = SelfPlaySettings(search=KINDS["gumbel"], slots=2)
    play, waiting = SelfPlay(GAMES, Table(actions=7), settings, seed=5), [3, 1, 0, 2]
    found: dict[int, GameRecord] = {}
    while waiting or play.running:
        if waiting and play.running < 2:
            play.begin(waiting.pop())
        found.update({each.number: each for each in play.step()})
    for number, record in records(settings, 4).items():
        assert record.actions.tolist() == found[number].actions.tolist()


def test_no_game_begins_without_a_slot() -> None:
    """Expect a sentence, and room again once games are given up."""
    play = SelfPlay(GAMES, Uniform(), SelfPlaySettings(search=KINDS["gumbel"], slots=1), seed=1)
    assert play.step() == []
    play.begin(1)
    with pytest.raises(ValueError, match="all 1 slots have games"):
        play.begin(2)
    play.give_up()
    play.begin(3)
    assert play.running == 1


def test_the_seed_of_a_game_can_be_asked() -> None:
    """Expect what the game was made with."""
    seeds: list[int] = []

    class Noted:
        spec = GAMES.spec
        describe = GAMES.describe

        def new(self, seed: int) -> Game:
            seeds.append(seed)
            return GAMES.new(seed)

    settings = SelfPlaySettings(search=KINDS["gumbel"], slots=1)
    play = SelfPlay(Noted(), Uniform(), settings, seed=11)
    seeds.clear()  # the rules look at a game, too
    play.begin(4)
    assert seeds == [game_seed(11, 4)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"slots": 0}, "slots is 0"),
        ({"most_moves": 0}, "most_moves is 0"),
        ({"temperature": -1.0}, "temperature is below 0"),
    ],
)
def test_settings_out_of_range_are_refused(fault: dict[str, object], words: str) -> None:
    """Expect a sentence that names the field and its range."""
    with pytest.raises(ValueError, match=words):
        SelfPlaySettings(**fault)  # type: ignore[arg-type]


def test_names_of_the_ladder() -> None:
    """Expect their simulations, and a sentence for other names."""
    assert [simulations_of(f"mcts-{each}") for each in LADDER] == list(LADDER)
    for name in ("mcts", "mcts-0", "mcts-x", "mcts-1000000", "random"):
        with pytest.raises(ValueError, match="write mcts-N"):
            simulations_of(name)


def test_more_simulations_play_better() -> None:
    """Expect mcts-200 to beat mcts-10 in most of ten games, each beginning five."""
    won = 0.0
    for number in range(10):
        players = [mcts_player(GAMES, simulations=n, seed=number) for n in (200, 10)]
        strong = number % 2
        game = GAMES.new(0)
        while not game.is_terminal:
            game.apply(players[game.current_player ^ strong].choose(game))
        won += (1 + game.returns[strong]) / 2
    assert won >= 7
