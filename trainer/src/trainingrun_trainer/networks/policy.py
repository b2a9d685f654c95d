"""What a policy is to the learner: a module over a packed legal list, whatever network is in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE, EnvironmentSpec, Vocabulary
from trainingrun_contracts.policy_format import Network

from trainingrun_trainer.networks.packed import PackedRows


class PolicyOutput(NamedTuple):
    """What the policy says of T steps with A legal actions in all.

    Attributes:
        logits: float32 [A], scores of the legal actions.
        values: float32 [T], expected outcome in [-1, 1].
    """

    logits: Tensor
    values: Tensor


class Policy(nn.Module, ABC):
    """A policy for an environment; its state dict is what is published."""

    def __init__(self, network: Network, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.network = network
        self.spec = spec

    @property
    def statement(self) -> Mapping[str, str]:
        """What its published tensors cannot say of it: metadata for their file."""
        return {}

    @abstractmethod
    def forward(self, states: Tensor, actions: Tensor, rows: PackedRows) -> PolicyOutput:
        """Score states [T, S] and their packed actions, as ``prepare_actions`` returns them."""

    @abstractmethod
    def estimate(self, states: Tensor) -> Tensor:
        """Values alone of states [T, S]: float32 [T]."""

    def prepare_actions(self, actions: Tensor, kind: torch.dtype) -> Tensor:
        """Return stored actions [A, action_width] as layers take them: features [A, F] in the type
        that layers compute in, or numbers of the vocabulary, int64 [A]. Those that are prepared
        already return as they are."""
        if not isinstance(self.spec.actions, Vocabulary):
            return actions.to(kind)
        if actions.dtype is torch.int64:
            return actions
        return (actions.squeeze(-1).float() * VOCABULARY_SCALE).round_().long()
