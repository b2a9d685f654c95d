"""The pointer policy keeps to the format that the actor reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load
from trainingrun_contracts.policy_format import (
    KEY,
    Network,
    network_of,
    shapes_of,
)
from trainingrun_environments.magic.spec import ACTION_WIDTH, SPEC, STATE_WIDTH
from trainingrun_trainer.networks.build import compiled, may_compile, new_policy
from trainingrun_trainer.networks.packed import pack_rows, packed_log_softmax
from trainingrun_trainer.publish import weights_blob

NETWORKS = (Network(), Network("mlp", 96, 1), Network("transformer", 64, 2))


@pytest.mark.parametrize("network", NETWORKS)
def test_state_dict_is_the_format(network: Network) -> None:
    """Expect exactly the names and shapes of the format, from which the network follows."""
    state = new_policy(1, SPEC, network).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert shapes == shapes_of(network, SPEC)
    assert network_of(shapes) == network


def test_a_transformers_value_needs_no_actions() -> None:
    """Expect the value beside any actions to be that of the state alone, and the score of an action
    to depend on the others."""
    policy = new_policy(1, SPEC, NETWORKS[2])
    states, actions = torch.randn(3, STATE_WIDTH), torch.randn(9, ACTION_WIDTH)
    rows = pack_rows(torch.tensor([2, 1, 6]))
    with torch.no_grad():
        policy.query.weight.mul_(100)
        output = policy(states, actions, rows)
        torch.testing.assert_close(policy.estimate(states), output.values)
        other = actions.clone()
        other[8] += 1
        changed = (policy(states, other, rows).logits - output.logits).abs()
    assert float(changed[:3].max()) < 1e-5
    assert float(changed[3:8].min()) > 1e-5


def test_blob_holds_tensors_and_metadata(tmp_path: Path) -> None:
    """Expect float32 tensors, the schema hash and the version."""
    blob = weights_blob(new_policy(1, SPEC), version=12)
    assert {name: tuple(tensor.shape) for name, tensor in load(blob).items()} == shapes_of(
        Network(), SPEC
    )
    file = tmp_path / "weights"
    file.write_bytes(blob)
    with safe_open(file, framework="np") as opened:
        assert opened.metadata() == {"schema_hash": SPEC.schema_hash, "version": "12"}


def test_forward_is_the_format() -> None:
    """Expect logits and values as the format's formulas give them in numpy."""
    policy = new_policy(3, SPEC)
    with torch.no_grad():
        policy.query.weight.mul_(100)
    tensors = {
        name: tensor.numpy().astype(np.float64)
        for name, tensor in load(weights_blob(policy, version=0)).items()
    }
    random = np.random.default_rng(0)
    states, actions = random.normal(size=(3, STATE_WIDTH)), random.normal(size=(7, ACTION_WIDTH))

    def layer(name: str, x: np.ndarray) -> np.ndarray:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    hidden = np.maximum(layer("state.1", np.maximum(layer("state.0", states), 0)), 0)
    keys = np.maximum(layer("action.0", actions), 0)
    queries = layer("query", hidden)
    owner = [0, 0, 1, 2, 2, 2, 2]
    logits = (keys * queries[owner]).sum(1) / np.sqrt(KEY)
    values = np.tanh(layer("value.1", np.maximum(layer("value.0", hidden), 0)))[:, 0]
    with torch.no_grad():
        output = policy(
            torch.from_numpy(states).float(),
            torch.from_numpy(actions).float(),
            pack_rows(torch.tensor([2, 1, 4])),
        )
    np.testing.assert_allclose(output.logits, logits, atol=1e-5)
    np.testing.assert_allclose(output.values, values, atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_first_policy_is_near_uniform_and_seeded(network: Network) -> None:
    """Expect near equal probabilities at the start, equal weights for equal seeds only."""
    policy = new_policy(5, SPEC, network)
    rows = pack_rows(torch.tensor([8] * 16))
    with torch.no_grad():
        output = policy(torch.randn(16, STATE_WIDTH), torch.randn(128, ACTION_WIDTH), rows)
    probabilities = packed_log_softmax(output.logits, rows).exp()
    assert float((probabilities - 1 / 8).abs().max()) < 0.02
    twin, other = (
        new_policy(5, SPEC, network).state_dict(),
        new_policy(6, SPEC, network).state_dict(),
    )
    name = "query.weight"
    assert torch.equal(policy.state_dict()[name], twin[name])
    assert not torch.equal(policy.state_dict()[name], other[name])


def test_the_compiler_sees_the_whole_network() -> None:
    """Expect the captured forward pass to give the same bits for minibatches of several sizes, and
    nothing to be compiled on processors."""
    policy = new_policy(1, SPEC)
    captured = compiled(policy, backend="eager")
    for counts in ([3, 1], [2, 5, 1], [4] * 7):
        inputs = torch.randn(len(counts), STATE_WIDTH), torch.randn(sum(counts), ACTION_WIDTH)
        rows = pack_rows(torch.tensor(counts))
        assert torch.equal(captured(*inputs, rows).logits, policy(*inputs, rows).logits)
    assert not may_compile(policy, torch.device("cpu"))
