"""Updates: packing, accumulation, guards, and the same result for the same input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from trainingrun_contracts.run_config import LearnerConfig, PpoConfig
from trainingrun_contracts.segment import Segment
from trainingrun_trainer.batch import Batch, pack
from trainingrun_trainer.networks.pointer import new_policy
from trainingrun_trainer.update import PpoUpdater

CPU = torch.device("cpu")


def new_updater(config: LearnerConfig = LearnerConfig()) -> PpoUpdater:  # noqa: B008 - frozen
    """An updater with a fixed seed."""
    return PpoUpdater(new_policy(1), config, seed=1, device=CPU)


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


def test_accumulation_equals_one_large_step(batch: Batch) -> None:
    """Expect the same weights from one minibatch at once and in five unequal parts."""
    results = []
    for parts in (1, 5):
        updater = new_updater(LearnerConfig(gradient_accumulation=parts))
        frozen, _ = updater.freeze(batch)
        updater.step(batch, frozen, torch.arange(batch.transitions))
        results.append(updater.policy.state_dict())
    for name, tensor in results[0].items():
        torch.testing.assert_close(tensor, results[1][name], atol=1e-6, rtol=1e-5)


def test_same_seed_same_bits(batch: Batch) -> None:
    """Expect two learners with the same seed and data to end with the same bits."""
    one, two = new_updater(), new_updater()
    assert one.update(batch) == two.update(batch)
    for name, tensor in one.policy.state_dict().items():
        assert torch.equal(tensor, two.policy.state_dict()[name])


def test_ended_games_do_not_bootstrap(batch: Batch) -> None:
    """Expect the value of the next state to change the targets of games that go on, only."""
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


def test_kl_bound_stops_the_epochs(batch: Batch) -> None:
    """Expect an update to end early when the policy has moved too far."""
    ppo = PpoConfig(learning_rate=0.05, target_kl=1e-4, epochs=4)
    result = new_updater(LearnerConfig(ppo=ppo)).update(batch)
    assert result.stopped_early
    assert result.steps < 16


def test_value_learns_the_outcome(batch: Batch) -> None:
    """Expect the value loss to fall when the same batch is trained on again and again."""
    config = msgspec.structs.replace(LearnerConfig(), ppo=PpoConfig(learning_rate=3e-3))
    updater = new_updater(config)
    losses = [updater.update(batch).losses["value"] for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]


def test_tiny_and_forced_batches_are_harmless(make_segment: Callable[..., Segment]) -> None:
    """Expect one lonely step, and a batch of forced moves, to train without a skipped step."""
    updater = new_updater()
    assert updater.update(pack([make_segment(0, steps=1)])).skipped == 0
    segment = make_segment(1, steps=4)
    forced = msgspec.structs.replace(
        segment, actions=segment.actions[:4], offsets=np.arange(5, dtype=np.int32),
        chosen=np.zeros(4, dtype=np.int32), log_probs=np.zeros(4, dtype=np.float32),
    )  # fmt: skip
    assert updater.update(pack([forced])).skipped == 0


def test_bf16_stays_near_fp32(batch: Batch) -> None:
    """Expect log-probabilities of the bf16 forward pass to be near those of the full one."""
    full, _ = new_updater().freeze(batch)
    half, _ = new_updater(LearnerConfig(precision="bf16")).freeze(batch)
    torch.testing.assert_close(full.proximal, half.proximal, atol=0.02, rtol=0.02)
