"""What people ask of a run by annotation: drains of single daemons, and a checkpoint now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from trainingrun_api.requests import CHECKPOINT, DRAIN, drains_in, with_drain
from trainingrun_api.run import TrainingRun, parse
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_reconciler.desired.draining import DrainPlan, DrainRules, plan_draining
from trainingrun_reconciler.desired.observed import Member, ObservedRole, Signals
from trainingrun_reconciler.desired.requests import (
    newly_drained,
    requested_checkpoint,
    requested_drains,
    with_drains,
)

NOW = 1_000_000.0
RULES = DrainRules(capacity=8, seconds=180.0)
ASKED_AT = datetime.fromtimestamp(NOW - 10, tz=UTC)


def run_with(**annotations: str) -> TrainingRun:
    """A run with annotations."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small", "annotations": annotations},
            "spec": {"games": 10, "decks": [{"name": "bears"}]},
        }
    )


def role_of(number: int, *, started_at: float = NOW - 100) -> ObservedRole:
    """This many daemons that serve."""
    members = tuple(
        Member(f"daemon-{index}", ready=True, endpoint=f"h:{index}", started_at=started_at)
        for index in range(number)
    )
    return ObservedRole(replicas=number, template_hash="a", members=members)


def signals_of(role: ObservedRole, **changes: Any) -> Signals:
    """Redis where all daemons are published and idle."""
    slots = {str(member.endpoint): DaemonSlot(capacity=8) for member in role.members}
    made = Signals(
        at=NOW,
        intent=Intent.RUN,
        intent_since=None,
        target=10,
        ledger=Ledger(0, 0, 0, {}, 0),
        games={},
        slots=slots,
    )
    return replace(made, **changes)


def plan_for(role: ObservedRole, signals: Signals, run: TrainingRun, *, wanted: int) -> DrainPlan:
    """The plan with the requests of the run."""
    plan = plan_draining(role, signals, RULES, desired=wanted, now=NOW)
    asked = requested_drains(run, role)
    return with_drains(plan, asked, signals, RULES, present=len(role.members), now=NOW)


def test_a_wish_survives_being_written_and_read() -> None:
    """Expect names and times back, also of one that somebody wrote by hand."""
    text = with_drain({DRAIN: "by-hand"}, "daemon-1", at=ASKED_AT)
    assert drains_in({DRAIN: text}) == {"by-hand": None, "daemon-1": ASKED_AT}
    again = with_drain({DRAIN: text}, "daemon-1", at=ASKED_AT)
    assert again == text
    assert drains_in({DRAIN: "daemon-1@yesterday"}) == {"daemon-1": None}
    assert drains_in({}) == {}


def test_a_daemon_that_was_asked_to_go_drains_first_and_then_goes() -> None:
    """Expect draining published, then removal when idle, and one less for that reconcile only."""
    role = role_of(3)
    run = run_with(**{DRAIN: with_drain({}, "daemon-1", at=ASKED_AT)})
    signals = signals_of(role)
    first = plan_for(role, signals, run, wanted=3)
    assert first.slots["h:1"] == DaemonSlot(capacity=8, draining=True, draining_since=NOW)
    assert not first.slots["h:0"].draining
    assert (first.removable, first.replicas, first.waiting) == ((), 3, 1)

    busy = replace(signals, slots=first.slots, busy={"h:1": 2})
    assert plan_for(role, busy, run, wanted=3).removable == ()

    idle = replace(signals, slots=first.slots)
    last = plan_for(role, idle, run, wanted=3)
    assert (last.removable, last.replicas) == (("daemon-1",), 2)

    shrunk = replace(role, replicas=2)  # the effect is seen, the daemon is not gone yet
    assert plan_for(shrunk, idle, run, wanted=3).replicas == 2


def test_one_that_has_the_name_but_started_later_is_left_alone() -> None:
    """Expect a local daemon that took the name of the one that went to play."""
    run = run_with(**{DRAIN: with_drain({}, "daemon-0", at=ASKED_AT)})
    assert requested_drains(run, role_of(1, started_at=NOW)) == ()
    assert len(requested_drains(run, role_of(1))) == 1


def test_the_drain_deadline_holds_for_wishes_too() -> None:
    """Expect a daemon whose games do not end to go when its time is over."""
    role = role_of(2)
    run = run_with(**{DRAIN: "daemon-0"})
    slots = {
        "h:0": DaemonSlot(capacity=8, draining=True, draining_since=NOW - 181),
        "h:1": DaemonSlot(capacity=8),
    }
    signals = signals_of(role, slots=slots, busy={"h:0": 3})
    assert plan_for(role, signals, run, wanted=2).removable == ("daemon-0",)


def test_a_drain_is_told_once() -> None:
    """Expect the name while the daemon is still published as serving, and not after."""
    role, run = role_of(1), run_with(**{DRAIN: "daemon-0"})
    signals = signals_of(role)
    assert list(newly_drained(run, role, signals)) == ["daemon-0"]
    plan = plan_for(role, signals, run, wanted=1)
    assert list(newly_drained(run, role, replace(signals, slots=plan.slots))) == []


def test_a_checkpoint_is_asked_for_once() -> None:
    """Expect the request until Redis has it, and nothing where no one asked."""
    role = role_of(1)
    run = run_with(**{CHECKPOINT: "2026-01-01T00:00:00Z"})
    signals = signals_of(role)
    assert requested_checkpoint(run, signals) == "2026-01-01T00:00:00Z"
    told = replace(signals, checkpoint_request="2026-01-01T00:00:00Z")
    assert requested_checkpoint(run, told) is None
    assert requested_checkpoint(run_with(), signals) is None
