"""Random scale-downs: no daemon goes with a game before its time to drain is over.

Two hundred of them, a thousand with ``make soak``.

The world is hostile where it may be: actors lease between the reconcile and the action, machines
vanish while they drain, the number changes its mind, and half of all operators die after one of
their steps; nothing is remembered between reconciles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_reconciler.desired.actions import Apply, RemoveFirst
from trainingrun_reconciler.desired.draining import DrainPlan, DrainRules, plan_draining
from trainingrun_reconciler.desired.observed import ObservedRole, Signals
from trainingrun_reconciler.memory import MemoryBackend
from trainingrun_reconciler.roles.workload import Resources, Restart, Role, Workload

from testkit.soak_share import share_of

UID = "uid"
SLOTS = 4
LOOK_SECONDS = 5.0
RULES = DrainRules(capacity=SLOTS, seconds=180)


def _workload(replicas: int) -> Workload:
    return Workload(
        role=Role.DAEMON,
        replicas=replicas,
        image="daemon",
        command=("daemon",),
        resources=Resources(cpu="1", memory="1Gi", memory_limit="1Gi"),
        template_hash="hash",
        port=17171,
        restart=Restart.ALWAYS,
    )


@dataclass
class Fleet:
    """Daemons with games that end at known times; ``killed`` counts games that a removal ended."""

    random: Random
    longest: float
    now: float = 0.0
    backend: MemoryBackend = field(default_factory=MemoryBackend)
    slots: dict[str, DaemonSlot] = field(default_factory=dict)
    games: dict[str, list[float]] = field(default_factory=dict)
    killed_early: int = 0
    forced: int = 0
    forced_by_plan: int = 0

    @property
    def role(self) -> ObservedRole:
        """The daemons as the backend has them."""
        return self.backend.roles(UID)[Role.DAEMON]

    def lease(self) -> None:
        """Actors fill what is published and open, in random order, as far as they like."""
        for endpoint, slot in self.slots.items():
            running = self.games.setdefault(endpoint, [])
            while not slot.draining and len(running) < SLOTS and self.random.random() < 0.7:
                running.append(self.now + self.random.uniform(1, self.longest))

    def pass_time(self) -> None:
        """Until the next reconcile: games end, daemons become ready, actors lease."""
        self.now += LOOK_SECONDS
        for endpoint, running in self.games.items():
            self.games[endpoint] = [end for end in running if end > self.now]
        self.backend.tick(UID)
        self.lease()

    def lose_one(self) -> None:
        """A spot machine goes with its games; the backend brings another in its place."""
        gone = self.random.choice(self.role.members)
        self.backend.act(UID, RemoveFirst(Role.DAEMON, (gone.name,)))
        self.backend.act(UID, Apply(_workload(self.role.replicas - 1)))
        self.backend.act(UID, Apply(_workload(self.role.replicas + 1)))
        self.games.pop(gone.endpoint or "", None)

    def look(self, wanted: int) -> DrainPlan:
        """One reconcile of an operator, with actors that lease while it decides."""
        role = self.role
        plan = plan_draining(role, self._signals(), RULES, desired=wanted, now=self.now)
        self.lease()
        before = {member.endpoint: self.slots.get(member.endpoint or "") for member in role.members}
        dies_after = self.random.choice(["nothing", "publish", "name", "end", "end", "end"])
        if dies_after == "nothing":
            return plan
        self.slots = dict(plan.slots)
        self.lease()
        if dies_after == "publish":
            return plan
        if plan.removable and plan.replicas < role.replicas:
            self.backend.act(UID, RemoveFirst(Role.DAEMON, plan.removable))
        if dies_after == "name":
            return plan
        self.forced_by_plan += plan.forced if plan.replicas < role.replicas else 0
        self.backend.act(UID, Apply(_workload(plan.replicas)))
        present = {member.endpoint for member in self.role.members}
        for endpoint in set(before) - present:
            self._gone(endpoint or "", before[endpoint])
        return plan

    def _gone(self, endpoint: str, slot: DaemonSlot | None) -> None:
        if not self.games.pop(endpoint, []):
            return
        since = slot.draining_since if slot is not None else None
        if since is not None and self.now - since >= RULES.seconds:
            self.forced += 1
        else:
            self.killed_early += 1

    def _signals(self) -> Signals:
        return Signals(
            at=self.now,
            intent=Intent.RUN,
            intent_since=None,
            target=None,
            ledger=Ledger(0, 0, 0, {}, 0),
            games={},
            slots=self.slots,
            busy={endpoint: len(running) for endpoint, running in self.games.items()},
        )


def _scaled_down(fleet: Fleet, *, times: int) -> int:
    """This many scale-downs, each to its end or to a change of mind; gives how many ended."""
    ended = 0
    for _ in range(times):
        start = fleet.random.randint(2, 6)
        fleet.backend.act(UID, Apply(_workload(start)))
        for _ in range(2):
            fleet.pass_time()
            fleet.look(start)
        wanted = fleet.random.randint(0, start - 1)
        for _ in range(fleet.random.choice([3, 10, 40])):
            fleet.look(wanted)
            fleet.pass_time()
            if fleet.random.random() < 0.02 and fleet.role.members:
                fleet.lose_one()
            if len(fleet.role.members) == wanted:
                ended += 1
                break
    return ended


@pytest.mark.soak
def test_scale_downs_kill_no_game() -> None:
    """Games that end within drainTimeoutSeconds all end by themselves."""
    fleet, times = Fleet(Random(1), longest=40), share_of(1000)
    ended = _scaled_down(fleet, times=times)
    assert ended > 0.3 * times
    assert (fleet.killed_early, fleet.forced) == (0, 0)


def test_games_that_last_too_long_are_counted_when_they_are_cut() -> None:
    """Only after drainTimeoutSeconds; the plan counts as forced what really happened."""
    fleet = Fleet(Random(2), longest=900)
    _scaled_down(fleet, times=50)
    assert fleet.killed_early == 0
    assert fleet.forced == fleet.forced_by_plan > 0
