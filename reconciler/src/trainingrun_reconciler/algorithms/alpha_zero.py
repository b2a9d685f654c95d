"""AlphaZero: workers search and play against themselves, and each position is kept for a while.

There is no daemon: a search copies games, which only games that are written in Python can be
(``environments.games``).
"""

from __future__ import annotations

from typing import Final

from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES

from trainingrun_reconciler.algorithms.declaration import AlgorithmDeclaration
from trainingrun_reconciler.roles.workload import Role

MOST_POLICY_LAG: Final = 1_000_000
"""Publishes: what a search found stays true of its position, however old its weights are."""


def _is_chosen(spec: TrainingRunSpec) -> bool:
    return spec.algorithm.alpha_zero is not None


def _queue_capacity(spec: TrainingRunSpec) -> int:
    return HIGH_WATER_BATCHES * spec.learner.batch_transitions


def _network(spec: TrainingRunSpec) -> Network:
    return Network(**spec.learner.network.model_dump())


ALPHA_ZERO: Final = AlgorithmDeclaration(
    name="AlphaZero",
    is_chosen=_is_chosen,
    brings=(Role.SELFPLAY, Role.INFERENCE),
    without=(Role.DAEMON, Role.ACTOR),
    images={Role.EVALUATOR: "search"},
    queue_capacity=_queue_capacity,
    network=_network,
)
