"""What an hour of a fleet costs: machine by machine, with the learner and Redis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct
from trainingrun_api.spec import Inference
from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Extent, RoleDeclaration
from trainingrun_reconciler.roles.workload import Role

from trainingrun.estimate.band import Band, exactly
from trainingrun.estimate.errors import PlanError, QuoteError
from trainingrun.estimate.fleet import (
    SYSTEM_MEMORY,
    SYSTEM_VCPUS,
    Fleet,
    Machines,
    daemons_on,
    machines_for,
)
from trainingrun.estimate.needs import Needs
from trainingrun.estimate.prices import (
    Machine,
    Provider,
    Purchase,
    machine_of,
    price_of,
)


class Buying(StrEnum):
    """How the machines of a run are bought."""

    ON_DEMAND = "on-demand"
    AS_WRITTEN = "spec"
    """On spot where the spec's ``spot`` allows it."""
    SPOT = "spot"
    """Daemons, actors and the learner on spot, whatever the spec says."""


class Part(Struct, frozen=True):
    """One line of a bill; ``hourly`` is the price of all machines of it."""

    role: str
    machine: str
    count: int
    purchase: str
    hourly: Band


class Bill(Struct, frozen=True):
    """What an hour costs. ``daemons_each`` are on one machine; 0 where no machines are counted."""

    parts: tuple[Part, ...]
    daemons_each: int
    notes: tuple[str, ...] = ()

    @property
    def hourly(self) -> Band:
        """The price of an hour of everything."""
        bands = [part.hourly for part in self.parts]
        return Band(
            sum(band.low for band in bands),
            sum(band.likely for band in bands),
            sum(band.high for band in bands),
        )

    @property
    def machines(self) -> int:
        """All machines."""
        return sum(part.count for part in self.parts)

    @property
    def spot_machines(self) -> int:
        """Machines that may be taken away."""
        return sum(part.count for part in self.parts if part.purchase == Purchase.SPOT)


@dataclass(frozen=True)
class Choice:
    """Machines that the user chose; None is the price list's. ``each``: daemons on a machine."""

    daemons: str | None = None
    learner: str | None = None
    each: int | None = None


@dataclass(frozen=True)
class Shop:
    """One provider's prices and what was chosen from them."""

    name: str
    provider: Provider
    choice: Choice

    def bill(self, needs: Needs, fleet: Fleet, *, buying: Buying) -> Bill:
        """Return what an hour of a fleet costs.

        Raises:
            PlanError: a machine has no price, or holds no daemon.
        """
        machine_name = self.choice.daemons or self._cheapest(needs, fleet)
        machine = machine_of(self.name, self.provider, machine_name)
        each = self.choice.each or daemons_on(machine, needs.daemon)
        machines = machines_for(fleet, needs, machine, machine_name, each)
        lines = list(self._lines(needs, machines, machine_name, buying))
        return Bill(
            parts=tuple(part for part, _ in lines),
            daemons_each=0 if needs.external else each,
            notes=tuple(note for _, note in lines if note),
        )

    def _cheapest(self, needs: Needs, fleet: Fleet) -> str:
        """Return the type of machine on which the daemons and actors of a fleet cost least on
        demand; the price list's own where several do."""
        usual = self.provider.daemons

        def price(name: str) -> tuple[float, bool]:
            machine = self.provider.machines[name]
            each = self.choice.each or daemons_on(machine, needs.daemon)
            if each < 1:
                return math.inf, name != usual
            count = machines_for(fleet, needs, machine, name, each)
            return (count.for_daemons + count.for_actors) * machine.on_demand, name != usual

        plain = [
            name
            for name, machine in self.provider.machines.items()
            if not machine.gpus and name != self.provider.redis
        ]
        return min(plain or [usual], key=price)

    def _lines(
        self, needs: Needs, machines: Machines, machine: str, buying: Buying
    ) -> Iterator[tuple[Part, str]]:
        learner = self._learner(needs)
        if machines.for_daemons:
            wanted = _purchase(buying, allowed=needs.daemon_spot)
            yield self._line(needs.player.value, machine, machines.for_daemons, wanted)
        if machines.for_actors:
            wanted = _purchase(buying, allowed=needs.actor_spot)
            yield self._line("actor", machine, machines.for_actors, wanted)
        yield self._line("learner", learner, 1, _purchase(buying, allowed=needs.learner_spot))
        servers = _servers(needs)
        if servers is not None:
            name = self.provider.learner if servers.gpus else machine
            wanted = _purchase(buying, allowed=servers.spot != "Never")
            yield self._line(Role.INFERENCE.value, name, servers.min_replicas, wanted)
        yield self._line("redis", self.provider.redis, 1, Purchase.ON_DEMAND)

    def _learner(self, needs: Needs) -> str:
        """Return the machine that holds the learner: the one that was chosen, the price list's own,
        or the cheapest one that is large enough. A learner is one pod, so all of it is on one
        machine.

        Raises:
            QuoteError: none is large enough.
        """
        usual = self.provider.learner if needs.gpus else self.provider.cpu_learner
        name = self.choice.learner or usual
        lacking = _lacking(needs, machine_of(self.name, self.provider, name))
        if not lacking:
            return name
        fitting = {
            each: machine.on_demand
            for each, machine in self.provider.machines.items()
            if not _lacking(needs, machine)
        }
        if self.choice.learner is None and fitting:
            return min(fitting, key=lambda each: fitting[each])
        known = f"{', '.join(sorted(fitting))} " if fitting else "another "
        raise QuoteError(
            f"{name} ({self.name}): {lacking}: choose {known}with --learner-machine, or add a"
            " larger machine to the price file (--prices)"
        )

    def _line(self, role: str, name: str, count: int, wanted: Purchase) -> tuple[Part, str]:
        """Return one line; a machine without a spot price is bought on demand, and a note says
        so."""
        machine = machine_of(self.name, self.provider, name)
        price, note = price_of(machine, wanted), ""
        if price is None:
            price, wanted = exactly(machine.on_demand), Purchase.ON_DEMAND
            note = f"{self.name}: no spot price of {name} is known: computed on demand"
        hourly = price.each(lambda amount: amount * count)
        return Part(role, name, count, wanted.value, hourly), note


