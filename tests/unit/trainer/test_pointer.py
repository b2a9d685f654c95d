"""The pointer policy keeps to the format that the actor reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load
from trainingrun_contracts.observation.schema import ACTION_WIDTH, SCHEMA_HASH, STATE_WIDTH
from trainingrun_contracts.policy_format import KEY, SHAPES
from trainingrun_trainer.networks.packed import pack_rows, packed_log_softmax
from trainingrun_trainer.networks.pointer import new_policy
from trainingrun_trainer.publish import weights_blob


def test_state_dict_is_the_format() -> None:
    """Expect exactly the names and shapes of the format."""
    state = new_policy(1).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == SHAPES


def test_blob_holds_tensors_and_metadata(tmp_path: Path) -> None:
    """Expect float32 tensors, the schema hash and the version."""
    blob = weights_blob(new_policy(1), version=12)
    assert {name: tuple(tensor.shape) for name, tensor in load(blob).items()} == SHAPES
    file = tmp_path / "weights"
    file.write_bytes(blob)
    with safe_open(file, framework="np") as opened:
        assert opened.metadata() == {"schema_hash": SCHEMA_HASH, "version": "12"}


def test_forward_is_the_format() -> None:
    """Expect logits and values as the format's formulas give them in numpy."""
    policy = new_policy(3)
    with torch.no_grad():
        policy.query.weight.mul_(100)
    tensors = {name: tensor.numpy().astype(np.float64) for name, tensor in load(
        weights_blob(policy, version=0)).items()}  # fmt: skip
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
            torch.from_numpy(states).float(), torch.from_numpy(actions).float(),
            pack_rows(torch.tensor([2, 1, 4])),
        )  # fmt: skip
    np.testing.assert_allclose(output.logits, logits, atol=1e-5)
    np.testing.assert_allclose(output.values, values, atol=1e-5)


def test_first_policy_is_near_uniform_and_seeded() -> None:
    """Expect near equal probabilities at the start, equal weights for equal seeds only."""
    policy = new_policy(5)
    rows = pack_rows(torch.tensor([8] * 16))
    with torch.no_grad():
        output = policy(torch.randn(16, STATE_WIDTH), torch.randn(128, ACTION_WIDTH), rows)
    probabilities = packed_log_softmax(output.logits, rows).exp()
    assert float((probabilities - 1 / 8).abs().max()) < 0.02
    twin, other = new_policy(5).state_dict(), new_policy(6).state_dict()
    name = "state.0.weight"
    assert torch.equal(policy.state_dict()[name], twin[name])
    assert not torch.equal(policy.state_dict()[name], other[name])
