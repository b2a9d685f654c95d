"""What an algorithm is to a run: its roles, their programs, its queue and its network.

Belongs here: what the reconciler must know of an algorithm to make and lead a run of it. Does not
belong here: how it learns, which only the learner's program knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.policy_format import Network

from trainingrun_reconciler.roles.declaration import ImageName
from trainingrun_reconciler.roles.workload import Role


@dataclass(frozen=True, kw_only=True)
class AlgorithmDeclaration:
    """One algorithm, complete.

    Its runs have every role but those that only other algorithms ``bring`` and those that it goes
    ``without``; exactly one of them is a task, whose end is the run's. ``programs`` are started in
    the place of the roles' own, in default images of which ``images`` names those that differ.
    ``queue_capacity`` is how many transitions wait for the learner
    before players pause.
    """

    name: str
    is_chosen: Callable[[TrainingRunSpec], bool]
    brings: tuple[Role, ...] = ()
    without: tuple[Role, ...] = ()
    programs: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)
    images: Mapping[Role, ImageName] = field(default_factory=dict)
    queue_capacity: Callable[[TrainingRunSpec], int]
    network: Callable[[TrainingRunSpec], Network]
