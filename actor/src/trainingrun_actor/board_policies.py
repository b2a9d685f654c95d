"""Published weights of AlphaZero as policies of an evaluation.

Needs ``trainingrun_search``, so it is imported where a run is one of AlphaZero (``search_extra``).
"""

from __future__ import annotations

import numpy as np
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE, EnvironmentSpec
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_search.board_policy import BoardPolicy

from trainingrun_actor.network_encoders import Float16, Float32, Int64
from trainingrun_actor.policy import Policy, log_softmax


class BoardPolicyLoader:
    """See ``policies.Loader``."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec

    def load(self, blob: bytes, pointer: Pointer) -> Policy:
        """Read published weights.

        Raises:
            WeightsError: they do not fit the environment, or are not sound.
        """
        found = BoardPolicy.from_bytes(blob, self._spec, generation=pointer.publish)
        return Policy(_OfLegalActions(found).evaluate, pointer)


class _OfLegalActions:
    """The network's answers for rows of legal actions, as policies give them."""

    __slots__ = ("_network",)

    def __init__(self, network: BoardPolicy) -> None:
        self._network = network

    def evaluate(self, states: Float16, actions: Float16, counts: Int64) -> tuple[Float32, Float32]:
        """See ``policy.Evaluate``."""
        logits, values = self._network.forward(states.astype(np.float32))
        rows = np.arange(len(states)).repeat(counts)
        numbers = (actions[:, 0].astype(np.float32) * VOCABULARY_SCALE).astype(np.int64)
        return log_softmax(logits[rows, numbers], counts), values
