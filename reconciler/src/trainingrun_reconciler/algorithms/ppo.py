"""Proximal policy optimisation from games of actors: each transition is trained once (ADR 1)."""

from __future__ import annotations

from typing import Final

from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES

from trainingrun_reconciler.algorithms.declaration import AlgorithmDeclaration


def _is_chosen(_spec: TrainingRunSpec) -> bool:
    """What a run gets that asks for nothing else."""
    return True


def _queue_capacity(spec: TrainingRunSpec) -> int:
    return HIGH_WATER_BATCHES * spec.learner.batch_transitions


def _network(spec: TrainingRunSpec) -> Network:
    return Network(**spec.learner.network.model_dump())


PPO: Final = AlgorithmDeclaration(
    name="PPO",
    is_chosen=_is_chosen,
    queue_capacity=_queue_capacity,
    network=_network,
)
