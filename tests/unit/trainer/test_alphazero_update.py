"""AlphaZero's updates: they learn what was found, as many steps as was paid for, and come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.board_weights import read_board_weights
from trainingrun_contracts.checkpoints import POLICY_FILE
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.segment import Segment
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_trainer.alphazero.loss import TERMS, Positions, board_loss, explained_variance
from trainingrun_trainer.alphazero.network import folded, new_board_network
from trainingrun_trainer.alphazero.schedule import TokenBucket, learning_rate
from trainingrun_trainer.alphazero.update import AlphaZeroUpdater
from trainingrun_trainer.checkpoint.manifest import CheckpointInvalid, Progress
from trainingrun_trainer.checkpoint.state import adopt, capture, restore

from testkit.roles.searched_run import (
    SPEC,
    TIC_TAC_TOE,
    best_share,
    searched_config,
    searched_segment,
)

CPU = torch.device("cpu")
NETWORKS = (Network("mlp", 64, 2), Network("resnet", 32, 1))
Make = Callable[[int], Segment]


@pytest.fixture
def made(make_segment: Callable[..., Segment]) -> Make:
    """A factory of searched segments of 64 steps by number."""
    return lambda seq: searched_segment(make_segment(seq).header, steps=64)


def config_of(*, network: Network = NETWORKS[0], **changes: Any) -> RunConfig:
    """The small run with smaller batches, and with changes to AlphaZero's part."""
    config = searched_config("file:///nowhere", network=network)
    assert config.alpha_zero is not None
    replay = replace(config.alpha_zero.replay, samples_per_row=4.0)
    given = {"batch": 128, "replay": replay, **changes}
    return replace(config, alpha_zero=replace(config.alpha_zero, **given))


def updater_of(config: RunConfig) -> AlphaZeroUpdater:
    """A new updater of a run, with the game's symmetries."""
    network = new_board_network(config.seed, config.learner.network, SPEC)
    symmetries = symmetries_of(TIC_TAC_TOE.games)
    return AlphaZeroUpdater(network, config, device=CPU, symmetries=symmetries)


@pytest.mark.parametrize("network", NETWORKS)
def test_it_learns_what_was_found(network: Network, made: Make) -> None:
    """Expect the cross-entropy to come near the targets' own entropy, and the values to explain the
    outcomes, which depend on one corner: without symmetries, under which they would not."""
    config = config_of(network=network)
    updater = AlphaZeroUpdater(
        new_board_network(1, network, SPEC), config, device=CPU, symmetries=()
    )
    first = updater.train([made(seq) for seq in range(16)], games=0)
    for batch in range(1, 5):
        last = updater.train([made(100 * batch + seq) for seq in range(16)], games=batch)
    assert first.losses["kl"] > 2 * last.losses["kl"]
    assert last.losses["explained_variance"] > 0.8
    assert last.losses["replay_rows"] == 2048 + (5 * 1024 - 2048) // 2
    assert last.losses["samples_per_row"] == pytest.approx(4.0)
    if network.kind == "mlp":
        assert best_share(updater.weights(version=1)) > 0.7


def test_new_positions_pay_for_steps(made: Make) -> None:
    """Expect four draws of each new position, none before there are enough, and what is left of a
    batch to be paid out later."""
    updater = updater_of(config_of(batch=100))
    steps = [updater.train([made(seq)], games=0).steps for seq in range(12)]
    assert steps[:3] == [0] * 3  # of 256 positions that there must be
    assert steps[3] == 64 * 4 * 4 // 100
    assert sum(steps) == 64 * 12 * 4 // 100


