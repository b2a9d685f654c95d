"""Policies from a description, with weights to begin from."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from typing import Final

import torch
from torch import nn
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.own_network import own_network
from trainingrun_contracts.policy_format import Network

from trainingrun_trainer.networks.own import users_policy
from trainingrun_trainer.networks.pointer import MlpPolicy, PointerPolicy
from trainingrun_trainer.networks.policy import Policy, PolicyOutput
from trainingrun_trainer.networks.transformer import TransformerPolicy

DEFAULT: Final = Network()
_SMALL_GAIN: Final = 0.01
_LINEAR: Final = 2
"""Dimensions of a linear layer's weight; a norm's has one and starts at 1."""


def make_policy(network: Network, spec: EnvironmentSpec) -> PointerPolicy:
    """Return a policy of this description, one of ours, for an environment; its weights are torch's
    own."""
    made = MlpPolicy if network.kind == "mlp" else TransformerPolicy
    return made(network, spec)


def new_policy(seed: int, spec: EnvironmentSpec, network: Network = DEFAULT) -> Policy:
    """Return a policy whose weights depend on the seed alone, and, of ours, whose first play is
    near uniform.

    Orthogonal weights with small ones in the last layers (Andrychowicz et al. 2021, section 3.2),
    and in those that add to a transformer's tokens. A network of a user's begins as it is made.

    Raises:
        UnknownPart: a network of a user's cannot be had here, or its two sides differ.
    """
    own = own_network(network, spec)
    if own is not None:
        return users_policy(own, network, spec, seed=seed)
    policy = make_policy(network, spec)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in policy.named_parameters():
            if name.endswith("bias"):
                tensor.zero_()
            elif tensor.dim() == _LINEAR:
                nn.init.orthogonal_(tensor, gain=_gain(name), generator=generator)
    return policy


def may_compile(policy: Policy, device: torch.device) -> bool:
    """Return whether torch's compiler is worth its minute and can be used: for a network of ours,
    on a GPU, beside a C compiler, which it calls."""
    if not isinstance(policy, PointerPolicy):
        return False
    return device.type == "cuda" and shutil.which(os.environ.get("CC", "cc")) is not None


def compiled(policy: Policy, *, backend: str = "inductor") -> Callable[..., PolicyOutput]:
    """Return the policy's forward pass, compiled once for minibatches of all sizes; the weights
    stay the policy's own. Capturing is tested; the code that it makes has not run on a GPU yet."""
    found: Callable[..., PolicyOutput] = torch.compile(policy, dynamic=True, backend=backend)
    return found


def _gain(name: str) -> float:
    if name in {"query.weight", "value.1.weight"}:
        return _SMALL_GAIN
    return 0.5 if name.endswith(("attend_out.weight", "feed_out.weight")) else math.sqrt(2)
