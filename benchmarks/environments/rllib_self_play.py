"""The peer of ``environments/speed.py``; runs in the environment of ``make benchmarks-setup``.

RLlib's PPO learns Connect Four from self-play: the same game (our class, in its process), one
policy for both seats, a network of our width and depth, and our batches, epochs and minibatches.
Where RLlib leaves a choice to its user the faster one is taken: everything in one process (no data
go through its object store), many games at once for each forward pass, no penalty on the
divergence, no evaluation, illegal actions masked by what follows the observation.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, process_seconds, serve

os.environ["RAY_DEDUP_LOGS"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
for _member in ("environments", "contracts", "protocol"):
    sys.path.insert(0, str(ROOT / _member / "src"))

# ruff: noqa: E402 - ours is found by the path above
import gymnasium
import numpy as np
import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.apis import ValueFunctionAPI
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.core.rl_module.torch import TorchRLModule
from ray.rllib.env.multi_agent_env import MultiAgentEnv
from torch import nn
from trainingrun_environments.connect_four.game import COLUMNS, SHAPE, ConnectFour

CELLS = int(np.prod(SHAPE))
POLICY = "policy"
AGENTS = ("first", "second")
MASKED = -1e9


class Games(MultiAgentEnv):  # type: ignore[misc]
    """Connect Four for RLlib: what a player sees, then 0 for a legal column and very low else."""

    def __init__(self, _config: Any = None) -> None:
        super().__init__()
        self.agents = self.possible_agents = list(AGENTS)
        box = gymnasium.spaces.Box(MASKED, 1.0, (CELLS + COLUMNS,), np.float32)
        self.observation_spaces = dict.fromkeys(AGENTS, box)
        self.action_spaces = dict.fromkeys(AGENTS, gymnasium.spaces.Discrete(COLUMNS))
        self._game = ConnectFour()

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:  # noqa: ARG002 (RLlib's names)
        """Begin a game."""
        self._game = ConnectFour()
        return self._seen(), {}

    def step(self, actions: Any) -> Any:
        """Play the action of the player whose turn it is."""
        game = self._game
        (action,) = actions.values()
        game.apply(int(action))
        if not game.is_terminal:
            return self._seen(), {}, {"__all__": False}, {"__all__": False}, {}
        last = {agent: self._observation(player) for player, agent in enumerate(AGENTS)}
        rewards = dict(zip(AGENTS, game.returns, strict=True))
        return last, rewards, {"__all__": True}, {"__all__": False}, {}

    def _seen(self) -> dict[str, Any]:
        player = self._game.current_player
        return {AGENTS[player]: self._observation(player)}

    def _observation(self, player: int) -> Any:
        found = np.full(CELLS + COLUMNS, MASKED, np.float32)
        found[:CELLS] = self._game.observation(player).ravel()
        found[CELLS:][list(self._game.legal_actions())] = 0.0
        return found


class Network(TorchRLModule, ValueFunctionAPI):  # type: ignore[misc]
    """Layers that policy and value share, as ours."""

    def setup(self) -> None:
        """Make the layers."""
        width, layers = self.model_config["width"], []
        for number in range(self.model_config["layers"]):
            layers += [nn.Linear(width if number else CELLS, width), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.policy = nn.Linear(width, COLUMNS)
        self.value = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1))

    def _forward(self, batch: Any, **_: Any) -> Any:
        cells, mask = batch["obs"].split([CELLS, COLUMNS], -1)
        return {"action_dist_inputs": self.policy(self.trunk(cells)) + mask}

    def compute_values(self, batch: Any, embeddings: Any = None) -> Any:  # noqa: ARG002 (RLlib's)
        """Values of observations."""
        return self.value(self.trunk(batch["obs"][..., :CELLS])).squeeze(-1)


def algorithm(*, games: int, batch: int, minibatches: int, epochs: int, network: Any) -> Any:
    """RLlib's PPO for these sizes."""
    spec = RLModuleSpec(module_class=Network, model_config=network)
    config = (
        PPOConfig()
        .environment(Games)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=games)
        .multi_agent(policies={POLICY}, policy_mapping_fn=lambda *_, **__: POLICY)
        .training(
            train_batch_size_per_learner=batch,
            minibatch_size=batch // minibatches,
            num_epochs=epochs,
            lr=3e-4,
            gamma=1.0,
            lambda_=0.95,
            use_kl_loss=False,
            clip_param=0.2,
            entropy_coeff=0.01,
            vf_loss_coeff=0.5,
            vf_clip_param=float("inf"),
            grad_clip=0.5,
            grad_clip_by="global_norm",
        )
        .rl_module(rl_module_spec=MultiRLModuleSpec(rl_module_specs={POLICY: spec}))
        .learners(num_learners=0)
        .reporting(min_time_s_per_iteration=0)
    )
    return config.build_algo()


def descendants(pid: int) -> list[int]:
    """All processes below one: Ray's own."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def below(pid: int) -> float:
    """Processor seconds of what runs below a process."""
    total = 0.0
    for child in descendants(pid):
        try:
            total += process_seconds(child)
        except OSError:
            continue  # it has ended
    return total


def main() -> None:
    """Serve turns: so many training steps each, by the numbers on the command line."""
    games, batch, minibatches, epochs, width, layers, turns = map(int, sys.argv[1:])
    torch.set_num_threads(1)
    torch.distributions.Distribution.set_default_validate_args(False)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    trainer = algorithm(
        games=games,
        batch=batch,
        minibatches=minibatches,
        epochs=epochs,
        network={"width": width, "layers": layers},
    )

    def work() -> dict[str, float]:
        others, steps = below(os.getpid()), 0.0
        for _ in range(turns):
            found = trainer.train()
            steps += float(found["env_runners"]["num_env_steps_sampled"])
        return {"steps": steps, "others": below(os.getpid()) - others}

    serve(lambda: None, work)


if __name__ == "__main__":
    main()
