"""How large a run should be: the number of its scaled members, and what that follows from.

Belongs here: which figures the law (``scale``) is asked with, for the role that declares how it is
scaled, and how the number is reached without taking a game away (``draining``). Does not belong
here: the law itself. A run in which rates decide no number has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Autoscaling

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.algorithms.run_roles import RunRoles
from trainingrun_reconciler.desired.draining import DrainPlan, DrainRules, plan_draining
from trainingrun_reconciler.desired.external import endpoints
from trainingrun_reconciler.desired.facts import Facts
from trainingrun_reconciler.desired.observed import ObservedRole, Signals
from trainingrun_reconciler.desired.rates import RateMemory, Rates, measure, rates_of
from trainingrun_reconciler.desired.requests import requested_drains, with_drains
from trainingrun_reconciler.desired.scale import (
    Limit,
    ScaleDecision,
    ScaleInputs,
    ScaleMemory,
    scale,
)
from trainingrun_reconciler.desired.stage import Lifecycle, Stage
from trainingrun_reconciler.roles.declaration import Drain, Scaling
from trainingrun_reconciler.settings import Settings

_UNSCALED = ScaleDecision(
    0, "rates decide no number of this run", Limit.NONE, inputs=None, memory=ScaleMemory()
)


@dataclass(frozen=True)
class Size:
    """How many scaled members there should be, and what that follows from."""

    rates: Rates
    rate_memory: RateMemory
    bounds: Autoscaling | None
    """None where no role is scaled."""
    scaled: ScaleDecision
    plan: DrainPlan | None


def size_of(
    facts: Facts, lifecycle: Lifecycle, rate_memory: RateMemory, scale_memory: ScaleMemory
) -> Size:
    """The size of a run at one reconcile."""
    rates, rate_memory = _rates(facts, lifecycle, rate_memory)
    bounds = bounds_of(facts.roles, facts.settings)
    scaling = facts.roles.scaling
    scaled = _UNSCALED
    if bounds is not None and scaling is not None:
        scaled = _scaled(facts, scaling, bounds, lifecycle, rates, scale_memory)
    return Size(rates, rate_memory, bounds, scaled, _plan(facts, scaled))


def bounds_of(roles: RunRoles, settings: Settings) -> Autoscaling | None:
    """The autoscaling with its bounds cut to what this machine may have.

    External members are not scaled: their number is both bounds.
    """
    if roles.scaling is None:
        return None
    spec, number = roles.scaling.bounds(roles.run.spec), len(endpoints(roles.run))
    if number:
        return spec.model_copy(update={"min_replicas": number, "max_replicas": number})
    if settings.daemon_limit is None:
        return spec
    return spec.model_copy(
        update={
            "min_replicas": min(spec.min_replicas, settings.daemon_limit),
            "max_replicas": min(spec.max_replicas, settings.daemon_limit),
        }
    )


def drain_rules(scaling: Scaling, run: TrainingRun) -> DrainRules:
    """What a member that is drained by its slots may have."""
    return DrainRules(capacity=scaling.games(run.spec), seconds=scaling.drain_seconds(run.spec))


def _rates(facts: Facts, lifecycle: Lifecycle, memory: RateMemory) -> tuple[Rates, RateMemory]:
    if lifecycle.stage is not Stage.RUNNING:
        return Rates(), RateMemory()
    if facts.signals is None:
        return Rates(), memory
    ready = len(facts.scaled.ready) if facts.scaled is not None else 0
    _, after = measure(facts.signals, memory, ready_daemons=ready)
    return rates_of(after), after


def _scaled(
    facts: Facts,
    scaling: Scaling,
    bounds: Autoscaling,
    lifecycle: Lifecycle,
    rates: Rates,
    memory: ScaleMemory,
) -> ScaleDecision:
    run, signals, there = facts.run, facts.signals, facts.scaled
    replicas = there.replicas if there is not None else _last_replicas(facts, bounds)
    inputs = None
    if signals is not None and lifecycle.stage is Stage.RUNNING:
        inputs = ScaleInputs(
            at=signals.at,
            replicas=replicas,
            slots=scaling.games(run.spec),
            queued=signals.ledger.queued,
            high_water=ALGORITHMS.of(run.spec).queue_capacity(run.spec),
            capacity=rates.learner_capacity,
            produced_per_daemon=rates.produced_per_daemon,
            paused=rates.paused,
            busy=rates.learner_busy,
            noun=scaling.noun,
        )
    staying = _staying(there, signals, replicas)
    return scale(bounds, inputs, memory, replicas=staying, now=facts.now, noun=scaling.noun)


def _last_replicas(facts: Facts, bounds: Autoscaling) -> int:
    """How many members there were before they went to be replaced; the fewest where none were."""
    declared = facts.roles.scaled
    before = facts.run.status.role(declared.role.value) if declared is not None else None
    desired = before.desired if before is not None and before.desired is not None else 0
    return min(bounds.max_replicas, max(bounds.min_replicas, desired))


def _staying(there: ObservedRole | None, signals: Signals | None, replicas: int) -> int:
    """How many members there are without those that drain, which are on their way out."""
    if there is None or signals is None:
        return replicas
    present = {member.endpoint for member in there.ready}
    leaving = sum(slot.draining for endpoint, slot in signals.slots.items() if endpoint in present)
    return max(0, max(replicas, len(there.members)) - leaving)


def _plan(facts: Facts, scaled: ScaleDecision) -> DrainPlan | None:
    """How the number is reached: at once, but for members that are drained by their slots."""
    declared, there, signals = facts.roles.scaled, facts.scaled, facts.signals
    if signals is None:
        return None
    if declared is None or declared.scaling is None or there is None:
        return DrainPlan(slots={}, removable=(), replicas=scaled.replicas, waiting=0)
    if declared.drain is not Drain.BY_SLOTS:
        return DrainPlan(slots={}, removable=(), replicas=scaled.replicas, waiting=0)
    run, now, rules = facts.run, facts.now, drain_rules(declared.scaling, facts.run)
    plan = plan_draining(there, signals, rules, desired=scaled.replicas, now=now)
    asked, present = requested_drains(run, there), len(there.members)
    return with_drains(plan, asked, signals, rules, present=present, now=now)
