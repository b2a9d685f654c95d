"""A run with a queue: what it has while it waits, and what it gives back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from trainingrun_api.conditions import (
    ConditionStatus,
    ConditionType,
    EventReason,
    Reason,
)
from trainingrun_api.run import TrainingRun, parse
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_reconciler.desired.actions import Action, Apply, PublishSlots, Remove
from trainingrun_reconciler.desired.decide import Decision, Memory, decide
from trainingrun_reconciler.desired.observed import (
    Held,
    Member,
    Observed,
    ObservedRole,
    Problem,
    Signals,
)
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

NOW = 1_700_000_000.0
SETTINGS = Settings()
WAITS = Held(NOW - 10, Problem("WaitingForQuota", "queue games has not admitted Job quick-learner"))


def queued_run(**spec: Any) -> TrainingRun:
    """A run that asks the queue "games"."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {
                "name": "quick",
                "uid": "u-1",
                "labels": {"kueue.x-k8s.io/queue-name": "games"},
            },
            "spec": {
                "games": 100,
                "decks": [{"name": "red_aggro"}],
                **spec,
            },
        }
    )


def role(run: TrainingRun, which: Role, *, held: Held | None = None) -> ObservedRole:
    """A role as it was asked for, with one member that serves unless it is held."""
    wanted = workloads(run, SETTINGS, scaled=1)[which]
    member = Member(f"quick-{which.value}-0", ready=True, endpoint="10.0.0.1:17171")
    members = () if held is not None else (member,)
    return ObservedRole(wanted.replicas, wanted.template_hash, members, held=held)


def signals(**change: Any) -> Signals:
    """A Redis with a run that plays."""
    ledger = Ledger(produced=10, trained=0, queued=10, dropped={}, lost=0)
    found = Signals(NOW, Intent.RUN, None, 100, ledger, {"played": 5})
    return replace(found, **change)


def whole(run: TrainingRun, *, held: Held | None = None) -> dict[Role, ObservedRole]:
    """All roles of a run that was under way."""
    return {
        each: role(run, each, held=held if each == Role.LEARNER else None)
        for each in workloads(run, SETTINGS, scaled=1)
    }


def look(run: TrainingRun, observed: Observed) -> Decision:
    """One decision."""
    return decide(run, observed, SETTINGS, Memory(), now=NOW)


def applied(actions: tuple[Action, ...]) -> list[Role]:
    """The roles that are applied."""
    return [each.workload.role for each in actions if isinstance(each, Apply)]


def removed(actions: tuple[Action, ...]) -> set[Role]:
    """The roles that are removed."""
    return {each.role for each in actions if isinstance(each, Remove)}


def test_the_learner_is_all_that_a_run_begins_with() -> None:
    """Nothing is taken from others before the queue has said yes, and the clock does not run."""
    run = queued_run(activeDeadlineSeconds=5)
    first = look(run, Observed({}))
    assert applied(first.actions) == [Role.LEARNER]
    assert first.status.started_at is None
    waiting = Observed({Role.LEARNER: role(run, Role.LEARNER, held=WAITS)})
    second = look(run, waiting)
    assert second.actions == ()
    assert second.status.started_at is None


def test_once_admitted_it_starts_like_any_other() -> None:
    """Redis, daemons, and with a Redis that answers the rest."""
    run = queued_run()
    admitted = Observed({Role.LEARNER: role(run, Role.LEARNER)})
    decision = look(run, admitted)
    assert applied(decision.actions) == [Role.REDIS, Role.DAEMON]
    assert decision.status.started_at is not None


