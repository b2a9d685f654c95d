"""Our side of ``learner/speed.py``: the product's updater on a policy of the problem's shape.

All arithmetic is the trainer's: batch, V-trace, packed softmax, losses, optimiser. Only the network
is made here, because the problem's network (two hidden layers of 256 for the policy and two for the
value, fixed actions) is the peers' and not the product's.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import Tensor, nn
from trainingrun_contracts.run_config import LearnerConfig, PpoConfig
from trainingrun_trainer.batch import Batch
from trainingrun_trainer.networks.packed import PackedRows, pack_rows
from trainingrun_trainer.networks.policy import PolicyOutput
from trainingrun_trainer.update import PpoUpdater

from benchmarks.learner import problem
from benchmarks.measuring import serve

_NEVER = 1e9


def layers(outputs: int, gain: float) -> nn.Sequential:
    """Two hidden layers, and a last one that starts with weights of a given gain."""
    hidden = problem.HIDDEN
    made = nn.Sequential(
        nn.Linear(problem.OBSERVATION, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, outputs),
    )
    nn.init.orthogonal_(made[4].weight, gain=gain)
    return made


class MaskedPolicy(nn.Module):
    """A score per action of a fixed set; the packed rows name the legal ones."""

    def __init__(self) -> None:
        super().__init__()
        self.actor = layers(problem.ACTIONS, 0.01)
        self.critic = layers(1, 1.0)

    def forward(self, states: Tensor, actions: Tensor, rows: PackedRows) -> PolicyOutput:
        """Scores of the legal actions, whose numbers are the one column of ``actions``."""
        scores = self.actor(states).flatten()
        legal = rows.owner * problem.ACTIONS + actions[:, 0].long()
        return PolicyOutput(scores.gather(0, legal).float(), self.estimate(states))

    def estimate(self, states: Tensor) -> Tensor:
        """Values alone."""
        values: Tensor = self.critic(states).squeeze(-1).float()
        return values


def make_batch() -> Batch:
    """The rollouts as the trainer packs segments."""
    rollouts = problem.make_rollouts()
    masks = rollouts.masks.reshape(problem.SAMPLES, problem.ACTIONS)
    chosen = rollouts.actions.reshape(-1)
    rows = pack_rows(torch.from_numpy(masks.sum(-1)))
    before = masks.cumsum(-1)[np.arange(problem.SAMPLES), chosen] - 1
    legal = np.nonzero(masks)[1].astype(np.float16)[:, None]
    return Batch(
        states=torch.from_numpy(
            rollouts.observations.reshape(problem.SAMPLES, -1).astype(np.float16)
        ),
        actions=torch.from_numpy(legal),
        rows=rows,
        chosen=rows.starts + torch.from_numpy(before),
        behaviour=torch.from_numpy(rollouts.log_probs.reshape(-1)),
        rewards=torch.from_numpy(rollouts.rewards.reshape(-1)),
        lengths=torch.full((problem.SEGMENTS,), problem.STEPS),
        next_states=torch.zeros(problem.SEGMENTS, problem.OBSERVATION, dtype=torch.float16),
        continues=torch.zeros(problem.SEGMENTS, dtype=torch.bool),
    )


def make_updater(precision: str) -> PpoUpdater:
    """An updater that takes every step: no early stop."""
    ppo = PpoConfig(
        learning_rate=problem.RATE,
        epochs=problem.EPOCHS,
        minibatches=problem.SAMPLES // problem.MINIBATCH,
        clip=problem.CLIP,
        entropy=problem.ENTROPY,
        value_weight=problem.VALUE_WEIGHT,
        gamma=problem.GAMMA,
        trace_decay=problem.DECAY,
        max_gradient_norm=problem.GRADIENT_NORM,
        target_kl=_NEVER,
    )
    config = LearnerConfig(precision=precision, ppo=ppo)  # type: ignore[arg-type]
    policy: nn.Module = MaskedPolicy()
    return PpoUpdater(policy, config, seed=0, device=torch.device("cpu"))  # type: ignore[arg-type]


def main() -> None:
    """Serve updates in the precision that the first argument names."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch, updater = make_batch(), make_updater(sys.argv[1])

    def update() -> dict[str, float]:
        result = updater.update(batch)
        return {"steps": result.steps, "loss": result.losses["total"]}

    serve(lambda: None, update)


if __name__ == "__main__":
    main()