def test_an_update_without_a_step_reports_no_loss(made: Make) -> None:
    """Expect nothing in place of losses: absent is not zero."""
    result = updater_of(config_of()).train([made(0)], games=0)
    assert (result.losses, result.steps, result.skipped) == ({}, 0, 0)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_resume_gives_the_same_bits(average: float, made: Make) -> None:
    """Expect an updater that was saved and resumed to go on exactly as one that was not, with its
    window, its counters and its average."""
    config = config_of(average=average, network=NETWORKS[1])
    straight, resumed = updater_of(config), updater_of(replace(config, seed=99))
    straight.train([made(seq) for seq in range(9)], games=10)
    checkpoint = capture(straight, config, Progress(step=1), now=1.0)
    assert restore(checkpoint, resumed) == Progress(step=1)
    results = [
        each.train([made(seq) for seq in range(20, 23)], games=20) for each in (straight, resumed)
    ]
    assert results[0].steps > 0
    assert results[0] == results[1]
    for own, theirs in zip(straight.model().values(), resumed.model().values(), strict=True):
        assert torch.equal(own, theirs)
    own, theirs = (load(each.weights(version=2)) for each in (straight, resumed))
    assert all(torch.equal(each, theirs[name]) for name, each in own.items())


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_checkpoint_holds_the_network_as_it_is_published(average: float, made: Make) -> None:
    """Expect the tensors of a publication, and none of weights that nobody could play with."""
    config = config_of(average=average, network=NETWORKS[1])
    updater = updater_of(config)
    updater.train([made(seq) for seq in range(9)], games=10)
    files = capture(updater, config, Progress(step=3), now=1.0).files
    saved, published = (
        read_board_weights(blob, SPEC) for blob in (files[POLICY_FILE], updater.weights(version=3))
    )
    assert (saved.version, saved.network) == (3, published.network)
    for name, tensor in published.tensors.items():
        assert np.array_equal(saved.tensors[name], tensor)
    for tensor in updater.model().values():
        if tensor.is_floating_point():
            tensor.fill_(float("nan"))
    if not average:
        assert POLICY_FILE not in capture(updater, config, Progress(step=4), now=1.0).files


def test_a_resume_without_a_window_is_no_error(made: Make) -> None:
    """Expect the weights to be taken, and the window to fill again, where a checkpoint has none or
    one that cannot be read."""
    config = config_of()
    saved = updater_of(config)
    saved.train([made(seq) for seq in range(9)], games=10)
    checkpoint = capture(saved, config, Progress(step=1), now=1.0)
    for torn in (None, b"no window"):
        files = {name: each for name, each in checkpoint.files.items() if "replay" not in name}
        if torn is not None:
            files["replay.safetensors"] = torn
        resumed = updater_of(config)
        assert "replay window" in resumed.recall(files)
        assert restore(type(checkpoint)(checkpoint.manifest, files), resumed).step == 1
        assert len(resumed.window) == 0
        assert resumed.train([made(seq) for seq in range(8)], games=11).steps == 16


def test_going_back_keeps_the_window(made: Make) -> None:
    """Expect a learner that goes back to a checkpoint to keep what it has collected since."""
    config = config_of()
    updater = updater_of(config)
    updater.train([made(seq) for seq in range(8)], games=1)
    checkpoint = capture(updater, config, Progress(step=1), now=1.0)
    before = {name: each.clone() for name, each in updater.model().items()}
    updater.train([made(seq) for seq in range(8, 16)], games=2)
    restore(checkpoint, updater)
    assert updater.window.total == 16 * 64
    assert all(torch.equal(each, before[name]) for name, each in updater.model().items())


def test_another_runs_window_is_not_adopted(made: Make) -> None:
    """Expect the weights of a run that is adopted, and none of its positions."""
    config = config_of()
    other, own = updater_of(config), updater_of(replace(config, seed=3))
    other.train([made(seq) for seq in range(8)], games=1)
    adopt(capture(other, config, Progress(step=1), now=1.0), own)
    assert len(own.window) == 0
    assert torch.equal(own.model()["policy.bias"], other.model()["policy.bias"])


def test_a_checkpoint_of_another_network_is_refused(made: Make) -> None:
    """Expect CheckpointInvalid."""
    config = config_of()
    checkpoint = capture(updater_of(config), config, Progress(), now=1.0)
    with pytest.raises(CheckpointInvalid, match="does not fit"):
        restore(checkpoint, updater_of(config_of(network=NETWORKS[1])))


def test_a_step_that_is_not_finite_is_not_taken(made: Make) -> None:
    """Expect the weights to stay as they were, and the step to be counted."""
    updater = updater_of(config_of(value_weight=float("inf")))
    before = {name: each.clone() for name, each in updater.network.named_parameters()}
    result = updater.train([made(seq) for seq in range(8)], games=0)
    assert (result.steps, result.skipped) == (0, 16)
    assert all(torch.equal(each, before[name]) for name, each in updater.network.named_parameters())
    assert updater.has_finite_state()


def test_accumulated_gradients_are_those_of_the_whole(made: Make) -> None:
    """Expect the same weights, to rounding, from a batch in one part and in four; of the network
    without normalisation, whose statistics are those of a part."""
    whole = config_of()
    parts = replace(whole, learner=replace(whole.learner, gradient_accumulation=4))
    updaters = [updater_of(each) for each in (whole, parts)]
    for updater in updaters:
        updater.train([made(seq) for seq in range(8)], games=0)
    one, other = (each.model() for each in updaters)
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], atol=1e-4, rtol=1e-3)