@pytest.mark.parametrize(
    ("reason", "degraded"),
    [("WaitingForQuota", "False"), ("QueueControllerMissing", "True")],
)
def test_the_conditions_say_what_it_waits_for(reason: str, degraded: str) -> None:
    """Ready, LearnerAvailable and the summary; only a queue that no one serves needs a person."""
    run = queued_run()
    wait = Held(NOW - 4000, Problem(reason, "queue games has not admitted Job quick-learner"))
    status = look(run, Observed({Role.LEARNER: role(run, Role.LEARNER, held=wait)})).status
    for kind in (ConditionType.READY, ConditionType.LEARNER_AVAILABLE):
        found = status.condition(kind)
        assert found is not None
        assert (found.status, found.reason) == (ConditionStatus.FALSE, reason)
        assert "queue games" in found.message
    others = status.condition(ConditionType.DAEMONS_AVAILABLE)
    assert others is not None
    assert others.reason == Reason.WAITING_FOR_QUOTA
    troubled = status.condition(ConditionType.DEGRADED)
    assert troubled is not None
    assert troubled.status == degraded
    assert "queue games has not admitted" in (status.summary or "")


def test_waiting_and_admission_are_told_once_each() -> None:
    """Two events, however often the run is reconciled; a run that leaves the queue is not let
    in."""
    run = queued_run()
    waiting = Observed({Role.LEARNER: role(run, Role.LEARNER, held=WAITS)})
    first = look(run, waiting)
    assert [each.reason for each in first.events] == [EventReason.WAITING_FOR_QUOTA]
    run = run.model_copy(update={"status": first.status})
    assert look(run, waiting).events == ()
    admitted = look(run, Observed({Role.LEARNER: role(run, Role.LEARNER)}))
    assert [each.reason for each in admitted.events] == [EventReason.STARTED, EventReason.ADMITTED]
    left = run.model_copy(update={"spec": queued_run(suspend=True).spec})
    assert EventReason.ADMITTED not in [each.reason for each in look(left, waiting).events]


def test_an_admission_that_is_taken_back_frees_what_the_run_had() -> None:
    """After a minute daemons and players go, none is published any longer, and Redis stays."""
    run = queued_run()
    wait = replace(WAITS, since=NOW - 61)
    slots = {"10.0.0.1:17171": DaemonSlot(capacity=8)}
    decision = look(run, Observed(whole(run, held=wait), signals(slots=slots)))
    assert removed(decision.actions) == {Role.ACTOR, Role.EVALUATOR, Role.DAEMON}
    assert PublishSlots({}) in decision.actions
    assert applied(decision.actions) == []


def test_a_short_wait_keeps_the_rest_warm() -> None:
    """A learner that is replaced is admitted at once: its daemons are not sent away."""
    run = queued_run()
    decision = look(run, Observed(whole(run, held=WAITS), signals()))
    assert decision.actions == ()
    without = whole(run)
    del without[Role.LEARNER]
    again = look(run, Observed(without, signals(target=100)))
    assert Role.LEARNER in applied(again.actions)
    assert removed(again.actions) == set()


def test_waiting_is_not_idling() -> None:
    """idleShutdownSeconds does not stop a run that may not begin."""
    run = queued_run(idleShutdownSeconds=60)
    wait = replace(WAITS, since=NOW - 7200)
    observed = Observed({Role.LEARNER: role(run, Role.LEARNER, held=wait)})
    memory = look(run, observed).memory
    later = decide(run, observed, SETTINGS, memory, now=NOW + 3600)
    assert later.status.stop is None
    assert later.actions == ()


def test_a_suspended_run_leaves_its_queue() -> None:
    """spec.suspend takes the waiting Job away; nothing was played, so nothing is to be saved."""
    run = queued_run(suspend=True)
    decision = look(run, Observed({Role.LEARNER: role(run, Role.LEARNER, held=WAITS)}))
    assert removed(decision.actions) == {Role.LEARNER}


def test_a_learner_that_must_roll_goes_only_with_its_successor_in_hand() -> None:
    """The backend can then ask whether the successor would be taken, before anything goes."""
    run = queued_run()
    there = whole(run)
    there[Role.LEARNER] = replace(there[Role.LEARNER], template_hash="before")
    decision = look(run, Observed(there, signals()))
    (removal,) = (each for each in decision.actions if isinstance(each, Remove))
    assert removal.successor == workloads(run, SETTINGS, scaled=1)[Role.LEARNER]
