"""Whether our V-trace, advantages and clipped loss are torchrl's, to 1e-6 in double precision.

No speed is measured. Both sides get the same numbers; torchrl computes in the environment of
``make benchmarks-setup``, because the product does not depend on it.

What is compared, and where the two differ by definition:

- V-trace targets with a trace decay of 1 (torchrl has no other). Its advantages carry the clipped
  importance weight of their own step; ours leave it to the loss, so it is multiplied in here.
- Advantages and targets on data of the current policy, against GAE.
- The clipped loss with entropy and value loss, and its gradients by the weights of a linear policy
  and a linear value; once where the proximal policy acted, once where another did (decoupled).
  Ratios stay below the bound for bad actions, and importance weights below theirs, which torchrl
  has not or cuts elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from trainingrun_trainer.losses.ppo import (
    Clips,
    Steps,
    TermWeights,
    packed_ppo_loss,
    step_terms,
)
from trainingrun_trainer.losses.vtrace import Targets, Trajectories, vtrace
from trainingrun_trainer.networks.packed import pack_rows, packed_log_softmax

from benchmarks import measuring
from benchmarks.learner import losses_problem as given
from benchmarks.measuring import ONE_THREAD, PEERS_PYTHON, ROOT, Goal, report, tell

SAME = 1e-6
SEEDS = 3


def main() -> int:
    """Compare, and print one JSON object."""
    measuring.parser(
        __doc__ or "",
        examples=[
            "make benchmarks-setup     # once: torchrl, in an environment of its own",
            ".venv/bin/python -m benchmarks.learner.losses",
        ],
    ).parse_args()
    differences: dict[str, float] = {}
    try:
        for seed in range(SEEDS):
            for name, value in compare(seed).items():
                differences[name] = max(differences.get(name, 0.0), value)
    except (OSError, subprocess.CalledProcessError) as error:
        tell(f"torchrl cannot be run ({error}): run `make benchmarks-setup` first")
        return 2
    goals = [Goal(name, value, most=SAME) for name, value in differences.items()]
    report("losses against torchrl", figures=differences, ratios={}, goals=goals)
    return 0 if all(goal.verdict == "met" for goal in goals) else 1


def compare(seed: int) -> dict[str, float]:
    """Largest absolute differences of a seed's problem."""
    problem = given.make_problem(seed)
    ours = {**our_targets(problem), **our_losses(problem, decoupled=False)}
    ours |= our_losses(problem, decoupled=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.npz"
        subprocess.run(
            [str(PEERS_PYTHON), "-m", "benchmarks.learner.losses_torchrl", str(seed), str(file)],
            check=True,
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD, "PYTHONWARNINGS": "ignore"},
        )
        with np.load(file) as theirs:
            if set(theirs) != set(ours):
                raise OSError(f"it gave {sorted(theirs)}")
            return {name: float(np.abs(theirs[name] - ours[name]).max()) for name in ours}


def our_targets(problem: given.Arrays) -> given.Arrays:
    """V-trace with decay 1, and on-policy advantages with the problem's decay."""
    ratios = np.exp(problem["log_pi"] - problem["log_mu"])
    off = trace(problem, torch.from_numpy(ratios).flatten(), decay=1.0)
    on = trace(problem, torch.ones(ratios.size, dtype=torch.float64), decay=given.DECAY)
    shape = ratios.shape
    return {
        "vtrace_advantages": np.minimum(ratios, 1.0) * off.advantages.numpy().reshape(shape),
        "vtrace_targets": off.values.numpy().reshape(shape),
        "gae_advantages": on.advantages.numpy().reshape(shape),
        "gae_targets": on.values.numpy().reshape(shape),
    }


def trace(problem: given.Arrays, ratios: Tensor, *, decay: float) -> Targets:
    """The product's targets; both caps are 1."""
    ends = np.where(problem["terminated"][:, -1], 0.0, problem["bootstraps"])
    return vtrace(
        Trajectories(
            values=torch.from_numpy(problem["values"]).flatten(),
            rewards=torch.from_numpy(problem["rewards"]).flatten(),
            ratios=ratios,
            lengths=torch.full((given.SEGMENTS,), given.STEPS),
            bootstraps=torch.from_numpy(ends),
        ),
        gamma=given.GAMMA,
        decay=decay,
        rho_cap=1.0,
        trace_cap=1.0,
    )


def our_losses(problem: given.Arrays, *, decoupled: bool) -> given.Arrays:
    """The product's loss and gradients, on packed legal actions."""
    masks = torch.from_numpy(problem["masks"]).reshape(-1, given.ACTIONS)
    observations = torch.from_numpy(problem["observations"]).reshape(-1, given.WIDTH)
    actions = torch.from_numpy(problem["actions"]).flatten()
    rows = pack_rows(masks.sum(1))
    before = (masks.cumsum(1) - 1).gather(1, actions[:, None]).squeeze(1)
    chosen = rows.starts + before
    proximal = torch.from_numpy(problem["proximal_weights"])
    current = torch.from_numpy(problem["current_weights"]).requires_grad_()
    critic = torch.from_numpy(problem["value_weights"]).requires_grad_()

    known = packed_log_softmax((observations @ proximal.T)[masks], rows)[chosen]
    shift = torch.from_numpy(problem["behaviour_shift"]).flatten() if decoupled else 0.0
    terms = step_terms(
        known,
        known + shift,
        torch.from_numpy(problem["advantages"]).flatten(),
        targets=torch.from_numpy(problem["targets"]).flatten(),
        has_choice=rows.counts > 1,
        clips=Clips(ratio=given.CLIP, dual=1e9),
    )
    total, told = packed_ppo_loss(
        (observations @ current.T)[masks],
        (observations @ critic.T).squeeze(-1),
        Steps(rows, chosen, terms),
        counts=torch.tensor([rows.steps, rows.steps]),
        weights=TermWeights(value=given.VALUE_WEIGHT, entropy=given.ENTROPY),
        clip=given.CLIP,
    )
    total.backward()  # type: ignore[no-untyped-call]
    assert current.grad is not None
    assert critic.grad is not None
    kind = "decoupled" if decoupled else "clipped"
    return {
        f"{kind}_policy": told[0].numpy(),
        f"{kind}_total": total.detach().numpy(),
        f"{kind}_policy_gradient": current.grad.numpy(),
        f"{kind}_value_gradient": critic.grad.numpy(),
    }


if __name__ == "__main__":
    sys.exit(main())
