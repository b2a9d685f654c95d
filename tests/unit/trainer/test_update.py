"""Updates: packing, accumulation, guards, and the same result for the same input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np
import pytest
import torch
from trainingrun_contracts.environment_spec import FEATURE_BOUND
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import LearnerConfig, PpoConfig
from trainingrun_contracts.segment import LARGEST_NUMBER, Segment
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.batch import Batch, pack
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.update import PpoUpdater

CPU = torch.device("cpu")


def new_updater(config: LearnerConfig = LearnerConfig()) -> PpoUpdater:  # noqa: B008 - frozen
    """An updater with a fixed seed."""
    return PpoUpdater(new_policy(1, SPEC, config.network), config, seed=1, device=CPU)


@pytest.fixture
def batch(make_segment: Callable[..., Segment]) -> Batch:
    """128 steps of ended and truncated games."""
    return pack([make_segment(seq, terminated=seq % 2 == 0) for seq in range(8)])


def test_pack_keeps_every_number(make_segment: Callable[..., Segment]) -> None:
    """Expect the steps of all segments in order, and choices that point to the chosen rows."""
    segments = [make_segment(0, steps=3), make_segment(1, steps=5, terminated=False)]
    batch = pack(segments)
    assert batch.transitions == 8
    assert batch.lengths.tolist() == [3, 5]
    assert batch.continues.tolist() == [False, True]
    expected = np.concatenate([s.actions[s.offsets[:-1] + s.chosen] for s in segments])
    np.testing.assert_array_equal(batch.actions[batch.chosen], expected)
    np.testing.assert_array_equal(batch.next_states[0], 0)
    np.testing.assert_array_equal(batch.next_states[1], segments[1].bootstrap_state)


@pytest.mark.parametrize("network", [Network(), Network("transformer", 32, 1)])
@pytest.mark.parametrize("parts", [2, 5, 64])
def test_accumulation_equals_one_large_step(batch: Batch, parts: int, network: Network) -> None:
    """Expect the same weights, within 1e-6, from minibatches at once and in unequal parts, some of
    them without any choice: sums are divided by the whole's count, and clipped once."""
    results = []
    for accumulation in (1, parts):
        ppo = PpoConfig(epochs=1, minibatches=2, max_gradient_norm=0.01)
        config = LearnerConfig(gradient_accumulation=accumulation, ppo=ppo, network=network)
        updater = new_updater(config)
        losses = updater.update(batch).losses
        results.append((updater.policy.state_dict(), losses))
    (whole, whole_losses), (cut, cut_losses) = results
    for name, tensor in whole.items():
        torch.testing.assert_close(tensor, cut[name], atol=1e-6, rtol=0)
    assert cut_losses == pytest.approx(whole_losses, abs=1e-5)


def test_same_seed_same_bits(batch: Batch) -> None:
    """Expect two learners with the same seed and data to end with the same bits."""
    one, two = new_updater(), new_updater()
    assert one.update(batch) == two.update(batch)
    for name, tensor in one.policy.state_dict().items():
        assert torch.equal(tensor, two.policy.state_dict()[name])


def test_ended_games_do_not_bootstrap(batch: Batch) -> None:
    """Expect the value of the next state to change the targets of games that continue, only."""
    updater = new_updater()
    other = replace(batch, next_states=batch.next_states + 1)
    before, after = updater.freeze(batch)[0].targets, updater.freeze(other)[0].targets
    ends = torch.repeat_interleave(batch.continues, batch.lengths)
    assert torch.equal(before[~ends], after[~ends])
    assert not torch.equal(before[ends], after[ends])


def test_numbers_that_are_not_finite_are_never_stepped_on(batch: Batch) -> None:
    """Expect every step to be skipped and the weights to stay."""
    updater = new_updater()
    before = {name: tensor.clone() for name, tensor in updater.policy.state_dict().items()}
    result = updater.update(replace(batch, rewards=batch.rewards * torch.nan))
    assert (result.steps, result.skipped) == (0, 8)
    for name, tensor in updater.policy.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("network", [Network(), Network("transformer", 64, 2)])
def test_the_worst_segment_that_is_taken_skips_no_step(
    make_segment: Callable[..., Segment], network: Network
) -> None:
    """Expect one segment of 64 with every number at its bound, over many updates, to cost neither
    a step nor the weights: a poisoned segment is refused alone, and never a step for it."""
    worst = make_segment(63)
    signs = np.where(worst.states > 0, FEATURE_BOUND, -FEATURE_BOUND).astype(np.float16)
    acts = np.where(worst.actions > 0, FEATURE_BOUND, -FEATURE_BOUND).astype(np.float16)
    bound = np.full(worst.transitions, LARGEST_NUMBER, np.float32)
    worst = msgspec.structs.replace(
        worst, states=signs, actions=acts, log_probs=-bound, values=bound, rewards=-bound
    )
    updater = new_updater(LearnerConfig(network=network))
    batch = pack([*(make_segment(seq) for seq in range(63)), worst])
    for _ in range(6):
        result = updater.update(batch)
        assert (result.steps > 0, result.skipped) == (True, 0)
    assert all(torch.isfinite(each).all() for each in updater.policy.state_dict().values())


