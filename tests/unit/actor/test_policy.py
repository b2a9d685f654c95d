"""The numpy policy computes what the trainer's torch module computes, and refuses bad weights."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from trainingrun_actor.inference import pick
from trainingrun_actor.policy import Policy, load_policy
from trainingrun_contracts.policy_format import network_of
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.magic.spec import SPEC
from trainingrun_environments.observation import Observation
from trainingrun_trainer.networks.build import make_policy
from trainingrun_trainer.networks.packed import pack_rows, packed_log_softmax

OPTIONS = (2, 1, 9, 3, 30)


def torch_answer(blob: bytes, seen: list[Observation]) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and values by the trainer's module."""
    tensors = {name: torch.from_numpy(tensor) for name, tensor in load(blob).items()}
    module = make_policy(network_of({name: tuple(t.shape) for name, t in tensors.items()}), SPEC)
    module.load_state_dict(tensors)
    states = torch.from_numpy(np.stack([o.state for o in seen])).float()
    actions = torch.from_numpy(np.concatenate([o.actions for o in seen])).float()
    rows = pack_rows(torch.tensor([len(o.actions) for o in seen]))
    with torch.no_grad():
        output = module(states, actions, rows)
        log_probs = packed_log_softmax(output.logits, rows)
    return log_probs.numpy(), output.values.numpy()


def test_parity_with_torch(
    any_blob: bytes, pointer: Pointer, observe: Callable[[int, int], Observation]
) -> None:
    """Same log-probabilities (to 1e-3) and values (to 1e-4) as the module that is trained, for
    every kind of network."""
    policy = load_policy(any_blob, pointer, SPEC)
    seen = [observe(seed, options) for seed, options in enumerate(OPTIONS)]
    log_probs, values = policy.evaluate(
        np.stack([o.state for o in seen]),
        np.concatenate([o.actions for o in seen]),
        np.array(OPTIONS),
    )
    expected_log_probs, expected_values = torch_answer(any_blob, seen)
    np.testing.assert_allclose(log_probs, expected_log_probs, atol=1e-3)
    np.testing.assert_allclose(values, expected_values, atol=1e-4)


def test_a_batch_gives_what_single_states_give(
    any_blob: bytes, pointer: Pointer, observe: Callable[[int, int], Observation]
) -> None:
    """Packing games together changes nothing but the last bits."""
    policy = load_policy(any_blob, pointer, SPEC)
    seen = [observe(seed, options) for seed, options in enumerate(OPTIONS)]
    packed, _ = policy.evaluate(
        np.stack([o.state for o in seen]),
        np.concatenate([o.actions for o in seen]),
        np.array(OPTIONS),
    )
    singles = [policy.evaluate(o.state[None], o.actions, np.array([len(o.actions)])) for o in seen]
    np.testing.assert_allclose(packed, np.concatenate([s[0] for s in singles]), atol=1e-5)


def test_each_state_has_a_distribution(
    policy: Policy, observe: Callable[[int, int], Observation]
) -> None:
    """The probabilities of one state's options add up to one."""
    o = observe(1, 5)
    log_probs, _ = policy.evaluate(o.state[None], o.actions, np.array([5]))
    assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-5)


def test_pick_follows_the_distribution() -> None:
    """A draw falls on the option whose share of [0, 1) it lies in; without one, the likeliest."""
    log_probs = [log(share) for share in (0.2, 0.5, 0.3)]
    assert [pick(log_probs, draw) for draw in (0.0, 0.19, 0.21, 0.69, 0.71, 0.999999)] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    assert pick(log_probs, None) == 1


def test_weights_of_another_schema_are_refused(foreign_blob: bytes, pointer: Pointer) -> None:
    """A policy that means other features must not play."""
    with pytest.raises(WeightsError, match="observation schema another"):
        load_policy(foreign_blob, pointer, SPEC)


@pytest.mark.parametrize("damage", [b"", b"\x08\0\0\0\0\0\0\0nonsense", b"\xff" * 64])
def test_damaged_weights_are_refused(damage: bytes, pointer: Pointer) -> None:
    """Bytes that are not safetensors give a plain error."""
    with pytest.raises(WeightsError, match="not safetensors"):
        load_policy(damage, pointer, SPEC)


def test_weights_of_no_network_are_refused(blob: bytes, pointer: Pointer) -> None:
    """Expect tensors that name no network, and a tensor of the wrong shape, to be named."""
    meta = {"schema_hash": SPEC.schema_hash, "version": "7"}
    with pytest.raises(WeightsError, match="0 layers of width 0"):
        load_policy(save({"x": np.zeros(3, np.float32)}, meta), pointer, SPEC)
    tensors = {**load(blob), "query.bias": np.zeros(3, np.float32)}
    with pytest.raises(WeightsError, match=r"query.bias is missing or not of shape \(64,\)"):
        load_policy(save(tensors, meta), pointer, SPEC)
