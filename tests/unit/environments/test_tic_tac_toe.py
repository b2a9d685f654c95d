"""Positions of tic-tac-toe whose value anybody can see, and the number of all its games."""

from __future__ import annotations

from collections import Counter

import pytest
from trainingrun_environments.tic_tac_toe.game import TicTacToe


def after(cells: str) -> TicTacToe:
    """The game after marks on these cells, 0 to 8 in reading order."""
    game = TicTacToe()
    for cell in cells:
        game.apply(int(cell))
    return game


@pytest.mark.parametrize(
    ("cells", "returns"),
    [
        ("03142", (1.0, -1.0)),
        ("01243", (0.0, 0.0)),
        ("01326", (1.0, -1.0)),
        ("01428", (1.0, -1.0)),
        ("20416", (1.0, -1.0)),
        ("031458", (0.0, 0.0)),
        ("031485", (-1.0, 1.0)),
    ],
)
def test_known_lines(cells: str, returns: tuple[float, float]) -> None:
    """Expect three in a line to end the game for who put the third mark."""
    game = after(cells)
    assert (game.returns, game.is_terminal) == (returns, returns != (0.0, 0.0))


def test_all_games_are_as_many_as_known() -> None:
    """Expect 255,168 games: 131,184 for the first player, 77,904 for the second, 46,080 draws."""
    ends: Counter[float] = Counter()

    def play_on(game: TicTacToe) -> None:
        for action in game.legal_actions():
            twin = game.clone()
            twin.apply(action)
            if twin.is_terminal:
                ends[twin.returns[0]] += 1
            else:
                play_on(twin)

    play_on(TicTacToe())
    assert ends == {1.0: 131_184, -1.0: 77_904, 0.0: 46_080}


def test_a_mark_is_not_put_on_a_mark() -> None:
    """Expect a refusal that says what is legal."""
    with pytest.raises(ValueError, match=r"4 is not legal: legal are \(0, 1, 2, 3, 5, 6, 7, 8\)"):
        after("44")


def test_it_looks_as_on_paper() -> None:
    """Expect rows from the top."""
    assert after("08").render() == "X..\n...\n..O"