def test_bf16_is_near_fp32(made: Make) -> None:
    """Expect losses alike, and weights that stay fp32."""
    full = config_of(network=NETWORKS[1])
    half = replace(full, learner=replace(full.learner, precision="bf16"))
    results = [
        updater_of(each).train([made(seq) for seq in range(8)], games=0) for each in (full, half)
    ]
    for term in ("policy", "value"):
        assert results[1].losses[term] == pytest.approx(results[0].losses[term], rel=0.1)
    assert all(each.dtype != torch.bfloat16 for each in updater_of(half).model().values())


def test_the_average_follows_the_weights(made: Make) -> None:
    """Expect what is published to lie between the first weights and the newest."""
    updater = updater_of(config_of(average=0.99))
    first = folded(updater.network)["policy.weight"]
    updater.train([made(seq) for seq in range(8)], games=0)
    assert updater._average is not None
    newest, averaged = (
        folded(each)["policy.weight"] for each in (updater.network, updater._average)
    )
    assert 0 < float((averaged - first).norm()) < 0.3 * float((newest - first).norm())


def test_the_loss_is_the_plain_formula() -> None:
    """Expect the loss and every term as a loop over positions finds them, whatever the logits of
    illegal actions are."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(6, 5)).astype(np.float32)
    legal = random.random((6, 5)) < 0.6
    legal[:, 2] = True
    logits[~legal] = 1e30
    policies = np.where(legal, random.random((6, 5)), 0).astype(np.float32)
    policies[0] = np.eye(5, dtype=np.float32)[2]
    policies /= policies.sum(axis=1, keepdims=True)
    values, outcomes = (random.uniform(-1, 1, 6).astype(np.float32) for _ in range(2))
    cross, entropy, own = [], [], []
    for row in range(6):
        places = np.flatnonzero(legal[row])
        shares = np.exp(logits[row, places] - logits[row, places].max())
        shares /= shares.sum()
        target = policies[row, places]
        cross.append(-(target * np.log(shares)).sum())
        entropy.append(-(shares * np.log(shares)).sum())
        own.append(-sum(each * np.log(each) for each in target if each > 0))
    square = (values - outcomes) ** 2
    expected = {
        "policy": np.mean(cross),
        "value": square.mean(),
        "entropy": np.mean(entropy),
        "total": np.mean(cross) + 0.5 * square.mean(),
        "kl": np.mean(cross) - np.mean(own),
    }
    given = torch.from_numpy(logits).requires_grad_()
    positions = Positions(
        torch.zeros(6, 1), *(torch.from_numpy(each) for each in (legal, policies, outcomes))
    )
    loss, terms = board_loss(given, torch.from_numpy(values), positions, value_weight=0.5)
    found = dict(zip(TERMS, terms.tolist(), strict=True))
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert float(loss.detach()) == pytest.approx(expected["total"], rel=1e-5)
    variance = 1 - np.var(outcomes - values) / np.var(outcomes)
    assert explained_variance(found) == pytest.approx(variance, rel=1e-4)
    loss.backward()
    assert given.grad is not None
    assert bool(torch.isfinite(given.grad).all())
    assert not bool(given.grad[torch.from_numpy(~legal)].any())


def test_the_learning_rate_rises_and_sinks() -> None:
    """Expect a rise over the first steps, then a half cosine over the games down to its last
    share, and no further."""
    config = AlphaZeroConfig(learning_rate=1.0, final_rate=0.1, warmup_steps=4)
    rises = [learning_rate(config, steps=step, played=0.0) for step in range(6)]
    assert rises == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])
    sinks = [learning_rate(config, steps=9, played=each / 4) for each in range(6)]
    assert sinks == pytest.approx([1.0, 0.868198, 0.55, 0.231802, 0.1, 0.1], abs=1e-5)
    at_once = AlphaZeroConfig(learning_rate=1.0, warmup_steps=0)
    assert learning_rate(at_once, steps=0, played=0.0) == 1.0


def test_the_bucket_pays_for_whole_batches() -> None:
    """Expect what is left to be kept."""
    bucket = TokenBucket().filled(100, each=2.5)
    assert bucket.steps(60) == 4
    assert bucket.after(4, batch=60) == TokenBucket(10.0)
