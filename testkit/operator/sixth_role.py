"""A role that no release has: it greets every daemon, and no one needs it.

Declared here alone, so that the tests with it show what one declaration is enough for.
"""

from __future__ import annotations

from typing import Final

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_contracts.stream.keys import Area
from trainingrun_reconciler.roles.declaration import (
    Account,
    Availability,
    Entrance,
    Extent,
    Life,
    Process,
    RoleDeclaration,
    Section,
    Service,
)
from trainingrun_reconciler.roles.redis_rights import Rights
from trainingrun_reconciler.roles.workload import Resources, Role
from trainingrun_reconciler.settings import Settings

PORT: Final = 7007
ROLE: Final = Role("greeter")
WITHOUT: Final = "example.com/without-greeters"
"""The annotation of a run that has none."""
PROGRAM: Final = """
import os, pathlib, threading
pathlib.Path(os.environ["TRAININGRUN_HEALTH_FILE"]).touch()
threading.Event().wait()
"""


def _is_there(run: TrainingRun) -> bool:
    return WITHOUT not in run.metadata.annotations


def _members(extent: Extent) -> int:
    return extent.scaled + 1


def _process(_run: TrainingRun, _settings: Settings) -> Process:
    return Process(
        command=("python", "-c", PROGRAM),
        resources=Resources(cpu="50m", memory="32Mi", memory_limit="64Mi"),
        grace_seconds=5,
    )


def _section(spec: TrainingRunSpec) -> Section:
    return Section(spot=spec.actor.spot)


GREETER: Final = RoleDeclaration(
    role=ROLE,
    purpose="Greets every daemon.",
    life=Life.WORKER,
    exists=_is_there,
    members=_members,
    process=_process,
    section=_section,
    image="actor",
    redis=Rights(writes=(Area.ROLES,), reads=(Area.WEIGHTS,), commands="hset"),
    port=PORT,
    service=Service.ANY_MEMBER,
    entrance=Entrance.RUN,
    connects_to=(Role.REDIS, Role.DAEMON),
    is_confined=True,
    account=Account.OWN,
    is_spread=True,
    availability=Availability("greeters", "greet"),
    price=lambda prices: prices.actor_hourly,
)
