"""Small policies, observations and segments for the actor's tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from safetensors.numpy import save
from trainingrun_actor.policy import Policy, load_policy
from trainingrun_contracts.policy_format import Network, shapes_of
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.magic.spec import ACTION_WIDTH, SPEC, STATE_WIDTH
from trainingrun_environments.observation import Observation

POINTER = Pointer(epoch=1, version=7, publish=3, sha256="ab" * 32, at=0.0)


NETWORKS = (Network(), Network("mlp", 64, 3), Network("transformer", 64, 2))


def weights_blob(
    seed: int, schema: str = SPEC.schema_hash, network: Network = NETWORKS[0]
) -> bytes:
    """Random weights in the published format."""
    random = np.random.default_rng(seed)
    tensors = {
        name: (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        for name, shape in shapes_of(network, SPEC).items()
    }
    return save(tensors, {"schema_hash": schema, "version": "7"})


@pytest.fixture
def blob() -> bytes:
    """Weights in the published format."""
    return weights_blob(0)


@pytest.fixture(params=NETWORKS, ids=lambda network: f"{network.kind}-{network.width}")
def any_blob(request: pytest.FixtureRequest) -> bytes:
    """Weights of one network after the other."""
    return weights_blob(0, network=request.param)


@pytest.fixture
def foreign_blob() -> bytes:
    """Weights of another observation schema."""
    return weights_blob(0, schema="another")


@pytest.fixture
def pointer() -> Pointer:
    """The name that the weights were published under."""
    return POINTER


@pytest.fixture
def policy(blob: bytes) -> Policy:
    """A loaded policy."""
    return load_policy(blob, POINTER, SPEC)


@pytest.fixture
def observe() -> Callable[[int, int], Observation]:
    """Makes an observation with this many options, different for each seed."""

    def make(seed: int, options: int) -> Observation:
        random = np.random.default_rng(seed)
        return Observation(
            state=random.uniform(-1, 1, STATE_WIDTH).astype(np.float16),
            actions=random.uniform(-1, 1, (options, ACTION_WIDTH)).astype(np.float16),
        )

    return make
