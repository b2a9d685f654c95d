"""A run that is deleted with its storage: what holds it, and what lets it go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.controller.loop import Reconciler
from trainingrun_reconciler.desired.actions import Apply, Remove, WorkloadAction
from trainingrun_reconciler.desired.errands import cleaner
from trainingrun_reconciler.desired.finalizer import (
    DEADLINE_SECONDS,
    FINALIZER,
    clean,
    should_be_held,
)
from trainingrun_reconciler.desired.observed import Finished, Observed
from trainingrun_reconciler.memory import MemoryBackend, MemoryRunStore
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey

from testkit.operator.simulated_run import UID, training_run

S3 = {"bucket": "bucket", "prefix": "prefix", "endpointUrl": "http://storage:9000"}
BUCKET = {"storage": {"s3": S3}}
DELETED_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = ResourceKey("default", "run")


def deleted_run(**spec: Any) -> TrainingRun:
    """A run whose deletion was asked."""
    run = training_run(**{"reclaimPolicy": "Delete", "checkpoint": BUCKET, **spec})
    metadata = run.metadata.model_copy(
        update={"finalizers": (FINALIZER,), "deletion_timestamp": DELETED_AT}
    )
    return run.model_copy(update={"metadata": metadata})


@dataclass
class World:
    """A run that is deleted, and what it had; each reconcile may be the last of its operator."""

    run: TrainingRun = field(default_factory=deleted_run)
    backend: MemoryBackend = field(default_factory=MemoryBackend)
    store: MemoryRunStore = field(default_factory=MemoryRunStore)
    now: float = DELETED_AT.timestamp()

    def __post_init__(self) -> None:
        self.store.put(self.run)

    def look(self) -> None:
        """A new operator reconciles once."""
        reconciler = Reconciler(self.store, self.backend, Settings(), clock=lambda: self.now)
        asyncio.run(self._once(reconciler))
        self.backend.tick(UID)

    async def _once(self, reconciler: Reconciler) -> None:
        await reconciler.reconcile(KEY)
        await reconciler.close()

    @property
    def told(self) -> list[str]:
        """Reasons of the events."""
        return [event.reason for _, event in self.store.events]


def test_only_who_asks_is_held() -> None:
    """By default nothing holds a run, nor where the claim goes with it anyway."""
    assert not should_be_held(training_run(checkpoint=BUCKET))
    assert not should_be_held(training_run(reclaimPolicy="Delete"))
    assert should_be_held(training_run(reclaimPolicy="Delete", checkpoint=BUCKET))


def test_the_cleaner_is_the_learner_with_another_program() -> None:
    """It has the credentials, names the run and the place, and takes no GPU."""
    learner = {"gpus": 2}
    run = deleted_run(learner=learner)
    made, uid, namespace = cleaner(run, Settings()), run.metadata.uid, run.metadata.namespace
    assert made.role == Role.LEARNER
    assert made.resources.gpus == 0
    assert made.command[1:] == (
        "-m",
        "trainingrun_trainer.checkpoint",
        "rm",
        "s3://bucket/prefix",
        "--run",
        "run",
        "--run-id",
        uid,
        "--namespace",
        namespace,
        "--endpoint-url",
        "http://storage:9000",
    )


def test_members_go_first_then_the_cleaner_comes_and_the_run_goes() -> None:
    """Operators that live for one reconcile each walk it to its end."""
    world = World()
    for role in (Role.DAEMON, Role.ACTOR, Role.LEARNER):
        made = cleaner(world.run, Settings())
        other = replace(made, role=role, template_hash="older")
        world.backend.act(UID, Apply(other))
    world.look()
    assert world.backend.roles(UID) == {}
    world.look()
    assert set(world.backend.roles(UID)) == {Role.LEARNER}
    world.look()
    assert KEY in world.store.runs
    world.backend.finish(UID, Role.LEARNER, Finished(succeeded=True))
    world.look()
    assert KEY not in world.store.runs
    assert world.told == ["StorageDeleted"]


@pytest.mark.parametrize("why", ["failure", "deadline"])
def test_what_cannot_be_removed_does_not_hold_the_run_for_ever(why: str) -> None:
    """The run goes, and an event says where the checkpoints are left."""
    world = World()
    world.look()
    if why == "failure":
        world.backend.finish(UID, Role.LEARNER, Finished(False, "Failed", "access denied"))
    else:
        world.now += DEADLINE_SECONDS
    world.look()
    assert KEY not in world.store.runs
    assert world.told == ["StorageNotDeleted"]
    assert "s3://bucket/prefix" in world.store.events[0][1].message


class Closing(MemoryBackend):
    """A namespace on its way out: nothing new may be made in it."""

    async def perform(self, run: RunIdentity, action: WorkloadAction) -> None:
        """Refuse what is new."""
        if isinstance(action, Apply):
            raise BackendError("Forbidden", "namespace default is being terminated")
        await super().perform(run, action)


def test_a_namespace_that_goes_is_not_held_up() -> None:
    """Where the cleaner cannot be made, the run goes at once, and the event has the real words."""
    world = World(backend=Closing())
    world.look()
    assert KEY not in world.store.runs
    assert world.told == ["StorageNotDeleted"]
    assert "being terminated" in world.store.events[0][1].message


def test_who_changes_their_mind_is_let_go_at_once() -> None:
    """reclaimPolicy: Retain while the run is being deleted."""
    cleaning = clean(deleted_run(reclaimPolicy="Retain"), Observed({}), Settings(), now=0.0)
    assert cleaning.over
    assert cleaning.events == ()


def test_an_active_run_is_held_before_it_has_anything_and_let_go_when_it_asks_no_more() -> None:
    """The finalizer follows the spec."""
    world = World(run=training_run(reclaimPolicy="Delete", checkpoint=BUCKET))
    world.look()
    assert world.store.runs[KEY].metadata.finalizers == (FINALIZER,)
    retained = training_run(reclaimPolicy="Retain", checkpoint=BUCKET)
    held = world.store.runs[KEY].metadata
    world.store.runs[KEY] = retained.model_copy(update={"metadata": held})
    world.look()
    assert world.store.runs[KEY].metadata.finalizers == ()


def test_steps_are_not_asked_twice() -> None:
    """A cleaner that runs is waited for."""
    run = deleted_run()
    backend = MemoryBackend()
    backend.act(UID, Apply(cleaner(run, Settings())))
    observed = Observed(backend.roles(UID))
    cleaning = clean(run, observed, Settings(), now=DELETED_AT.timestamp())
    assert cleaning.actions == ()
    assert not cleaning.over
    backend.act(UID, Remove(Role.LEARNER))
    (action,) = clean(run, Observed({}), Settings(), now=DELETED_AT.timestamp()).actions
    assert isinstance(action, Apply)
