"""The board games against OpenSpiel's rules, move for move, and their declared symmetries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_environments.games import Game, Games
from trainingrun_environments.registry import games_of
from trainingrun_environments.symmetries import Symmetry, symmetries_of

GAMES = 40
OPEN_SPIEL = {
    "breakthrough": "breakthrough",
    "connect_four": "connect_four",
    "go": "go(board_size=9)",
    "hex": "hex",
    "othello": "othello",
    "quoridor": "quoridor",
    "tic_tac_toe": "tic_tac_toe",
}


@cache
def games_named(name: str) -> Games:
    """The games of a built-in environment."""
    return games_of(BuiltIn(name))


def _breakthrough(game: Game, action: int) -> str:
    first, second = games_named("breakthrough").describe(game, action).split(" to ")
    # OpenSpiel's first player moves down from rows 8 and 7.
    return "".join(f"{each[0]}{9 - int(each[1])}" for each in (first, second))


def _quoridor(game: Game, action: int) -> str:
    words = games_named("quoridor").describe(game, action).split()
    return f"{words[3]}{words[0][0]}" if words[1] == "wall" else words[2]


def _go(game: Game, action: int) -> str:
    where = games_named("go").describe(game, action).removeprefix("place on ")
    return f"{'BW'[game.current_player]} {'PASS' if where == 'pass' else where}"


NAMES: Mapping[str, Callable[[Game, int], str]] = {
    "breakthrough": _breakthrough,
    "quoridor": _quoridor,
    "go": _go,
    "hex": lambda game, action: games_named("hex").describe(game, action).split()[-1],
    "othello": lambda game, action: games_named("othello").describe(game, action).split()[-1],
}
"""What OpenSpiel calls an action, where its number is another."""


def theirs_by_name(name: str, state: Any) -> dict[str, int]:
    """OpenSpiel's legal actions by what it calls them, without the mark of a capture."""
    player = state.current_player()
    found = {a: state.action_to_string(player, a) for a in state.legal_actions()}
    if name not in NAMES:
        return {str(action): action for action in found}
    return {text.rstrip("*"): action for action, text in found.items()}


def ours_by_name(name: str, game: Game) -> dict[str, int]:
    """Our legal actions by the same names."""
    call = NAMES.get(name, lambda _game, action: str(action))
    return {call(game, action): action for action in game.legal_actions()}


@pytest.mark.parametrize("name", OPEN_SPIEL)
def test_the_rules_are_those_of_openspiel(name: str) -> None:
    """Expect the same legal actions at every move of random games, the same end and result."""
    pyspiel = pytest.importorskip("pyspiel")
    rules, games = pyspiel.load_game(OPEN_SPIEL[name]), games_named(name)
    for seed in range(GAMES):
        random = Random(seed)
        game, state = games.new(0), rules.new_initial_state()
        while not state.is_terminal():
            assert not game.is_terminal
            ours, theirs = ours_by_name(name, game), theirs_by_name(name, state)
            assert sorted(ours) == sorted(theirs), game.render()
            assert game.current_player == state.current_player()
            chosen = random.choice(sorted(ours))
            game.apply(ours[chosen])
            state.apply_action(theirs[chosen])
        assert game.is_terminal
        assert list(game.returns) == state.returns()


def image(symmetry: Symmetry, seen: Any) -> Any:
    """An observation in a symmetry."""
    return seen.reshape(-1)[symmetry.observation].reshape(seen.shape)


@pytest.mark.parametrize("name", OPEN_SPIEL)
def test_the_image_of_a_game_is_a_game(name: str) -> None:
    """Expect a game that is played by the images of actions to show the images of what is seen."""
    games = games_named(name)
    for number, symmetry in enumerate(symmetries_of(games)):
        for seed in range(5):
            game, other, random = games.new(0), games.new(0), Random(f"{number} {seed}")
            while not game.is_terminal:
                legal = list(game.legal_actions())
                assert sorted(symmetry.actions[legal]) == list(other.legal_actions())
                for player in (0, 1):
                    seen = image(symmetry, game.observation(player))
                    np.testing.assert_array_equal(seen, other.observation(player))
                action = random.choice(legal)
                game.apply(action)
                other.apply(int(symmetry.actions[action]))
            assert other.returns == game.returns


@pytest.mark.parametrize("name", OPEN_SPIEL)
def test_the_first_symmetry_changes_nothing_and_all_differ(name: str) -> None:
    """Expect the identity first, and permutations."""
    found = symmetries_of(games_named(name))
    assert (found[0].observation == np.arange(len(found[0].observation))).all()
    assert (found[0].actions == np.arange(len(found[0].actions))).all()
    assert len({each.observation.tobytes() for each in found}) == len(found) > 1
    for each in found:
        assert sorted(each.observation) == list(range(len(each.observation)))
        assert sorted(each.actions) == list(range(len(each.actions)))


def test_a_game_that_declares_none_has_itself() -> None:
    """Expect the identity alone for games of a library."""

    class Plain:
        spec = games_named("hex").spec
        new = describe = None

    [only] = symmetries_of(Plain())  # type: ignore[arg-type]
    assert (only.actions == np.arange(121)).all()


@pytest.mark.parametrize("name", OPEN_SPIEL)
def test_an_illegal_action_is_refused(name: str) -> None:
    """Expect a sentence with what is legal, for numbers beyond the vocabulary too."""
    game = games_named(name).new(0)
    for action in (-1, 5000):
        with pytest.raises(ValueError, match="is not legal: legal are"):
            game.apply(action)


def counted(game: Game, depth: int) -> int:
    """Sequences of so many moves, ends before them included."""
    if depth == 0 or game.is_terminal:
        return 1
    total = 0
    for action in game.legal_actions():
        after = game.clone()
        after.apply(action)
        total += counted(after, depth - 1)
    return total


@pytest.mark.parametrize(
    ("name", "depth", "expected"),
    [
        ("othello", 5, 1396),  # published counts of Othello: 4, 12, 56, 244, 1396
        ("breakthrough", 3, 11132),
        ("connect_four", 5, 16807),
        ("tic_tac_toe", 5, 15120),
        ("quoridor", 1, 131),
        ("hex", 2, 14520),
    ],
)
def test_sequences_of_moves_are_as_many_as_known(name: str, depth: int, expected: int) -> None:
    """Expect the number of ways to play so many moves."""
    assert counted(games_named(name).new(0), depth) == expected
