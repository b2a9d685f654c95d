"""Searches in lock step: what they find, how they end, and that slots do not touch one another."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn, OpenSpiel
from trainingrun_environments.connect_four.game import ConnectFour
from trainingrun_environments.games import Games
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import (
    Answer,
    EvaluationError,
    Request,
    Table,
    Uniform,
)
from trainingrun_search.lockstep import Lockstep
from trainingrun_search.roots import Root, draw, without_worse
from trainingrun_search.schedule import visits_schedule
from trainingrun_search.settings import Method, SearchSettings

PUCT = SearchSettings(simulations=200, method=Method.PUCT, noise_share=0.0)
GAMES = games_of(BuiltIn("connect_four"))


def after(columns: str) -> ConnectFour:
    """The game after stones into these columns (1 to 7)."""
    game = ConnectFour()
    for column in columns:
        game.apply(int(column) - 1)
    return game


def searched(game: ConnectFour, settings: SearchSettings = PUCT, seed: int = 0) -> Root:
    """What a search that knows nothing finds."""
    search = Lockstep(GAMES, Uniform(), settings, slots=1)
    search.place(0, game, np.random.default_rng(seed))
    while not search.done():
        search.round()
    return search.root(0)


@pytest.mark.parametrize("method", Method)
def test_a_win_is_found_and_proven(method: Method) -> None:
    """Expect the winning column, a certain value, and a policy that has it alone."""
    root = searched(after("112233"), SearchSettings(simulations=60, method=method))
    assert (root.value, root.is_certain) == (1.0, True)
    assert int(root.actions[root.best]) == 3
    assert root.policy[root.best] == 1.0


@pytest.mark.parametrize("method", Method)
def test_a_threat_is_met(method: Method) -> None:
    """Expect the one column that does not lose at once; the others are proven to lose."""
    root = searched(after("41424"), SearchSettings(simulations=150, method=method))
    assert int(root.actions[root.best]) == 3
    assert root.policy[root.best] > 0.99


def test_what_loses_for_certain_is_not_learnt() -> None:
    """Expect no share for actions that lose, though they were visited."""
    root = searched(after("41424"))
    lost = root.certain == -1.0
    assert lost.sum() == 6
    assert (root.visits[lost] > 0).all()
    assert (root.policy[lost] == 0).all()


@pytest.mark.parametrize("method", Method)
def test_a_lost_position_is_proven_and_still_has_a_policy(method: Method) -> None:
    """Expect a certain loss against three in the middle, and shares over actions that all lose."""
    root = searched(after("41513"), SearchSettings(simulations=1000, method=method))
    assert (root.value, root.is_certain) == (-1.0, True)
    assert root.policy.sum() == pytest.approx(1.0)


def test_simulations_are_as_many_as_asked_for() -> None:
    """Expect the root's actions to have all visits, whatever the number of leaves at once."""
    for leaves in (1, 4, 16):
        settings = SearchSettings(simulations=100, leaves=leaves, method=Method.PUCT)
        assert searched(after(""), settings).visits.sum() == 100


def test_a_kept_tree_counts() -> None:
    """Expect the visits below the move to be kept, and only the others to be made."""
    search = Lockstep(GAMES, Table(actions=7), PUCT, slots=1)
    search.place(0, after(""), np.random.default_rng(0))
    while not search.done():
        search.round()
    root = search.root(0)
    kept = int(root.visits[root.best]) - 1
    assert search.play(0, int(root.actions[root.best]))
    assert search.root(0).visits.sum() == kept > 0
    while not search.done():
        search.round()
    assert search.root(0).visits.sum() == PUCT.simulations
    assert search.simulations(0) == PUCT.simulations - kept


def test_slots_do_not_touch_one_another() -> None:
    """Expect eight games at once to find what each finds alone, proofs and kept trees included."""
    games = ["", "4", "44", "112233", "41424", "434", "1234567", "777"]
    table, seeds = Table(actions=7), range(len(games))
    together = Lockstep(GAMES, table, PUCT, slots=len(games))
    for slot, columns in enumerate(games):
        together.place(slot, after(columns), np.random.default_rng(slot))
    while len(together.done()) < len(games):
        together.round()
    for slot, columns in zip(seeds, games, strict=True):
        alone = Lockstep(GAMES, table, PUCT, slots=1)
        alone.place(0, after(columns), np.random.default_rng(slot))
        while not alone.done():
            alone.round()
        assert same(together.root(slot), alone.root(0))


def same(first: Root, second: Root) -> bool:
    """Whether two roots are equal."""
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=name != "visits")
        for name in ("visits", "values", "priors", "policy")
    )


