"""PettingZoo's environments: masks, rewards, agents that are out, copies, and what is refused."""

import sys
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils import EzPickle
from pettingzoo import AECEnv
from trainingrun_contracts.environment_config import PettingZoo
from trainingrun_environments import petting_zoo
from trainingrun_environments.errors import GameFault, UnknownEnvironment


class Countdown(AECEnv, EzPickle):
    """Take 1 or 2 of ``left``; who takes the last one is rewarded. Each agent sees what is left."""

    metadata: ClassVar = {"name": "countdown_v0"}
    left_at_first = 7
    reward = 1.0
    most = 8.0
    players = ("first", "second")
    leaves_early = False

    def __init__(self):
        EzPickle.__init__(self)
        self.possible_agents = list(self.players)

    def observation_space(self, agent):
        """A number and a mask."""
        return spaces.Dict(
            {
                "observation": spaces.Box(0, self.most, (1,)),
                "action_mask": spaces.Box(0, 1, (2,), np.int8),
            }
        )

    def action_space(self, agent):
        """Take 1 or 2."""
        return spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        """Begin."""
        self.agents = list(self.possible_agents)
        self.left = self.left_at_first
        self.agent_selection = self.agents[0]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}

    def observe(self, agent):
        """What is left, to both."""
        return {
            "observation": np.array([self.left], np.float64),
            "action_mask": np.array([self.left >= 1, self.left >= 2], np.int8),
        }

    def step(self, action):
        """Take; an agent that is out steps with None."""
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        self._clear_rewards()
        self.left -= action + 1
        other = next(each for each in self.possible_agents if each != agent)
        self.agent_selection = other if other in self.agents else agent
        if self.left == 0:
            self.rewards = dict.fromkeys(self.agents, -self.reward) | {agent: self.reward}
            self.terminations = dict.fromkeys(self.agents, True)
        elif self.leaves_early and "second" in self.agents:
            self.terminations["second"] = True
            self.agent_selection = "first"
            self._deads_step_first()


@pytest.fixture
def played(monkeypatch):
    """Return the games of a class of environments, found as a module of the user's."""

    def games(**changes):
        module = ModuleType("countdown_v0")
        module.env = type("Changed", (Countdown,), changes)
        monkeypatch.setitem(sys.modules, "countdown_v0", module)
        return petting_zoo.games(PettingZoo("countdown_v0"))

    return games


def test_the_legal_actions_are_those_of_the_mask(played) -> None:
    """With one left, two cannot be taken."""
    game = played(left_at_first=1).new(0)
    assert game.legal_actions() == [0]


def test_rewards_of_all_moves_add_up(played) -> None:
    """The second player takes the last one."""
    game = played(left_at_first=3).new(0)
    game.apply(0)
    game.apply(1)
    assert (game.is_terminal, game.returns) == (True, (-1.0, 1.0))


def test_an_agent_that_is_out_is_not_asked_again(played) -> None:
    """The first plays on alone, to the end."""
    game = played(leaves_early=True, left_at_first=3).new(0)
    game.apply(0)
    assert game.current_player == 0
    game.apply(1)
    assert game.is_terminal


def test_rewards_beyond_the_bound_end_the_game_with_a_remedy(played) -> None:
    """Values would be scaled wrongly in silence otherwise."""
    game = played(left_at_first=1).new(0)
    sys.modules["countdown_v0"].env.reward = 3.0
    with pytest.raises(GameFault, match=r"declare metadata\['reward_bound'\]"):
        game.apply(0)


def test_a_fault_is_found_by_one_random_game(played) -> None:
    """A game ends, and its rewards have a bound."""
    with pytest.raises(UnknownEnvironment, match="did not end in 10000 moves"):
        played(step=lambda *_: None)
    with pytest.raises(UnknownEnvironment, match="its bound is 1"):
        played(reward=3.0)


def test_a_declared_bound_is_the_environments(played) -> None:
    """It stands in the metadata."""
    games = played(metadata={"name": "countdown_v0", "reward_bound": 3.0}, reward=3.0)
    assert games.spec.reward_bound == 3.0


def test_a_copy_keeps_the_state_where_pickle_would_not(played) -> None:
    """EzPickle makes a new environment of a copied one."""
    games = played()
    game = games.new(0)
    game.apply(1)
    clone = game.clone()
    clone.apply(1)
    assert games.spec.is_forkable
    assert (game.observation(0)[0], clone.observation(0)[0]) == (5, 3)


def test_an_environment_that_cannot_be_copied_is_not_forkable(played) -> None:
    """One that holds an open file plays, but is not searched."""
    assert not played(reset=_reset_with_a_file).spec.is_forkable


def _reset_with_a_file(self, seed=None, options=None) -> None:
    Countdown.reset(self)
    self.kept = sys.stderr


def test_spaces_that_go_beyond_the_bound_are_compressed(played) -> None:
    """999 becomes 1 + ln 999."""
    games = played(most=1000.0, left_at_first=999)
    assert 7 < games.new(0).observation(0)[0] < 8


def test_the_environments_own_wrappers_stay() -> None:
    """A square that is taken is not offered again."""
    game = petting_zoo.games(PettingZoo("classic.tictactoe_v3")).new(0)
    game.apply(4)
    assert 4 not in game.legal_actions()


REFUSED = {
    "no such environment": ("classic.connect_for_v3", "PettingZoo has none of that name"),
    "no such module": ("my_games.nim_v0", "no such module"),
    "a module without env": ("json", "no attribute 'env'"),
    "a package is missing": ("classic.chess_v6", "pip install 'pettingzoo[classic]'"),
    "no mask": ("classic.rps_v2", "must be a Dict with observation and action_mask"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_an_environment_that_cannot_be_had_is_refused_with_a_remedy(fault) -> None:
    """One sentence each."""
    name, expected = REFUSED[fault]
    with pytest.raises(UnknownEnvironment) as caught:
        petting_zoo.games(PettingZoo(name))
    assert expected in str(caught.value)


def test_three_agents_are_too_many(played) -> None:
    """Trainings are of games for two."""
    with pytest.raises(UnknownEnvironment, match="has 3 agents"):
        played(players=("a", "b", "c"))


def test_a_missing_library_names_its_extra(monkeypatch) -> None:
    """The sentence is the command to type."""
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(UnknownEnvironment, match=r"trainingrun-environments\[petting-zoo\]"):
        petting_zoo.games(PettingZoo("classic.tictactoe_v3"))
