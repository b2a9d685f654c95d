"""Decide about one run: the actions to take, the status to publish, and when to reconcile again.

Level-triggered: everything follows from what is observed now and from the status that stands. The
memory only holds averages and windows; a decision without it is the same but more cautious. Applied
again and again, decisions reach a state in which nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Autoscaling
from trainingrun_api.status import (
    CostStatus,
    CurriculumStatus,
    StopStatus,
    TrainingRunStatus,
)
from trainingrun_contracts.curriculum import CurrentPhase

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.desired.actions import Action
from trainingrun_reconciler.desired.announced import RoleMessages, messages_in, new_since
from trainingrun_reconciler.desired.assessment import Assessment
from trainingrun_reconciler.desired.cost import cost_so_far, projected
from trainingrun_reconciler.desired.curriculum import curriculum, phase_so_far, published_phase
from trainingrun_reconciler.desired.draining import DrainPlan, DrainRules, plan_draining
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.desired.external import endpoints
from trainingrun_reconciler.desired.facts import Facts, facts_of
from trainingrun_reconciler.desired.health import RoleProblem, track_problems
from trainingrun_reconciler.desired.interruptions import all_counted, new_interruptions
from trainingrun_reconciler.desired.notify import events
from trainingrun_reconciler.desired.observed import (
    Interruption,
    Observed,
    Problem,
)
from trainingrun_reconciler.desired.rates import RateMemory, Rates, measure, rates_of
from trainingrun_reconciler.desired.requests import requested_drains, with_drains
from trainingrun_reconciler.desired.rollout import described, images_begun_with
from trainingrun_reconciler.desired.scale import (
    ScaleDecision,
    ScaleInputs,
    ScaleMemory,
    scale,
)
from trainingrun_reconciler.desired.scale_limits import LimitMemory, track_limit
from trainingrun_reconciler.desired.stage import Lifecycle, Stage, lifecycle_of
from trainingrun_reconciler.desired.status import status
from trainingrun_reconciler.desired.steps import steps
from trainingrun_reconciler.desired.template_hash import RolloutInputs, rollout_inputs
from trainingrun_reconciler.desired.termination import Progress, stop, track_progress
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings


@dataclass(frozen=True)
class Memory:
    """State carried from one reconcile to the next; losing it is harmless."""

    rates: RateMemory = field(default_factory=RateMemory)
    scale: ScaleMemory = field(default_factory=ScaleMemory)
    progress: Progress | None = None
    problems: Mapping[Role, RoleProblem] = field(default_factory=dict)
    """Since when roles have had problems."""
    messages: RoleMessages | None = None
    """Notices and evaluations of the roles that are known; None where they were never seen."""
    interrupted: frozenset[Interruption] | None = None
    """Those that are counted."""
    rollout_inputs: RolloutInputs | None = None
    """What the spec asks for: worked out once for each spec."""
    limit: LimitMemory = field(default_factory=LimitMemory)
    watched_since: float | None = None
    """When this process first reconciled the run."""
    rolling: bool = False
    """Whether members were being replaced for the sake of new default images."""


@dataclass(frozen=True)
class Decision:
    """``actions`` in order; then ``status``, ``events`` and the seconds until the next reconcile.

    ``expired`` says that the time to live of a finished run is over and it shall be deleted.
    """

    lifecycle: Lifecycle
    actions: tuple[Action, ...]
    status: TrainingRunStatus
    events: tuple[RunEvent, ...]
    requeue_after: float | None
    memory: Memory
    rates: Rates
    wanted: int | None = None
    """Daemons that the rates ask for, before windows, steps and bounds."""
    expired: bool = False
    rolls: bool = False
    """Whether members are replaced because the operator's default images have changed."""


def decide(
    run: TrainingRun,
    observed: Observed,
    settings: Settings,
    memory: Memory,
    *,
    now: float,
    problem: Problem | None = None,
    may_roll: bool = True,
) -> Decision:
    """Decide about one run.

    Args:
        run: spec and the status that stands.
        observed: processes and signals as they are.
        settings: of the operator.
        memory: from the decision before; ``Memory()`` is always right.
        now: Unix seconds.
        problem: what was refused since the last reconcile, for the status to report.
        may_roll: whether new default images may replace its members now, or wait for their turn.
    """
    facts = facts_of(run, observed, settings, now=now)
    state = _state(facts, memory)
    size = _size(facts, memory, state.lifecycle)
    images = _images(facts, memory, may_roll=may_roll and state.lifecycle.stage is Stage.RUNNING)
    news = _news(facts, memory.messages)
    after = _memory(facts, memory, state, size, images, news)
    view = _assessment(facts, memory, state, size, images, after, problem=problem)
    actions = steps(view)
    new_status = status(view)
    return Decision(
        lifecycle=state.lifecycle,
        actions=actions,
        status=new_status,
        events=events(view, new_status, () if problem else actions, new=news.new),
        requeue_after=_requeue(facts, state.lifecycle),
        memory=after,
        rates=size.rates,
        wanted=size.scaled.wanted,
        expired=_expired(facts),
        rolls=bool(images.changed),
    )