def test_compiled_rules_and_the_class_find_the_same() -> None:
    """Expect equal roots with the game's own class in the place of its compiled rules."""
    found = []
    for is_compiled in (True, False):
        search = Lockstep(GAMES, Table(actions=7), PUCT, slots=1, compiled_rules=is_compiled)
        search.place(0, after("4453"), np.random.default_rng(0))
        while not search.done():
            search.round()
        found.append(search.root(0))
    assert same(*found)


def test_a_library_s_games_of_the_same_name_are_played_by_their_own_rules() -> None:
    """Expect OpenSpiel's connect_four to be searched, too."""
    games: Games = games_of(OpenSpiel("connect_four"))
    search = Lockstep(games, Uniform(), PUCT, slots=1)
    search.place(0, games.new(0), np.random.default_rng(0))
    while not search.done():
        search.round()
    assert search.root(0).visits.sum() == PUCT.simulations


def test_a_game_that_cannot_be_cloned_is_refused() -> None:
    """Expect a sentence with what to do."""

    class Fixed:
        spec = msgspec.structs.replace(GAMES.spec, is_forkable=False)
        new, describe = GAMES.new, GAMES.describe

    with pytest.raises(ValueError, match=r"cannot be searched: its games cannot be cloned"):
        Lockstep(Fixed(), Uniform(), PUCT, slots=1)


def test_a_game_that_is_over_is_refused() -> None:
    """Expect a sentence: there is nothing to search."""
    search = Lockstep(GAMES, Uniform(), PUCT, slots=1)
    with pytest.raises(ValueError, match="the game is over"):
        search.place(0, after("1122334"), np.random.default_rng(0))


class Wrong:
    """An evaluator that answers one number wrongly."""

    def __init__(self, value: float, rows: int = 0) -> None:
        self.value, self.rows = value, rows

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        rows = len(request.legal) + self.rows
        values = np.full(rows, self.value, np.float32)
        return Answer(np.ones((rows, 7), np.float32), values, 3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Wrong(np.nan), "not finite"),
        (Wrong(np.inf), "not finite"),
        (Wrong(0.0, 1), "2 values to 1"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(wrong: Wrong, words: str) -> None:
    """Expect an error that names what is wrong, before anything comes into a tree."""
    search = Lockstep(GAMES, wrong, PUCT, slots=1)
    search.place(0, after(""), np.random.default_rng(0))
    with pytest.raises(EvaluationError, match=words):
        search.round()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"simulations": 0}, "simulations is 0"),
        ({"leaves": 100}, "leaves is 100"),
        ({"method": Method.GUMBEL, "leaves": 4}, "leaves is 4 with Gumbel"),
        ({"noise_share": 2.0}, "noise_share is 2.0"),
        ({"considered": 0}, "considered is 0"),
    ],
)
def test_settings_out_of_range_are_refused(fault: dict[str, object], words: str) -> None:
    """Expect a sentence that names the field and its range."""
    with pytest.raises(ValueError, match=words):
        SearchSettings(**fault)  # type: ignore[arg-type]


def test_more_nodes_than_can_be_numbered_are_refused() -> None:
    """Expect a sentence, and no memory to be taken."""
    games = games_of(BuiltIn("hex"))
    with pytest.raises(ValueError, match="search fewer games at once"):
        Lockstep(games, Uniform(), SearchSettings(simulations=100_000), slots=1024)


@pytest.mark.parametrize(
    ("considered", "simulations"), [(1, 5), (2, 9), (7, 50), (16, 50), (16, 8)]
)
def test_the_schedule_halves_what_is_considered(considered: int, simulations: int) -> None:
    """Expect each simulation to find an action with as many visits as it looks for, and at most
    half of the actions with the most visits in the end.
    """
    visits = [0] * considered
    for wanted in visits_schedule(considered, simulations):
        visits[visits.index(wanted)] += 1
    assert sum(visits) == simulations
    if simulations > 2 * considered > 4:
        assert visits.count(max(visits)) <= considered // 2


def test_moves_are_drawn_by_temperature() -> None:
    """Expect the largest share at 0, shares at 1, and more of the largest in between."""
    policy = np.array([0.2, 0.5, 0.3])
    random = np.random.default_rng(0)
    assert {draw(policy, 0.0, random) for _ in range(20)} == {1}
    for temperature, expected in ((1.0, 0.5), (0.5, 0.25 / 0.38)):
        drawn = [draw(policy, temperature, random) for _ in range(4000)]
        assert drawn.count(1) / 4000 == pytest.approx(expected, abs=0.04)


def test_shares_without_any_visit_are_even() -> None:
    """Expect the actions that are not certainly worse to share where none of them was visited."""
    certain = np.array([-1.0, np.nan, np.nan])
    shares = without_worse(np.array([5.0, 0.0, 0.0]), certain, value=0.0, is_certain=False)
    assert shares.tolist() == [0.0, 0.5, 0.5]
