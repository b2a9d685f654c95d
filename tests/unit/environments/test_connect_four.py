"""Positions of Connect Four whose value anybody can see, and a plain second opinion on lines."""

from __future__ import annotations

from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from trainingrun_environments.connect_four.game import COLUMNS, ROWS, ConnectFour

Board = npt.NDArray[np.uint8]


def after(columns: str) -> ConnectFour:
    """The game after stones into these columns, by the numbers 1 to 7 of people."""
    game = ConnectFour()
    for column in columns:
        game.apply(int(column) - 1)
    return game


@pytest.mark.parametrize(
    ("columns", "returns"),
    [
        ("1122334", (1.0, -1.0)),  # along the row
        ("7766554", (1.0, -1.0)),  # along the row, at the other end
        ("4142434", (1.0, -1.0)),  # along the column
        ("12234334464", (1.0, -1.0)),  # rising
        ("76654554424", (1.0, -1.0)),  # falling
        ("112233", (0.0, 0.0)),  # three only
        ("71122334", (-1.0, 1.0)),  # the second player's row
    ],
)
def test_known_lines(columns: str, returns: tuple[float, float]) -> None:
    """Expect four in a line to end the game for who put the fourth stone."""
    game = after(columns)
    assert (game.returns, game.is_terminal) == (returns, returns != (0.0, 0.0))


def test_a_line_does_not_go_round_the_edge() -> None:
    """Expect stones at the right edge and the left edge of the next row to be no line."""
    game = after("6677" + "1" + "2")  # both have 6 and 7 of a row, then the left of the next row
    assert not game.is_terminal


def test_a_full_board_is_a_draw() -> None:
    """Expect no legal action and returns of zero after 42 stones without a line."""
    game = after("121212" + "212121" + "343434" + "434343" + "565656" + "656565" + "777777")
    assert game.is_terminal
    assert game.returns == (0.0, 0.0)
    assert game.legal_actions() == ()


def test_a_full_column_is_not_offered() -> None:
    """Expect six stones in a column to close it."""
    game = after("111111")
    assert game.legal_actions() == (1, 2, 3, 4, 5, 6)
    with pytest.raises(ValueError, match="0 is not legal: legal are"):
        game.apply(0)


def test_nothing_is_played_after_the_end() -> None:
    """Expect a refusal, and no action to choose."""
    game = after("1122334")
    assert game.legal_actions() == ()
    with pytest.raises(ValueError, match="is not legal"):
        game.apply(0)


def test_each_player_sees_its_own_stones_first() -> None:
    """Expect the lowest row at the bottom of the planes, and the planes swapped for the other."""
    game = after("44")
    mine, other = game.observation(0)
    assert (mine[ROWS - 1, 3], other[ROWS - 2, 3]) == (1, 1)
    assert (game.observation(1) == game.observation(0)[::-1]).all()


def test_it_looks_as_on_a_table() -> None:
    """Expect X at the bottom, O above it."""
    assert after("44").render().split("\n")[-3:] == ["...O...", "...X...", "1234567"]


def test_lines_are_those_of_a_plain_search() -> None:
    """Expect the bitboards to agree with four nested loops in a thousand random games."""
    for seed in range(1000):
        game, random = ConnectFour(), Random(seed)
        while not game.is_terminal:
            mover = game.current_player
            game.apply(random.choice(game.legal_actions()))
            has_line = _has_line(game.observation(mover)[0])
            assert has_line == (game.returns != (0.0, 0.0))


def _has_line(board: Board) -> bool:
    turned = np.rot90(board)
    diagonals = [np.diagonal(each, k) for each in (board, turned) for k in range(-ROWS, COLUMNS)]
    lines = [*board, *turned, *diagonals]
    return any("1111" in "".join(map(str, line)) for line in lines)