@dataclass(frozen=True)
class _State:
    """The stage of the run, and what it follows from."""

    progress: Progress
    cost: CostStatus | None
    stop: StopStatus | None
    lifecycle: Lifecycle

    @property
    def expected_progress(self) -> Progress | None:
        """The progress, lifecycle there should be any."""
        return self.progress if self.lifecycle.stage is Stage.RUNNING else None


@dataclass(frozen=True)
class _Size:
    """How many daemons there should be, and what that follows from."""

    rates: Rates
    rate_memory: RateMemory
    bounds: Autoscaling
    scaled: ScaleDecision
    plan: DrainPlan | None


@dataclass(frozen=True)
class _Images:
    """The settings with the images that hold for the run now, and which of them change."""

    inputs: RolloutInputs
    settings: Settings
    changed: str = ""


@dataclass(frozen=True)
class _News:
    """The lists of the roles to remember, and what in them is new."""

    known: RoleMessages | None
    new: RoleMessages


def _state(facts: Facts, memory: Memory) -> _State:
    progress = track_progress(facts, memory.progress)
    cost = cost_so_far(facts.run, facts.observed, now=facts.now)
    stopped = stop(facts, progress=progress, cost=cost)
    return _State(progress, cost, stopped, lifecycle_of(facts, stop=stopped))


def _size(facts: Facts, memory: Memory, lifecycle: Lifecycle) -> _Size:
    rates, rate_memory = _rates(facts, memory, lifecycle)
    bounds = bounds_of(facts.run, facts.settings)
    scaled = _scaled(facts, bounds, lifecycle, rates, memory)
    return _Size(rates, rate_memory, bounds, scaled, _plan(facts, scaled))


def _images(facts: Facts, memory: Memory, *, may_roll: bool) -> _Images:
    """A run keeps the images that its members were begun with until its turn has come."""
    settings, inputs = facts.settings, rollout_inputs(facts.run, memory.rollout_inputs)
    kept = images_begun_with(facts.run, facts.observed, settings, inputs)
    if kept is None:
        return _Images(inputs, settings)
    if may_roll:
        return _Images(inputs, settings, described(kept, settings.images))
    return _Images(inputs, replace(settings, images=kept))


def _news(facts: Facts, before: RoleMessages | None) -> _News:
    """Find what the roles have said since the last reconcile.

    Of a run that began before this operator did, the operator before has published all that its
    roles had said by then; of a new run, nothing is published yet.
    """
    if before is None and facts.run.status.started_at is None:
        before = RoleMessages()
    if facts.signals is None:
        return _News(before, RoleMessages())
    now = messages_in(facts.signals)
    return _News(now, new_since(before, now) if before is not None else RoleMessages())


def _memory(
    facts: Facts, memory: Memory, state: _State, size: _Size, images: _Images, news: _News
) -> Memory:
    """Build what the next reconcile starts from."""
    now = facts.now
    return Memory(
        rates=size.rate_memory,
        scale=size.scaled.memory,
        progress=state.expected_progress,
        problems=track_problems(facts.observed, memory.problems, now=now),
        messages=news.known,
        interrupted=all_counted(facts.observed, memory.interrupted, now=now),
        rollout_inputs=images.inputs,
        limit=track_limit(memory.limit, size.scaled.limited_by, now=now),
        watched_since=memory.watched_since if memory.watched_since is not None else now,
        rolling=bool(images.changed),
    )


def _assessment(
    facts: Facts,
    memory: Memory,
    state: _State,
    size: _Size,
    images: _Images,
    after: Memory,
    *,
    problem: Problem | None,
) -> Assessment:
    status_now, current_phase = _curriculum(facts, state.lifecycle)
    return Assessment(
        facts=replace(facts, settings=images.settings),
        lifecycle=state.lifecycle,
        progress=state.expected_progress,
        cost=projected(facts.run, state.cost, size.rates, played=state.progress.played),
        stop=state.stop,
        rates=size.rates,
        bounds=size.bounds,
        scaled=size.scaled,
        plan=size.plan,
        limit=after.limit.limit,
        curriculum=status_now,
        current_phase=current_phase,
        rollout_inputs=images.inputs,
        rolling=images.changed if not memory.rolling else "",
        problems=after.problems,
        interrupted=new_interruptions(facts.run, facts.observed, memory.interrupted),
        problem=problem,
        watched_since=facts.now if after.watched_since is None else after.watched_since,
    )


