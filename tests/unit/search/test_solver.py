"""The perfect player of Connect Four, and the positions that it has labelled."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from trainingrun_environments.connect_four.game import ConnectFour

from testkit.connect_four.labelled import (
    POSITIONS,
    STONES,
    agreement,
    label,
    labelled_positions,
)
from testkit.connect_four.solver import Solver

LATE = 30
"""With so many stones on the board plain search is quick."""


@pytest.fixture(scope="module")
def solver() -> Solver:
    """One solver, whose table all tests fill."""
    return Solver()


def after(columns: str) -> ConnectFour:
    """The game after stones into these columns."""
    game = ConnectFour()
    for column in columns:
        game.apply(int(column) - 1)
    return game


def plain_value(game: ConnectFour) -> float:
    """The result for who moves, by trying everything."""

    @cache
    def value(key: tuple[bytes, int]) -> float:
        current = games[key]
        if current.is_terminal:
            return current.returns[current.current_player]
        found = []
        for action in current.legal_actions():
            child = current.clone()
            child.apply(action)
            games[place := (child.observation(0).tobytes(), child.current_player)] = child
            found.append(-value(place))
        return max(found)

    begin = (game.observation(0).tobytes(), game.current_player)
    games = {begin: game}
    return value(begin)


def test_results_are_those_of_a_plain_search(solver: Solver) -> None:
    """Expect the same result in fifty late positions of random games."""
    random, compared = Random(3), 0
    while compared < 50:
        game, columns = ConnectFour(), ""
        for _ in range(random.randint(LATE, 38)):
            action = random.choice(game.legal_actions())
            game.apply(action)
            columns += str(action + 1)
            if game.is_terminal:
                break
        if game.is_terminal:
            continue
        score = solver.score(columns)
        assert (score > 0) - (score < 0) == plain_value(game)
        compared += 1


def test_a_score_says_how_soon_it_is_over(solver: Solver) -> None:
    """Expect a win with the fourth stone to be 18 left of 21, and a loss after it the same, below
    zero: the winner has 18 stones left, too.
    """
    assert solver.score("112233") == 18
    assert solver.score("41513") == -18


@pytest.mark.parametrize("columns", ["1111111", "11223344", "8", "x"])
def test_what_cannot_be_played_is_refused(columns: str, solver: Solver) -> None:
    """Expect a sentence for a full column, a game that is over, and a column that is none."""
    with pytest.raises(ValueError, match=r"is full|is over|is none of"):
        solver.score(columns)


def test_the_file_has_positions_that_matter() -> None:
    """Expect a thousand different ones, not over, each with a better and a worse move."""
    found = labelled_positions()
    assert len({each.columns for each in found}) == len(found) == POSITIONS
    for each in found:
        assert STONES[0] <= len(each.columns) <= STONES[1]
        game = each.game()
        assert not game.is_terminal
        full = [action for action in range(7) if each.marks[action] == "."]
        assert sorted({*range(7)} - set(full)) == list(game.legal_actions())
        assert 0 < len(each.best) < len(game.legal_actions())


def test_labels_are_the_solvers(solver: Solver) -> None:
    """Expect the marks of late positions to be found again."""
    late = [each for each in labelled_positions() if len(each.columns) >= 20][:100]
    assert [label(each.columns, solver) for each in late] == late


def test_the_solver_agrees_with_itself(solver: Solver) -> None:
    """Expect agreement of one for a player that asks it, and less for the leftmost column."""
    late = tuple(each for each in labelled_positions() if len(each.columns) >= 22)
    assert agreement(lambda game: min(_best(game, solver)), late[:50]) == 1.0
    assert agreement(lambda game: game.legal_actions()[0], late) < 0.7


def _best(game: ConnectFour, solver: Solver) -> set[int]:
    columns = next(
        each.columns
        for each in labelled_positions()
        if (each.game().observation(0) == game.observation(0)).all()
    )
    return {column - 1 for column in solver.best(columns)}
