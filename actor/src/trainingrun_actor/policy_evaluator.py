"""A policy as what values the positions of a search.

Needs ``trainingrun_search``; see ``search_extra``.
"""

from __future__ import annotations

import numpy as np
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE
from trainingrun_search.evaluators import Answer, Request

from trainingrun_actor.policy import Policy


class PolicyEvaluator:
    """See ``trainingrun_search.evaluators.Evaluator``; of actions that are a vocabulary."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        legal = request.legal
        states = request.observations.reshape(len(legal), -1).astype(np.float16)
        rows, numbers = np.nonzero(legal)
        actions = (numbers / VOCABULARY_SCALE).astype(np.float16)[:, None]
        log_probs, values = self._policy.evaluate(states, actions, legal.sum(axis=1))
        priors = np.zeros(legal.shape, np.float32)
        priors[rows, numbers] = np.exp(log_probs)
        return Answer(priors, values.astype(np.float32), self._policy.pointer.publish)
