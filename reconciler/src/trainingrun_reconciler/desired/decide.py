"""Decide about one run: the actions to take, the status to publish, and when to reconcile again.

Level-triggered: everything follows from what is observed now and from the status that stands. The
memory only holds averages and windows; a decision without it is the same but more cautious. Applied
again and again, decisions reach a state in which nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trainingrun_api.run import TrainingRun
from trainingrun_api.status import (
    CostStatus,
    CurriculumStatus,
    StopStatus,
    TrainingRunStatus,
)
from trainingrun_contracts.curriculum import CurrentPhase

from trainingrun_reconciler.desired.actions import Action
from trainingrun_reconciler.desired.announced import News, RoleMessages, news_of
from trainingrun_reconciler.desired.assessment import Assessment
from trainingrun_reconciler.desired.cost import cost_so_far, projected
from trainingrun_reconciler.desired.curriculum import curriculum, phase_so_far, published_phase
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.desired.facts import Facts, facts_of
from trainingrun_reconciler.desired.health import RoleProblem, track_problems
from trainingrun_reconciler.desired.interruptions import all_counted, new_interruptions
from trainingrun_reconciler.desired.notify import events
from trainingrun_reconciler.desired.observed import (
    Interruption,
    Observed,
    Problem,
)
from trainingrun_reconciler.desired.rates import RateMemory, Rates
from trainingrun_reconciler.desired.requeue import has_expired, requeue_after
from trainingrun_reconciler.desired.rollout import RunImages, images_of
from trainingrun_reconciler.desired.scale import ScaleMemory
from trainingrun_reconciler.desired.scale_limits import LimitMemory, track_limit
from trainingrun_reconciler.desired.size import Size, size_of
from trainingrun_reconciler.desired.stage import Lifecycle, Stage, lifecycle_of
from trainingrun_reconciler.desired.status import status
from trainingrun_reconciler.desired.steps import steps
from trainingrun_reconciler.desired.template_hash import RolloutInputs, rollout_inputs
from trainingrun_reconciler.desired.termination import Progress, stop, track_progress
from trainingrun_reconciler.desired.waits import WaitMemory, waits_of
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings


@dataclass(frozen=True)
class Memory:
    """State carried from one reconcile to the next; losing it is harmless."""

    rates: RateMemory = field(default_factory=RateMemory)
    scale: ScaleMemory = field(default_factory=ScaleMemory)
    waits: WaitMemory = field(default_factory=WaitMemory)
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
    """Scaled members that the rates ask for, before windows, steps and bounds."""
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
    size = size_of(facts, state.lifecycle, memory.rates, memory.scale)
    answering = waits_of(facts, state.lifecycle, memory.waits)
    inputs = rollout_inputs(run, memory.rollout_inputs)
    is_running = state.lifecycle.stage is Stage.RUNNING
    images = images_of(run, observed, settings, inputs, may_roll=may_roll and is_running)
    news = news_of(run, facts.signals, memory.messages)
    after = _memory(facts, memory, state, size, images, news)
    if answering is not None:
        after = replace(after, waits=answering.memory)
    view = _assessment(facts, memory, state, size, images, after, problem=problem)
    view = replace(view, answering=answering)
    actions = steps(view)
    new_status = status(view)
    return Decision(
        lifecycle=state.lifecycle,
        actions=actions,
        status=new_status,
        events=events(view, new_status, () if problem else actions, new=news.new),
        requeue_after=requeue_after(facts, state.lifecycle),
        memory=after,
        rates=size.rates,
        wanted=size.scaled.wanted,
        expired=has_expired(facts),
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


def _state(facts: Facts, memory: Memory) -> _State:
    progress = track_progress(facts, memory.progress)
    cost = cost_so_far(facts.run, facts.observed, now=facts.now)
    stopped = stop(facts, progress=progress, cost=cost)
    return _State(progress, cost, stopped, lifecycle_of(facts, stop=stopped))


def _memory(
    facts: Facts, memory: Memory, state: _State, size: Size, images: RunImages, news: News
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
    size: Size,
    images: RunImages,
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
        answering=None,
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
