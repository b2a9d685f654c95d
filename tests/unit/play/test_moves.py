"""A person's words as moves: what is clear, what is not, and that the sentences name moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_actor_commands.play.moves import (
    UnclearMove,
    described_moves,
    listed,
    move_of,
)
from trainingrun_actor_commands.play.table import Table
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_environments.registry import games_of

BOARD_GAMES = ("breakthrough", "connect_four", "go", "hex", "othello", "quoridor", "tic_tac_toe")


@pytest.mark.parametrize("name", BOARD_GAMES)
def test_every_move_can_be_written(name: str) -> None:
    """Expect each move's own description to mean it, whatever the others are."""
    games = games_of(BuiltIn(name))
    moves = described_moves(games, games.new(0))
    assert len(set(moves.values())) == len(moves) > 1
    for action, description in moves.items():
        assert move_of(description, moves) == action
        assert move_of(description.upper(), moves) == action


@pytest.mark.parametrize(
    ("name", "text", "description"),
    [
        ("connect_four", "4", "drop into column 4"),
        ("connect_four", " column 4 ", "drop into column 4"),
        ("tic_tac_toe", "1 3", "mark row 1, column 3"),
        ("breakthrough", "a2 a3", "a2 to a3"),
        ("go", "e5", "place on e5"),
        ("go", "pass", "pass"),
        ("quoridor", "vertical e4", "vertical wall at e4"),
    ],
)
def test_a_few_words_are_enough(name: str, text: str, description: str) -> None:
    """Expect the one move that has these words in this order."""
    games = games_of(BuiltIn(name))
    moves = described_moves(games, games.new(0))
    assert moves[move_of(text, moves)] == description


def test_words_that_fit_several_moves_name_them() -> None:
    """Expect the candidates, and no guess."""
    games = games_of(BuiltIn("tic_tac_toe"))
    with pytest.raises(UnclearMove, match=r"'3' may be mark row 1, column 3, .*: write more"):
        move_of("3", described_moves(games, games.new(0)))


@given(st.text(max_size=300))
def test_nonsense_is_a_sentence_or_a_move(text: str) -> None:
    """Expect a legal move, or one bounded sentence."""
    games = games_of(BuiltIn("connect_four"))
    moves = described_moves(games, games.new(0))
    said = ""
    try:
        assert move_of(text, moves) in moves
    except UnclearMove as error:
        said = str(error)
    assert len(said) < 1500


def test_many_moves_are_counted() -> None:
    """Expect a few of them, and how many more there are."""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], last="or") == "a, b or c"
    assert listed(map(str, range(82))) == "0, 1, 2, 3, 4, 5 and 76 more"


def test_moves_are_taken_back_to_the_persons_own_last_one() -> None:
    """Expect the answer to go with it, and nothing where the person has not moved."""
    table = Table(games_of(BuiltIn("tic_tac_toe")), seed=1)
    for action in (0, 1, 2):
        table.play(action)
    assert table.undo(1) == 2
    assert table.actions == [0]
    assert table.game.current_player == 1
    assert table.undo(1) == 0
    assert table.undo(0) == 1
    assert table.actions == []
    assert table.undo(0) == 0