def test_kl_bound_stops_the_epochs(batch: Batch) -> None:
    """Expect an update to end early when the policy has moved too far."""
    ppo = PpoConfig(learning_rate=0.05, target_kl=1e-4, epochs=4)
    result = new_updater(LearnerConfig(ppo=ppo)).update(batch)
    assert result.stopped_early
    assert result.steps < 16


@pytest.mark.parametrize("network", [Network(), Network("transformer", 32, 1)])
def test_value_learns_the_outcome(batch: Batch, network: Network) -> None:
    """Expect the value loss to fall when the same batch is trained on again and again."""
    updater = new_updater(LearnerConfig(network=network, ppo=PpoConfig(learning_rate=3e-3)))
    losses = [updater.update(batch).losses["value"] for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]


def test_tiny_and_forced_batches_are_harmless(make_segment: Callable[..., Segment]) -> None:
    """Expect one lonely step, and a batch of forced moves, to train without a skipped step."""
    updater = new_updater()
    assert updater.update(pack([make_segment(0, steps=1)])).skipped == 0
    segment = make_segment(1, steps=4)
    forced = msgspec.structs.replace(
        segment,
        actions=segment.actions[:4],
        offsets=np.arange(5, dtype=np.int32),
        chosen=np.zeros(4, dtype=np.int32),
        log_probs=np.zeros(4, dtype=np.float32),
    )
    assert updater.update(pack([forced])).skipped == 0


@pytest.mark.parametrize("network", [Network(), Network("transformer", 32, 1)])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_stays_near_fp32(
    batch: Batch, precision: Literal["bf16", "fp16"], network: Network
) -> None:
    """Expect log-probabilities of the mixed forward pass to be near those of the full one, and the
    weights after an update, too; weights, moments and losses stay fp32."""
    full = new_updater(LearnerConfig(network=network))
    half = new_updater(LearnerConfig(precision=precision, network=network))
    exact, near = full.freeze(batch)[0], half.freeze(batch)[0]
    torch.testing.assert_close(exact.proximal, near.proximal, atol=0.02, rtol=0.02)
    assert near.proximal.dtype is torch.float32
    result = half.update(batch)
    assert (result.steps, result.skipped, result.rescaled) == (8, 0, 0)
    assert result.losses == pytest.approx(full.update(batch).losses, abs=0.05)
    for tensor in (*half.policy.state_dict().values(), *half.optimiser.tensors().values()):
        assert tensor.dtype is torch.float32


def test_overflowing_fp16_gradients_lower_the_scale(batch: Batch) -> None:
    """Expect steps with a scale that overflows to be taken back, not counted as bad data, and
    training to continue with a lower scale."""
    ppo = PpoConfig(value_weight=100.0, epochs=4)
    updater = new_updater(LearnerConfig(precision="fp16", ppo=ppo))
    before = {name: tensor.clone() for name, tensor in updater.policy.state_dict().items()}
    loud = replace(batch, states=batch.states * 500)
    result = updater.update(loud)
    assert result.rescaled > 0
    assert result.skipped == 0
    assert result.steps > 0
    for tensor in updater.policy.state_dict().values():
        assert bool(tensor.isfinite().all())
    assert not torch.equal(before["query.bias"], updater.policy.state_dict()["query.bias"])


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("field", ["rewards", "behaviour", "states", "actions", "next_states"])
def test_nothing_that_is_not_finite_reaches_the_weights(
    batch: Batch, precision: Literal["fp32", "bf16", "fp16"], field: str
) -> None:
    """Expect finite weights and moments whatever one number of a batch is, in every precision, and
    a good batch to train afterwards."""
    ppo = PpoConfig(epochs=1, minibatches=2)
    updater = new_updater(LearnerConfig(precision=precision, ppo=ppo))
    for poison in (torch.nan, torch.inf, -torch.inf):
        tensor = getattr(batch, field).clone()
        tensor.view(-1)[3] = poison
        updater.update(replace(batch, **{field: tensor}))
        for found in (*updater.policy.state_dict().values(), *updater.optimiser.tensors().values()):
            assert bool(found.isfinite().all())
    assert updater.update(batch).steps > 0