def _servers(needs: Needs) -> Inference | None:
    return None if needs.run is None else needs.run.spec.inference


def _lacking(needs: Needs, machine: Machine) -> str:
    """Return what a machine has too little of for the learner; empty where it holds it. Not all of
    a machine is for pods: the kubelet, the system and their daemons take some."""
    cores, gib = machine.vcpus - SYSTEM_VCPUS, machine.memory_gib * (1 - SYSTEM_MEMORY)
    if machine.gpus < needs.gpus:
        return f"it has {machine.gpus} GPUs, spec.learner.gpus is {needs.gpus}"
    if (needs.learner_cores or 0.0) > cores:
        return f"it leaves {cores:g} vCPUs to pods, the learner requests {needs.learner_cores:g}"
    if (needs.learner_gib or 0.0) > gib:
        return f"it leaves {gib:.3g} GiB to pods, the learner requests {needs.learner_gib:.3g} GiB"
    return ""


def _purchase(buying: Buying, *, allowed: bool) -> Purchase:
    spot = buying is Buying.SPOT or (buying is Buying.AS_WRITTEN and allowed)
    return Purchase.SPOT if spot else Purchase.ON_DEMAND


def _members(declared: RoleDeclaration, needs: Needs, fleet: Fleet) -> int:
    """Return how many members of a role a fleet has."""
    if declared.role is needs.player:
        return 0 if needs.external else fleet.daemons
    match declared.role:
        case Role.ACTOR:
            return fleet.actors
    if needs.run is None:
        return 1
    extent = Extent(needs.run, scaled=fleet.daemons, slots=fleet.daemons * needs.slots)
    return declared.members(extent) if declared.exists(needs.run) else 0


def bill_of_spec(needs: Needs, fleet: Fleet) -> Bill:
    """Return what an hour costs by the prices of ``spec.cost``; none there is for machines or
    Redis.

    Raises:
        PlanError: the spec has no prices.
    """
    cost = needs.cost
    if cost is None:
        raise PlanError(
            "spec.cost: it has no prices: give daemonHourly, actorHourly, learnerHourly"
        )
    declared = ROLES if needs.run is None else ALGORITHMS.roles_of(needs.run)
    priced = ((each, each.price(cost)) for each in declared if each.price is not None)
    parts = tuple(
        Part(each.role.value, "-", count, "spec.cost", exactly(price * count))
        for each, price in priced
        if (count := _members(each, needs, fleet))
    )
    return Bill(parts, 0, notes=("spec.cost has no price of Redis",))