def bounds_of(run: TrainingRun, settings: Settings) -> Autoscaling:
    """The autoscaling with its bounds cut to what this machine may have.

    External daemons are not scaled: their number is both bounds.
    """
    spec, number = run.spec.daemon.autoscaling, len(endpoints(run))
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


def _rates(facts: Facts, memory: Memory, lifecycle: Lifecycle) -> tuple[Rates, RateMemory]:
    if lifecycle.stage is not Stage.RUNNING:
        return Rates(), RateMemory()
    if facts.signals is None:
        return Rates(), memory.rates
    daemons = facts.observed.daemons
    ready = len(daemons.ready) if daemons is not None else 0
    _, after = measure(facts.signals, memory.rates, ready_daemons=ready)
    return rates_of(after), after


def _scaled(
    facts: Facts, bounds: Autoscaling, lifecycle: Lifecycle, rates: Rates, memory: Memory
) -> ScaleDecision:
    run, signals, role = facts.run, facts.signals, facts.observed.daemons
    replicas = role.replicas if role is not None else _last_replicas(run, bounds)
    inputs = None
    if signals is not None and lifecycle.stage is Stage.RUNNING:
        inputs = ScaleInputs(
            at=signals.at,
            replicas=replicas,
            slots=run.spec.daemon.games_per_daemon,
            queued=signals.ledger.queued,
            high_water=ALGORITHMS.of(run.spec).queue_capacity(run.spec),
            capacity=rates.learner_capacity,
            produced_per_daemon=rates.produced_per_daemon,
            paused=rates.paused,
            busy=rates.learner_busy,
        )
    staying = _staying(facts, replicas)
    return scale(bounds, inputs, memory.scale, replicas=staying, now=facts.now)


def _last_replicas(run: TrainingRun, bounds: Autoscaling) -> int:
    """How many daemons there were before they went to be replaced; the fewest where none were."""
    daemon = run.status.daemon
    before = daemon.desired if daemon is not None and daemon.desired is not None else 0
    return min(bounds.max_replicas, max(bounds.min_replicas, before))


def _curriculum(
    facts: Facts, lifecycle: Lifecycle
) -> tuple[CurriculumStatus | None, CurrentPhase | None]:
    """The status of the curriculum, and the phase to publish to the actors. Nothing is decided but
    while games are played; phases that began with a game are recorded later, too."""
    run, signals, standing = facts.run, facts.signals, facts.run.status.curriculum
    if signals is None:
        return standing, None
    if lifecycle.stage is not Stage.RUNNING:
        is_known = run.spec.curriculum and standing is not None and signals.is_numbered
        return phase_so_far(run, signals) if is_known else standing, None
    course = curriculum(run, signals, now=facts.now)
    return course, published_phase(run, course, signals, now=facts.now)


def _staying(facts: Facts, replicas: int) -> int:
    """How many daemons there are without those that drain, which are on their way out."""
    role, signals = facts.observed.daemons, facts.signals
    if role is None or signals is None:
        return replicas
    present = {member.endpoint for member in role.ready}
    leaving = sum(slot.draining for endpoint, slot in signals.slots.items() if endpoint in present)
    return max(0, max(replicas, len(role.members)) - leaving)


def _plan(facts: Facts, scaled: ScaleDecision) -> DrainPlan | None:
    run, role, signals, now = facts.run, facts.observed.daemons, facts.signals, facts.now
    if signals is None:
        return None
    if role is None:
        return DrainPlan(slots={}, removable=(), replicas=scaled.replicas, waiting=0)
    rules = DrainRules(
        capacity=run.spec.daemon.games_per_daemon,
        seconds=run.spec.daemon.drain_timeout_seconds,
    )
    plan = plan_draining(role, signals, rules, desired=scaled.replicas, now=now)
    asked, present = requested_drains(run, role), len(role.members)
    return with_drains(plan, asked, signals, rules, present=present, now=now)


def _expires_at(run: TrainingRun) -> float | None:
    """When the time to live of a finished run is over (Unix seconds)."""
    finished, keep = run.status.finished_at, run.spec.ttl_seconds_after_finished
    return finished.timestamp() + keep if keep is not None and finished is not None else None


def _expired(facts: Facts) -> bool:
    expires = _expires_at(facts.run)
    return expires is not None and facts.now >= expires


def _requeue(facts: Facts, lifecycle: Lifecycle) -> float | None:
    settings = facts.settings
    if lifecycle.stage is Stage.OVER:
        expires = _expires_at(facts.run)
        if expires is None:
            return settings.settled_interval
        return min(settings.settled_interval, max(0.0, expires - facts.now))
    settled = lifecycle.stage in {Stage.SUSPENDED, Stage.REFUSED}
    return settings.settled_interval if settled else settings.active_interval
