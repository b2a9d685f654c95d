"""An algorithm that no release has: its games run in the processes that fill the queue.

Other roles than those of PPO take every part of a run's life, and there is no daemon. Declared here
alone, so that the tests with it show what declarations are enough for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import ActorReport, EvaluatorReport, LearnerReport
from trainingrun_contracts.stream.keys import Area
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.algorithms.declaration import AlgorithmDeclaration
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import (
    Account,
    Availability,
    Controller,
    Life,
    Noun,
    Process,
    RoleDeclaration,
    Scaling,
    Section,
)
from trainingrun_reconciler.roles.redis_rights import Rights
from trainingrun_reconciler.roles.workload import Resources, Role
from trainingrun_reconciler.settings import Settings

SEED: Final = 4712
"""No spec can name it: this seed chooses it."""
PORT: Final = 7008
"""Of a worker, which listens there although it has no slots."""
GAMES: Final = 4
"""Games that a worker plays at once."""
WORKERS: Final = Role("workers")
TRAINER: Final = Role("trainer")
ARENA: Final = Role("arena")


def _process_of(role: Role) -> Callable[[TrainingRun, Settings], Process]:
    """See ``search_role``: its own program in each role."""
    process = Process(
        command=("python", "-m", "testkit.operator.search_role", role.value),
        resources=Resources(cpu="1", memory="64Mi", memory_limit="128Mi"),
        grace_seconds=5,
    )
    return lambda _run, _settings: process


_PLAYERS: Final = Rights(
    writes=(Area.PLAYERS, Area.ROLES), reads=(Area.WEIGHTS, Area.OPERATOR), commands="hset hincrby"
)
_LEARNER: Final = Rights(
    writes=(Area.LEARNER, Area.ROLES), reads=(Area.QUEUE, Area.OPERATOR), commands="hset"
)
OF_WORKERS: Final = RoleDeclaration(
    role=WORKERS,
    purpose="Plays games by search against itself, in its own process.",
    life=Life.WORKER,
    members=lambda extent: extent.scaled,
    process=_process_of(WORKERS),
    section=lambda _spec: Section(),
    image="actor",
    redis=_PLAYERS,
    report=ActorReport,
    port=PORT,
    connects_to=(Role.REDIS,),
    scaling=Scaling(
        noun=Noun("self-play worker", "self-play workers"),
        bounds=lambda spec: spec.daemon.autoscaling,
        games=lambda _spec: GAMES,
        drain_seconds=lambda _spec: 0.0,
    ),
    produces=True,
    availability=Availability("self-play workers", "play"),
)
OF_TRAINER: Final = RoleDeclaration(
    role=TRAINER,
    purpose="Trains on what was played.",
    life=Life.TASK,
    controller=Controller.JOB,
    process=_process_of(TRAINER),
    section=lambda _spec: Section(),
    image="trainer",
    redis=_LEARNER,
    report=LearnerReport,
    connects_to=(Role.REDIS,),
    account=Account.OWN,
    waits_for_quota=True,
    availability=Availability("trainer", "trains"),
)
OF_ARENA: Final = RoleDeclaration(
    role=ARENA,
    purpose="Measures strength.",
    life=Life.WORKER,
    process=_process_of(ARENA),
    section=lambda _spec: Section(),
    image="actor",
    redis=_PLAYERS,
    report=EvaluatorReport,
    connects_to=(Role.REDIS,),
    evaluates=True,
)
SEARCH: Final = AlgorithmDeclaration(
    name="Search",
    is_chosen=lambda spec: spec.seed == SEED,
    brings=(WORKERS, TRAINER, ARENA),
    without=(Role.DAEMON, Role.ACTOR, Role.LEARNER, Role.EVALUATOR),
    queue_capacity=lambda spec: 2 * spec.learner.batch_transitions,
    network=lambda _spec: Network(width=64),
)


@contextmanager
def a_second_algorithm() -> Iterator[None]:
    """Have the algorithm and its roles for a while."""
    with ROLES.also(OF_WORKERS, OF_TRAINER, OF_ARENA), ALGORITHMS.also(SEARCH):
        yield
