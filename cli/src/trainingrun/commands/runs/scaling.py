"""``describe scaling``: what decides the number of daemons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.text import Text
from trainingrun_api.conditions import ConditionType, EventReason
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import ScaleDown, ScaleUp
from trainingrun_api.status import ScaleDecisionStatus

from trainingrun.commands.output import age_of
from trainingrun.commands.runs.facts import BOTTLENECKS, Row, is_active
from trainingrun.commands.runs.tables import grid, picture_of_events
from trainingrun.sdk import Event

HISTORY: Final = frozenset(
    {
        EventReason.SCALED_UP,
        EventReason.SCALED_DOWN,
        EventReason.SCALING_LIMITED,
        EventReason.DRAIN_REQUESTED,
    }
)
LAW: Final = (
    "the fewest daemons that keep the learner busy: what the learner could train if it never"
    " waited, over what one daemon produces, within the limits"
)
LAW_OF_SERVERS: Final = (
    "one more where searches wait for more than two batches (95th percentile) for half a minute,"
    " one fewer where the rest would do for five minutes, within the limits"
)
INPUTS: Final = {
    "wanted": "daemons that the rates ask for",
    "learnerCapacity": "transitions/s that the learner could train if it never waited",
    "producedPerDaemon": "transitions/s that one daemon produces",
    "queued": "transitions in the queue",
    "highWater": "transitions in the queue at which actors pause",
    "paused": "part of the time in which actors were held back",
    "learnerBusy": "part of the time in which the learner had data",
}
_CAPITAL: Final = re.compile("[A-Z]")
_NO_DECISION: Final = (
    "none yet: the number has not changed since the run began, or no rate is known"
)


class Scaling(Struct, frozen=True):
    """All that explains the number of daemons, for programs."""

    desired: int | None
    ready: int | None
    limits: dict[str, object]
    limited: dict[str, object] | None
    last_decision: dict[str, object] | None
    forced: int | None
    bottleneck: str | None
    history: tuple[Event, ...]


def scaling_of(run: TrainingRun, events: Sequence[Event]) -> Scaling:
    """Return what explains the number of daemons of a run."""
    role, reported = run.status.role("daemon"), run.status.autoscaling
    condition = run.status.condition(ConditionType.SCALING_LIMITED)
    decision = reported.last_decision if reported is not None else None
    return Scaling(
        desired=role.desired if role is not None else None,
        ready=role.ready if role is not None else None,
        limits=run.spec.daemon.autoscaling.model_dump(mode="json"),
        limited=condition.model_dump(mode="json") if condition else None,
        last_decision=_decided(decision) if decision else None,
        forced=reported.forced if reported is not None else None,
        bottleneck=run.status.bottleneck,
        history=tuple(event for event in events if event.reason in HISTORY),
    )


def _decided(decision: ScaleDecisionStatus) -> dict[str, object]:
    inputs = {
        _CAPITAL.sub(r"_\g<0>", name).lower(): value for name, value in decision.inputs.items()
    }
    return {**decision.model_dump(mode="json"), "inputs": inputs}


def picture_of_scaling(
    title: Sequence[Row], run: TrainingRun, events: Sequence[Event]
) -> RenderableType:
    """Return the explanation for people."""
    history = scaling_of(run, events).history
    parts: list[RenderableType] = [
        grid([("run", run.metadata.name), *title, *_now(run)]),
        Text("\nlast decision", style="bold"),
        grid(list(_decision(run))),
        Text("\nrules", style="bold"),
        grid(list(_rules(run))),
        Text("\nhistory", style="bold"),
    ]
    if history:
        parts.append(picture_of_events(history))
    else:
        parts.append(Text("no change is on record (a cluster keeps events for an hour)"))
    return Group(*parts)


def _now(run: TrainingRun) -> Iterator[Row]:
    role = run.status.role("daemon")
    if run.spec.daemon.external is not None:
        yield "daemons", "external ones: their number is not decided here"
    if role is not None:
        yield "daemons", f"{role.ready or 0} ready of {role.desired or 0} wanted"
    reported = run.status.autoscaling
    if reported is not None and reported.forced:
        yield (
            "forced",
            f"{reported.forced} daemons went with games, after daemon.drainTimeoutSeconds",
        )
    condition = run.status.condition(ConditionType.SCALING_LIMITED)
    if condition is not None:
        held = "yes" if condition.is_true else "no"
        yield "limited", f"{held}, {condition.reason}: {condition.message}"
    if run.status.bottleneck is not None and is_active(run):
        yield "bottleneck", f"{run.status.bottleneck}: {BOTTLENECKS[run.status.bottleneck]}"


def _decision(run: TrainingRun) -> Iterator[Row]:
    reported = run.status.autoscaling
    decision = reported.last_decision if reported is not None else None
    if decision is None:
        yield "change", _NO_DECISION
        return
    yield "change", f"from {decision.from_replicas} to {decision.to_replicas}"
    yield "when", f"{age_of(decision.at)} ago"
    yield "why", decision.reason
    for name, value in decision.inputs.items():
        meaning = INPUTS.get(name)
        yield f"  {name}", f"{value:g}" + (f"  ({meaning})" if meaning else "")


def _rules(run: TrainingRun) -> Iterator[Row]:
    if run.spec.algorithm.alpha_zero is not None:
        yield from _rules_of_servers(run)
        return
    spec = run.spec.daemon.autoscaling
    yield "law", LAW
    yield "limits", f"{spec.min_replicas} to {spec.max_replicas} daemons"
    yield "games", f"{run.spec.daemon.games_per_daemon} at once on each"
    yield "targetLagSeconds", f"{spec.target_lag_seconds:g}"
    yield "tolerance", f"{spec.tolerance:g}"
    yield "scaleUp", _speed(spec.behavior.scale_up)
    yield "scaleDown", _speed(spec.behavior.scale_down)


def _rules_of_servers(run: TrainingRun) -> Iterator[Row]:
    asked = run.spec.inference
    if asked is None:
        yield "law", "none: each worker values positions itself (spec.inference adds servers)"
        return
    yield "law", LAW_OF_SERVERS
    yield "limits", f"{asked.min_replicas} to {asked.max_replicas} inference servers"


def _speed(rules: ScaleUp | ScaleDown) -> str:
    """Return how fast the number may change, in words of a HorizontalPodAutoscaler."""
    each = (
        f"{policy.value} {policy.type} within {policy.period_seconds} s"
        for policy in rules.policies
    )
    window = f"stabilizationWindowSeconds {rules.stabilization_window_seconds:g}"
    return f"{window}, at most {' or '.join(each)}"
