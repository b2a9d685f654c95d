"""What only a process that searches has: refused with a sentence, imported late."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from trainingrun_actor.board_policies import BoardPolicyLoader
from trainingrun_actor.policy_evaluator import PolicyEvaluator
from trainingrun_actor.search_extra import check_search, searching_opponents
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.environment_config import BuiltIn, Magic
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import ConfigError, EvaluationConfig, RunConfig
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.games import Game
from trainingrun_environments.registry import environment_of, games_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.players import request_of

from testkit.roles.actor_bed import config
from testkit.roles.board_weights import random_board_weights

GAMES = games_of(BuiltIn("connect_four"))
POINTER = Pointer(epoch=1, version=7, publish=3, sha256="0" * 64, at=0.0)
WITHOUT = """
import sys
sys.modules["{missing}"] = None
from trainingrun_actor.search_extra import require_search
try:
    require_search("the opponent mcts-10")
except Exception as error:
    print(type(error).__name__, error)
"""
WITHOUT_OPEN_SPIEL = """
import sys
sys.modules["pyspiel"] = None
from trainingrun_actor.search_extra import require_open_spiel
from trainingrun_environments.names import config_of
from trainingrun_environments.registry import games_of
from trainingrun_search.open_spiel_bot import OpenSpielBot
for act in (
    lambda: require_open_spiel("openspiel-mcts-10"),
    lambda: OpenSpielBot(games_of(config_of("tic_tac_toe")), simulations=10),
):
    try:
        act()
    except Exception as error:
        print(type(error).__name__, error)
"""
ROLES = """
import sys
import trainingrun_actor.__main__
print([name for name in ("numba", "trainingrun_search") if name in sys.modules])
"""


def run_of(opponent: str, **changes: object) -> RunConfig:
    """A run of Connect Four that is measured against this."""
    return config(
        environment=BuiltIn("connect_four"),
        evaluation=EvaluationConfig(opponents=(opponent,)),
        **changes,
    )


def ask(program: str) -> str:
    """What a fresh Python says."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("missing", ["numba", "trainingrun_search"])
def test_without_searches_it_is_said_what_to_install(missing: str) -> None:
    """Expect a mistake of the configuration that names the package and the extra."""
    said = ask(WITHOUT.format(missing=missing))
    assert said.startswith(f"ConfigError the opponent mcts-10 searches, and {missing} is not")
    assert "trainingrun-actor[search]" in said


def test_without_open_spiel_it_is_said_what_to_install() -> None:
    """Expect one sentence of a run's opponent, and one of the player itself."""
    first, second = ask(WITHOUT_OPEN_SPIEL).splitlines()
    assert first.startswith("ConfigError the opponent openspiel-mcts-10 is a player of OpenSpiel")
    assert second.startswith("UnknownEnvironment a player of OpenSpiel needs OpenSpiel")
    for each in (first, second):
        assert "pip install 'trainingrun-environments[open-spiel]'" in each


def test_roles_import_no_search() -> None:
    """Expect a process that has not begun a role to have neither numba nor the searches."""
    assert ask(ROLES) == "[]\n"


def test_who_searches_is_known_by_name() -> None:
    """Expect names of the form alone."""
    names = ("random", "mcts-10", "mcts-", "openspiel-mcts-10", "openspiel-", "past")
    assert searching_opponents(names) == ("mcts-10", "openspiel-mcts-10")


@pytest.mark.parametrize(
    ("run", "is_magic"),
    [
        (run_of("mcts-10"), True),
        (run_of("random", alpha_zero=AlphaZeroConfig()), True),
        (run_of("mcts-100001"), False),
        (run_of("openspiel-mcts-100001"), False),
        (run_of("openspiel-mcts-10"), True),
    ],
)
def test_what_cannot_be_searched_is_refused(run: RunConfig, *, is_magic: bool) -> None:
    """Expect games without clones, and too many simulations, to be mistakes."""
    environment = environment_of(Magic() if is_magic else BuiltIn("connect_four"))
    with pytest.raises(ConfigError, match="search"):
        check_search(run, environment)
    for name in ("mcts-10", "openspiel-mcts-10"):
        check_search(run_of(name), environment_of(BuiltIn("connect_four")))


@pytest.mark.parametrize("network", [Network("mlp", 32, 1), Network("resnet", 32, 1)])
def test_a_policy_says_what_its_network_says(network: Network) -> None:
    """Expect the priors and values of the network itself, by way of rows of legal actions."""
    blob = random_board_weights(network, GAMES.spec, version=7)
    found = PolicyEvaluator(BoardPolicyLoader(GAMES.spec).load(blob, POINTER))
    own = BoardPolicy.from_bytes(blob, GAMES.spec, generation=3)
    for columns in ((), (3, 3, 3, 3, 3, 3), (0, 1, 2, 3)):
        request = request_of(GAMES, after(columns))
        answer, expected = found.evaluate(request), own.evaluate(request)
        np.testing.assert_allclose(answer.priors, expected.priors, atol=1e-6)
        np.testing.assert_allclose(answer.values, expected.values, atol=1e-6)
        assert answer.generation == expected.generation == 3
        assert (answer.priors[~request.legal] == 0).all()


def test_weights_of_another_game_are_refused() -> None:
    """Expect the loader's own error, which keeps the weights before."""
    other = games_of(BuiltIn("tic_tac_toe")).spec
    blob = random_board_weights(Network("mlp", 32, 1), other)
    with pytest.raises(WeightsError):
        BoardPolicyLoader(GAMES.spec).load(blob, POINTER)


def after(columns: tuple[int, ...]) -> Game:
    """Connect Four after stones into these columns."""
    game = GAMES.new(0)
    for column in columns:
        game.apply(column)
    return game
