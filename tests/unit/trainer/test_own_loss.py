"""A loss of a package's: what it is given, what becomes of its costs, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from trainingrun_contracts.own_parts import UnknownPart
from trainingrun_contracts.run_config import PpoConfig
from trainingrun_trainer.losses.own import FrozenTerms
from trainingrun_trainer.losses.ppo import Steps
from trainingrun_trainer.networks.packed import pack_rows
from trainingrun_trainer.objective import Objective, objective_of

from testkit.own_package import write_package

SOURCE = """
import torch


def same(steps):
    weights = (steps.proximal - steps.behaviour).exp().clamp(max=2.0)
    ratio = (steps.current - steps.proximal).exp()
    cut = ratio.clamp(1 - steps.clip, 1 + steps.clip)
    gain = torch.minimum(ratio * steps.advantages, cut * steps.advantages)
    least = steps.dual_clip * steps.advantages
    gain = torch.where(steps.advantages < 0, torch.maximum(gain, least), gain)
    return -weights * gain, 0.5 * (steps.values - steps.targets) ** 2


def one(steps):
    return -steps.current


def summed(steps):
    return -steps.current.sum(), steps.values.sum()


def deaf(steps):
    return torch.zeros_like(steps.advantages), torch.zeros_like(steps.advantages)


def endless(steps):
    return steps.current / 0.0, steps.values


def failing(steps):
    raise KeyError("reward")


def of_policy(steps):
    return -steps.current * steps.advantages, torch.zeros_like(steps.values)
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with losses that are right, and others that are not."""
    names = ("same", "one", "summed", "deaf", "endless", "failing", "of_policy")
    named = {name: f"own_losses_here:{name}" for name in names}
    write_package(tmp_path, {"trainingrun.losses": named}, {"own_losses_here": SOURCE})
    monkeypatch.syspath_prepend(tmp_path)


def result(objective: Objective, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Total, terms and both gradients of seven random steps."""
    drawn = torch.Generator().manual_seed(seed)
    counts = torch.tensor([3, 1, 4, 2, 2, 5, 1])
    rows = pack_rows(counts)
    frozen = FrozenTerms(*torch.randn(4, 7, generator=drawn).unbind())
    frozen = frozen._replace(proximal=-frozen.proximal.abs(), behaviour=-frozen.behaviour.abs())
    scores = torch.randn(len(rows.owner), generator=drawn).requires_grad_()
    values = torch.randn(7, generator=drawn).requires_grad_()
    steps = Steps(rows, rows.starts, objective.terms(frozen, counts > 1))
    total, told = objective.loss(scores, values, steps, counts=torch.tensor([5, 7]))
    total.backward()
    of_scores, of_values = (
        torch.zeros_like(each) if each.grad is None else each.grad for each in (scores, values)
    )
    return total.detach(), told, of_scores, of_values


@pytest.mark.parametrize("seed", range(5))
def test_ppo_written_by_a_user_is_ours(seed: int) -> None:
    """The same total, terms and gradients: nothing of what counts is withheld."""
    own, ours = (result(objective_of(PpoConfig(loss=name)), seed) for name in ("same", "ppo"))
    for here, there in zip(own, ours, strict=True):
        torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-5)


def test_a_loss_may_leave_the_values_alone() -> None:
    """It is the user's to say what costs."""
    objective = objective_of(PpoConfig(loss="of_policy"))
    assert not result(objective, 1)[3].any()
    assert result(objective, 1)[2].any()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent", "no loss is called 'absent': installed are ppo, deaf, endless, "),
        ("one", r"'one' \(own_losses_here:one\) gives no pair of costs for 3 steps"),
        ("summed", "gives no pair of costs for 3 steps: return what the policy and what the value"),
        ("deaf", "gives costs that depend on neither the policy nor the values"),
        ("endless", "a number or a gradient that is not finite"),
        ("failing", "failed at the learner's start: KeyError: 'reward'"),
    ],
)
def test_a_loss_that_is_of_no_use_is_refused(name: str, sentence: str) -> None:
    """At the learner's start, with what is wrong."""
    with pytest.raises(UnknownPart, match=sentence):
        objective_of(PpoConfig(loss=name))
