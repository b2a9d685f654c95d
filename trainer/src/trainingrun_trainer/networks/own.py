"""A network of a user's as a policy, and the comparison of its two sides.

The module is the user's; actors compute the same in numpy by another method of the same object.
Where the two differ, a policy would play otherwise than it trains, and every importance weight
would be wrong: so they are compared, with random weights, before anything is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary
from trainingrun_contracts.own_network import PREFIX, NamedNetwork, statement_of
from trainingrun_contracts.own_parts import NETWORKS, UnknownPart, described
from trainingrun_contracts.policy_format import Network

from trainingrun_trainer.networks.packed import PackedRows, pack_rows, packed_log_softmax
from trainingrun_trainer.networks.policy import Policy, PolicyOutput

TOLERANCE: Final = 1e-3
"""Of a log-probability or a value, between the two sides."""
_COUNTS: Final = (3, 1, 5, 2, 1, 4)
_LARGEST_VALUE: Final = 1 + 1e-4


class UsersPolicy(Policy):
    """A user's module; its tensors are published behind the prefix ``own.``."""

    def __init__(self, named: NamedNetwork, network: Network, spec: EnvironmentSpec) -> None:
        super().__init__(network, spec)
        self.own = named.network.module(spec, width=network.width, layers=network.layers)

    @property
    def statement(self) -> Mapping[str, str]:
        """See Policy: whose the tensors are."""
        return statement_of(self.network)

    def forward(self, states: Tensor, actions: Tensor, rows: PackedRows) -> PolicyOutput:
        """See Policy."""
        logits, values = self.own(states, actions, rows.counts)
        return PolicyOutput(logits.float(), values.float())

    def estimate(self, states: Tensor) -> Tensor:
        """See Policy."""
        found: Tensor = self.own.estimate(states)
        return found.float()


def users_policy(
    named: NamedNetwork, network: Network, spec: EnvironmentSpec, *, seed: int
) -> UsersPolicy:
    """Return a policy with the weights that the user's module begins with, which depend on the seed
    alone.

    Raises:
        UnknownPart: the module cannot be made, its tensors are not those that it should have, or
            its two sides differ.
    """
    torch.manual_seed(seed)
    try:
        policy = UsersPolicy(named, network, spec)
        wrong = _wrong_tensors(policy.own, named) or _difference(policy, named)
    except UnknownPart:
        raise
    except Exception as error:
        wrong = f"failed at the learner's start: {described(error)}"
        raise NETWORKS.refused(NETWORKS.find(named.name), wrong) from error
    if wrong:
        raise NETWORKS.refused(NETWORKS.find(named.name), wrong)
    return policy


def _wrong_tensors(module: nn.Module, named: NamedNetwork) -> str:
    """Return what is wrong with the module's tensors; empty where nothing is."""
    state = module.state_dict()
    if others := sorted(state.keys() - dict(module.named_parameters()).keys()):
        return f"has {others[0]}, which is no parameter: buffers are neither trained nor published"
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    for name in sorted(shapes.keys() | named.shapes.keys()):
        here, said = shapes.get(name), named.shapes.get(name)
        if here != said:
            return f"says by shapes() that {name} is {said}, and its module has {here}"
    types = [name for name, tensor in state.items() if tensor.dtype is not torch.float32]
    return f"has {types[0]} in another type than float32" if types else ""


def _difference(policy: UsersPolicy, named: NamedNetwork) -> str:
    """Return what is different between the two sides, with random weights; empty where nothing
    is."""
    shaken = deepcopy(policy)
    random = np.random.default_rng(1)
    with torch.no_grad():
        for parameter in shaken.parameters():
            scale = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.5
            drawn = random.standard_normal(tuple(parameter.shape)) * scale
            parameter.copy_(torch.from_numpy(np.asarray(drawn, np.float32)))
    states, actions = _questions(policy.spec, random)
    rows = pack_rows(torch.tensor(_COUNTS))
    with torch.no_grad():
        found = shaken(torch.from_numpy(states), torch.from_numpy(actions), rows)
        output = PolicyOutput(*(each.detach() for each in found))
        alone = shaken.estimate(torch.from_numpy(states)).detach()
    tensors = {
        name.removeprefix(PREFIX): tensor.detach().numpy()
        for name, tensor in shaken.state_dict().items()
    }
    given = named.network.forward(tensors, states, actions, np.array(_COUNTS))
    logits, values = (torch.from_numpy(np.array(each, np.float32)) for each in given)
    return _compared(PolicyOutput(logits, values), output, alone, rows)


def _compared(here: PolicyOutput, there: PolicyOutput, alone: Tensor, rows: PackedRows) -> str:
    """Compare numpy's answers with torch's, and these with the values alone."""
    total = len(rows.owner)
    for side, output in (("numpy", here), ("torch", there)):
        if output.logits.shape != (total,) or output.values.shape != (rows.steps,):
            return (
                f"gives in {side} logits {tuple(output.logits.shape)} and values"
                f" {tuple(output.values.shape)} for {total} actions of {rows.steps} states: return"
                " one of each"
            )
        if not all(torch.isfinite(each).all() for each in output):
            return f"gives in {side} a number that is not finite"
    if (largest := float(there.values.abs().max())) > _LARGEST_VALUE:
        return f"gives a value of {largest:.3g}: values are outcomes in [-1, 1], as tanh gives them"
    log_probs = (packed_log_softmax(each.logits, rows) for each in (here, there))
    pairs = {
        "log-probabilities": tuple(log_probs),
        "values": (here.values, there.values),
    }
    for what, (numpy_side, torch_side) in pairs.items():
        if (gap := float((numpy_side - torch_side).abs().max())) > TOLERANCE:
            return (
                f"differs between forward() in numpy and its torch module by {gap:.3g} in {what}:"
                " actors would play otherwise than the learner trains"
            )
    if alone.shape != there.values.shape or float((alone - there.values).abs().max()) > TOLERANCE:
        return "gives other values by estimate() than by its forward pass"
    return ""


def _questions(spec: EnvironmentSpec, random: np.random.Generator) -> tuple[Any, Any]:
    """Return random states and actions, as a network of a user's sees them."""
    total = sum(_COUNTS)
    states = random.standard_normal((len(_COUNTS), spec.state_width)).astype(np.float32)
    if isinstance(spec.actions, Vocabulary):
        return states, random.integers(0, spec.actions.size, total)
    return states, random.standard_normal((total, spec.actions.width)).astype(np.float32)
