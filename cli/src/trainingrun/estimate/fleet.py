"""How many daemons, what they give together, and the machines that hold them and the actors."""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.limits import ACTOR_MICROSECONDS, Limit, tightest
from trainingrun.estimate.needs import Needs, Size
from trainingrun.estimate.prices import Machine
from trainingrun.estimate.rate import Rate

RESERVED_VCPUS: Final = 2.0
"""Left on each machine: one for the system, one for actors."""
ACTORS_OF_RESERVED: Final = 1.0
EVALUATOR_CORES: Final = 1.0
"""Of one evaluator that plays or searches its games itself; beside daemons, actors' are counted."""
RESERVED_GIB: Final = 2.0
SYSTEM_VCPUS: Final = 0.5
SYSTEM_MEMORY: Final = 0.15
"""Of a machine with a GPU, for kubelet, system and their daemons: providers keep 0.1 to 0.25 vCPUs
and a tenth of the memory, the daemons of a cluster the rest."""


class Fleet(Struct, frozen=True):
    """The members of a run that play, and the games of all of them in an hour, at one rate.

    ``limited_by`` is the role that the others wait for: engine, learner or redis. ``actor_cores``
    is what the actors need in all.
    """

    daemons: int
    actors: int
    actor_cores: float
    games_per_hour: float
    limited_by: str


class Machines(Struct, frozen=True):
    """Machines for daemons, and those beside them that actors need."""

    daemons_each: int
    for_daemons: int
    for_actors: int


def fleet_of(
    needs: Needs, rate: Rate, limits: tuple[Limit, ...], *, each: float, daemons: int | None = None
) -> Fleet:
    """Return the fleet if a daemon plays ``each`` games an hour, up to what the learner and Redis
    take.

    Without a number of ``daemons`` there are as many as the autoscaler would settle on.
    """
    limit = tightest(limits)
    most = limit.transitions_per_second * 3600 / rate.transitions_per_game
    if daemons is None:
        daemons = max(needs.fewest, min(needs.most, math.ceil(most / each)))
    alone = each * daemons
    together = min(alone, most)
    actors = needs.actors(daemons)
    decisions = together / 3600 * rate.transitions_per_game
    cores = max(decisions * ACTOR_MICROSECONDS / 1e6, actors * (needs.actor_cores or 0.0))
    if not needs.has_daemons:
        cores = EVALUATOR_CORES if needs.evaluation_share else 0.0
    return Fleet(daemons, actors, cores, together, "engine" if alone <= most else limit.role)


def daemons_on(machine: Machine, size: Size) -> int:
    """Daemons that a machine holds, by its cores and its memory."""
    by_cores = (machine.vcpus - RESERVED_VCPUS) / size.cores
    return max(0, math.floor(min(by_cores, (machine.memory_gib - RESERVED_GIB) / size.gib)))


def machines_for(fleet: Fleet, needs: Needs, machine: Machine, name: str, each: int) -> Machines:
    """Machines that hold a fleet, ``each`` daemons on one.

    Raises:
        PlanError: the machine holds no daemon.
    """
    if each < 1:
        size = needs.daemon
        raise PlanError(
            f"{name}: {machine.vcpus:g} vCPUs and {machine.memory_gib:g} GiB hold no"
            f" {needs.player.value} of {size.cores:g} cores and {size.gib:.3g} GiB beside the"
            f" system ({RESERVED_VCPUS:g} vCPUs, {RESERVED_GIB:g} GiB): choose a larger machine"
            " with --daemon-machine"
        )
    count = 0 if needs.external else math.ceil(fleet.daemons / each)
    usable = max(1.0, machine.vcpus - RESERVED_VCPUS)
    spare = count * (ACTORS_OF_RESERVED + usable) - fleet.daemons * needs.daemon.cores
    rest = max(0.0, fleet.actor_cores - max(0.0, spare))
    return Machines(each, count, math.ceil(rest / usable))
