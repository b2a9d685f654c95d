"""The rules of the game, and what every game for a training must keep to."""

from my_game.game import Game
from trainingrun_environments.python_object import games_of_class


def played(*actions: int) -> Game:
    """Return a game after these actions."""
    game = Game(seed=0)
    for action in actions:
        game.apply(action)
    return game


def test_a_training_can_play_it() -> None:
    """Plays a random game and checks shapes, numbers, actions, returns, clones and repeats."""
    assert games_of_class(Game).spec.observation == Game.observation_shape


def test_three_in_a_row_win() -> None:
    """The first player has the cells 0, 1 and 2."""
    game = played(0, 4, 1, 5, 2)
    assert game.is_terminal
    assert game.returns == (1.0, -1.0)


def test_a_diagonal_wins_too() -> None:
    """The second player has the cells 3, 6 and 9."""
    assert played(0, 3, 1, 6, 15, 9).returns == (-1.0, 1.0)


def test_a_row_does_not_continue_on_the_next_line() -> None:
    """The cells 2, 3 and 4 are neighbours by number alone."""
    assert not played(2, 8, 3, 10, 4).is_terminal


def test_an_occupied_cell_is_not_legal() -> None:
    """Fifteen cells are left after the first stone."""
    assert 7 not in played(7).legal_actions()


def test_each_player_sees_its_own_stones_first() -> None:
    """The same stone is in the first plane of one and in the second of the other."""
    game = played(5)
    assert game.observation(0)[0, 1, 1] == 1
    assert game.observation(1)[1, 1, 1] == 1
