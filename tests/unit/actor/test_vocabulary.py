"""Policies over a fixed vocabulary of actions: numpy and torch agree, for every number of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save
from trainingrun_actor.policy import load_policy
from trainingrun_contracts.environment_spec import (
    VOCABULARY_SCALE,
    EnvironmentSpec,
    Features,
    Vocabulary,
)
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_trainer.networks.build import new_policy
from trainingrun_trainer.networks.packed import pack_rows, packed_log_softmax

SIZE = 2048
SPEC = EnvironmentSpec("large", "1", observation=(3, 5), actions=Vocabulary(SIZE))
AS_ROWS = EnvironmentSpec("large", "1", observation=(3, 5), actions=Features(SIZE))
POINTER = Pointer(epoch=1, version=1, publish=1, sha256="0" * 64, at=0.0)
NETWORKS = (Network(), Network("transformer", width=64, layers=2))
EVERY = np.arange(SIZE)
STORED = (EVERY / VOCABULARY_SCALE).astype(np.float16)[:, None]


def observations(steps: int) -> np.ndarray:
    """States of some steps."""
    return np.random.default_rng(0).normal(size=(steps, 15)).astype(np.float16)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.kind)
def test_numpy_and_torch_agree_over_the_whole_vocabulary(network: Network) -> None:
    """Two states, each with half of all actions, in an order of its own."""
    policy = new_policy(1, SPEC, network)
    with torch.no_grad():
        for tensor in policy.parameters():
            tensor.add_(0.05 * torch.randn(tensor.shape, generator=torch.manual_seed(2)))
    states = observations(2)
    actions = STORED[np.random.default_rng(1).permutation(SIZE)]
    counts = np.array([SIZE // 2, SIZE // 2])
    metadata = {"schema_hash": SPEC.schema_hash}
    played = load_policy(save(policy.state_dict(), metadata), POINTER, SPEC)
    log_probs, values = played.evaluate(states, actions, counts)
    rows = pack_rows(torch.from_numpy(counts))
    taken = policy.prepare_actions(torch.from_numpy(actions), torch.float32)
    with torch.no_grad():
        trained = policy(torch.from_numpy(states).float(), taken, rows)
    expected = packed_log_softmax(trained.logits, rows)
    np.testing.assert_allclose(log_probs, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(values, trained.values.numpy(), atol=1e-5)


def test_a_number_is_its_unit_vector() -> None:
    """The same weights over rows of features with a single 1 give the same scores."""
    numbers, rows = new_policy(1, SPEC), new_policy(1, AS_ROWS)
    rows.load_state_dict(numbers.state_dict())
    layout = pack_rows(torch.tensor([SIZE]))
    state = torch.from_numpy(observations(1)).float()
    with torch.no_grad():
        looked_up = numbers(state, torch.from_numpy(EVERY), layout).logits
        multiplied = rows(state, torch.eye(SIZE), layout).logits
    torch.testing.assert_close(looked_up, multiplied)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_no_number_is_lost_in_the_type_that_layers_compute_in(kind: torch.dtype) -> None:
    """bfloat16 has 8 bits of mantissa: numbers are read before anything is converted."""
    policy = new_policy(1, SPEC)
    prepared = policy.prepare_actions(torch.from_numpy(STORED), kind)
    assert torch.equal(prepared, torch.from_numpy(EVERY))
    assert policy.prepare_actions(prepared, kind) is prepared
