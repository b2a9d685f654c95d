"""torchrl's side of ``learner/losses.py``; runs in the environment of the peers.

Arguments: the problem's seed, and the file (.npz) to write what was found to.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.modules import MaskedCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value.functional import (
    generalized_advantage_estimate,
    vtrace_advantage_estimate,
)

from benchmarks.learner import losses_problem as given


def column(problem: given.Arrays, name: str) -> torch.Tensor:
    """An array of steps, with the last dimension of one that torchrl asks for."""
    return torch.from_numpy(problem[name])[..., None]


def targets(problem: given.Arrays) -> given.Arrays:
    """V-trace and GAE, of segments that end or are cut off at their last step."""
    following = torch.from_numpy(given.following_values(problem))[..., None]
    done = torch.zeros(following.shape, dtype=torch.bool)
    done[:, -1] = True
    same: dict[str, Any] = {
        "state_value": column(problem, "values"),
        "next_state_value": following,
        "reward": column(problem, "rewards"),
        "done": done,
        "terminated": column(problem, "terminated"),
    }
    of_vtrace = vtrace_advantage_estimate(
        given.GAMMA, column(problem, "log_pi"), column(problem, "log_mu"), **same
    )
    of_gae = generalized_advantage_estimate(given.GAMMA, given.DECAY, **same)
    found = {
        "vtrace_advantages": of_vtrace[0],
        "vtrace_targets": of_vtrace[1],
        "gae_advantages": of_gae[0],
        "gae_targets": of_gae[1],
    }
    return {name: each.squeeze(-1).numpy() for name, each in found.items()}


def linear(weights: Any) -> nn.Linear:
    """A layer of given weights, in double precision."""
    layer = nn.Linear(weights.shape[1], weights.shape[0], bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights))
    return layer


def losses(problem: given.Arrays, *, decoupled: bool) -> given.Arrays:
    """The clipped loss and its gradients; decoupled, with a proximal policy that did not act."""
    policy = linear(problem["proximal_weights"])
    actor = ProbabilisticActor(
        TensorDictModule(policy, in_keys=["observation"], out_keys=["logits"]),
        in_keys={"logits": "logits", "mask": "mask"},
        distribution_class=MaskedCategorical,
        return_log_prob=True,
    )
    critic = ValueOperator(linear(problem["value_weights"]), in_keys=["observation"])
    module = ClipPPOLoss(
        actor,
        critic,
        clip_epsilon=given.CLIP,
        entropy_coeff=given.ENTROPY,
        critic_coeff=given.VALUE_WEIGHT / 2,
        loss_critic_type="l2",
        normalize_advantage=False,
        delay_actor=decoupled,
    )
    steps = TensorDict(
        {
            "observation": torch.from_numpy(problem["observations"]),
            "mask": torch.from_numpy(problem["masks"]),
            "action": torch.from_numpy(problem["actions"]),
            "advantage": column(problem, "advantages"),
            "value_target": column(problem, "targets"),
        },
        [given.SEGMENTS, given.STEPS],
    ).reshape(-1)
    with torch.no_grad():
        before = actor.get_dist(steps).log_prob(steps["action"])
        shift = torch.from_numpy(problem["behaviour_shift"]).reshape(-1)
        steps["action_log_prob"] = before + (shift if decoupled else 0.0)
        weights = dict(module.named_parameters())
        of_actor = next(each for name, each in weights.items() if name.startswith("actor"))
        of_critic = next(each for name, each in weights.items() if name.startswith("critic"))
        of_actor.copy_(torch.from_numpy(problem["current_weights"]))
    found = module(steps)
    total = found["loss_objective"] + found["loss_critic"] + found["loss_entropy"]
    total.backward()
    assert of_actor.grad is not None
    assert of_critic.grad is not None
    kind = "decoupled" if decoupled else "clipped"
    return {
        f"{kind}_policy": found["loss_objective"].detach().numpy(),
        f"{kind}_total": total.detach().numpy(),
        f"{kind}_policy_gradient": of_actor.grad.numpy(),
        f"{kind}_value_gradient": of_critic.grad.numpy(),
    }


def main() -> None:
    """Compute and write."""
    problem = given.make_problem(int(sys.argv[1]))
    torch.set_num_threads(1)
    found = {
        **targets(problem),
        **losses(problem, decoupled=False),
        **losses(problem, decoupled=True),
    }
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
