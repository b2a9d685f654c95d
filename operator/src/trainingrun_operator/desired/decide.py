"""One decision about one run: what to do next, what to tell, and when to look again.

Level-triggered: everything follows from what is observed now and from the status that stands. The
memory only holds averages and windows; a decision without it is the same but more cautious. Applied
again and again, decisions reach a state in which nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.spec import Autoscaling
from trainingrun_contracts.api.status import (
    CostStatus,
    CurriculumStatus,
    StopStatus,
    TrainingRunStatus,
)
from trainingrun_contracts.curriculum import CurrentPhase
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES

from trainingrun_operator.desired.actions import Action
from trainingrun_operator.desired.announced import Said, new_since, said_of
from trainingrun_operator.desired.cost import cost_so_far, projected
from trainingrun_operator.desired.curriculum import curriculum, phase_so_far, told_phase
from trainingrun_operator.desired.draining import DrainPlan, DrainRules, plan_draining
from trainingrun_operator.desired.events import RunEvent
from trainingrun_operator.desired.external import endpoints
from trainingrun_operator.desired.health import Trouble, follow
from trainingrun_operator.desired.interruptions import all_counted, new_interruptions
from trainingrun_operator.desired.notify import events
from trainingrun_operator.desired.observed import (
    Interruption,
    Observed,
    ObservedRole,
    Problem,
    Signals,
)
from trainingrun_operator.desired.rates import RateMemory, Rates, measure, rates_of
from trainingrun_operator.desired.requests import asked_to_drain, with_drains
from trainingrun_operator.desired.rolling import Asked, asked
from trainingrun_operator.desired.rollout import described, images_begun_with
from trainingrun_operator.desired.scale import (
    ScaleDecision,
    ScaleInputs,
    ScaleMemory,
    scale,
)
from trainingrun_operator.desired.scale_limits import LimitMemory, follow_limit
from trainingrun_operator.desired.stage import Phase, Stage, phase
from trainingrun_operator.desired.status import View, status
from trainingrun_operator.desired.steps import Situation, steps
from trainingrun_operator.desired.stopping import Progress, follow_progress, stop
from trainingrun_operator.desired.workload import Role
from trainingrun_operator.settings import Settings


@dataclass(frozen=True)
class Memory:
    """What one look leaves to the next; losing it is harmless."""

    rates: RateMemory = field(default_factory=RateMemory)
    scale: ScaleMemory = field(default_factory=ScaleMemory)
    progress: Progress | None = None
    troubles: Mapping[Role, Trouble] = field(default_factory=dict)
    """Since when roles have had problems."""
    said: Said | None = None
    """Notices and evaluations of the roles that are known; None where nobody has seen them yet."""
    interrupted: frozenset[Interruption] | None = None
    """Those that are counted."""
    asked: Asked | None = None
    """What the spec asks for: worked out once for each spec."""
    limit: LimitMemory = field(default_factory=LimitMemory)
    watched_since: float | None = None
    """When this process first looked at the run."""
    rolling: bool = False
    """Whether members were being replaced for the sake of new default images."""


@dataclass(frozen=True)
class Decision:
    """``actions`` in order; then ``status``, ``events`` and the seconds until the next look.

    ``expired`` says that the time to live of a finished run is over and it shall be deleted.
    """

    phase: Phase
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
    trouble: Problem | None = None,
    may_roll: bool = True,
) -> Decision:
    """Decide about one run.

    Args:
        run: spec and the status that stands.
        observed: processes and signals as they are.
        settings: of the operator.
        memory: from the decision before; ``Memory()`` is always right.
        now: Unix seconds.
        trouble: what the world refused since the last look, to be told in the status.
        may_roll: whether new default images may replace its members now, or wait for their turn.
    """
    look = _Look(run, observed, memory, now)
    standing = _standing(look, settings)
    size = _sized(look, settings, standing.phase)
    course, told_phase_now = _course(run, observed, standing.phase, now)
    wanted = asked(run, memory.asked)
    may_roll = may_roll and standing.phase.stage is Stage.RUNNING
    settings, rolling = _in_turn(run, observed, settings, wanted, may_roll=may_roll)
    actions = steps(
        Situation(
            run, observed, settings, standing.phase, size.scaled.replicas, size.plan,
            told_phase_now, wanted,
        )
    )  # fmt: skip
    said, new = _heard(run, observed, memory.said)
    after = _remembered(look, standing, size, said=said, wanted=wanted, rolling=rolling)
    view = _viewed(look, standing, size, after, course=course, rolling=rolling, trouble=trouble)
    told = status(view)
    return Decision(
        phase=standing.phase,
        actions=actions,
        status=told,
        events=events(view, told, () if trouble else actions, new=new),
        requeue_after=_requeue(run, standing.phase, settings, now),
        memory=after,
        rates=size.rates,
        wanted=size.scaled.wanted,
        expired=_expired(run, now),
        rolls=bool(rolling),
    )


@dataclass(frozen=True)
class _Look:
    """One look at a run: spec and standing status, what is, what was, and when."""

    run: TrainingRun
    observed: Observed
    memory: Memory
    now: float


@dataclass(frozen=True)
class _Standing:
    """Where the run is, and what that follows from."""

    progress: Progress
    cost: CostStatus | None
    stop: StopStatus | None
    phase: Phase

    @property
    def moving(self) -> Progress | None:
        """The progress, where there should be any."""
        return self.progress if self.phase.stage is Stage.RUNNING else None


@dataclass(frozen=True)
class _Size:
    """How many daemons there should be, and what that follows from."""

    rates: Rates
    rate_memory: RateMemory
    bounds: Autoscaling
    scaled: ScaleDecision
    plan: DrainPlan | None


def _standing(look: _Look, settings: Settings) -> _Standing:
    run, observed, now = look.run, look.observed, look.now
    progress = follow_progress(run, observed, look.memory.progress, now=now)
    cost = cost_so_far(run, observed, now=now)
    stopped = stop(run, observed, progress=progress, cost=cost, now=now)
    where = phase(run, observed, settings, now=now, stop=stopped)
    return _Standing(progress, cost, stopped, where)


def _sized(look: _Look, settings: Settings, where: Phase) -> _Size:
    run, observed, memory, now = look.run, look.observed, look.memory, look.now
    rates, rate_memory = _rates(observed, memory, where)
    bounds = bounds_of(run, settings)
    scaled = _scaled(run, bounds, observed, where, rates, memory, now)
    return _Size(rates, rate_memory, bounds, scaled, _plan(run, observed, scaled, now))


def _remembered(
    look: _Look, standing: _Standing, size: _Size, *, said: Said | None, wanted: Asked, rolling: str
) -> Memory:
    """What the next look is left."""
    memory, now = look.memory, look.now
    return Memory(
        rates=size.rate_memory,
        scale=size.scaled.memory,
        progress=standing.moving,
        troubles=follow(look.observed, memory.troubles, now=now),
        said=said,
        interrupted=all_counted(look.observed, memory.interrupted, now=now),
        asked=wanted,
        limit=follow_limit(memory.limit, size.scaled.limited_by, now=now),
        watched_since=memory.watched_since if memory.watched_since is not None else now,
        rolling=bool(rolling),
    )


def _viewed(
    look: _Look, standing: _Standing, size: _Size, after: Memory, *,
    course: CurriculumStatus | None, rolling: str, trouble: Problem | None,
) -> View:  # fmt: skip
    """What people are told from."""
    run, memory, now = look.run, look.memory, look.now
    return View(
        run=run,
        observed=look.observed,
        phase=standing.phase,
        rates=size.rates,
        scaled=size.scaled,
        plan=size.plan,
        limit=after.limit.limit,
        watched_since=now if after.watched_since is None else after.watched_since,
        rolling=rolling if not memory.rolling else "",
        bounds=size.bounds,
        progress=standing.moving,
        troubles=after.troubles,
        interrupted=new_interruptions(run, look.observed, memory.interrupted),
        trouble=trouble,
        course=course,
        cost=projected(run, standing.cost, size.rates, played=standing.progress.played),
        stop=standing.stop,
        now=now,
    )


def _in_turn(
    run: TrainingRun, observed: Observed, settings: Settings, wanted: Asked, *, may_roll: bool
) -> tuple[Settings, str]:
    """The settings with the images that hold for the run now: those that its members were begun
    with until its turn has come; and which images change, where it has."""
    kept = images_begun_with(run, observed, settings, wanted)
    if kept is None:
        return settings, ""
    if may_roll:
        return settings, described(kept, settings.images)
    return replace(settings, images=kept), ""


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


def _rates(observed: Observed, memory: Memory, where: Phase) -> tuple[Rates, RateMemory]:
    if not isinstance(observed.signals, Signals) or where.stage is not Stage.RUNNING:
        return Rates(), RateMemory() if where.stage is not Stage.RUNNING else memory.rates
    daemons = observed.daemons
    ready = len(daemons.ready) if daemons is not None else 0
    _, after = measure(observed.signals, memory.rates, ready_daemons=ready)
    return rates_of(after), after


def _scaled(
    run: TrainingRun,
    bounds: Autoscaling,
    observed: Observed,
    where: Phase,
    rates: Rates,
    memory: Memory,
    now: float,
) -> ScaleDecision:
    role = observed.daemons
    replicas = role.replicas if role is not None else _last_replicas(run, bounds)
    inputs = None
    if isinstance(observed.signals, Signals) and where.stage is Stage.RUNNING:
        inputs = ScaleInputs(
            at=observed.signals.at,
            replicas=replicas,
            slots=run.spec.daemon.games_per_daemon,
            queued=observed.signals.ledger.queued,
            high_water=HIGH_WATER_BATCHES * run.spec.learner.batch_transitions,
            capacity=rates.learner_capacity,
            produced_per_daemon=rates.produced_per_daemon,
            paused=rates.paused,
            busy=rates.learner_busy,
        )
    return scale(bounds, inputs, memory.scale, replicas=_asked(role, replicas, observed), now=now)


def _last_replicas(run: TrainingRun, bounds: Autoscaling) -> int:
    """How many daemons there were before they went to be replaced; the fewest where none were."""
    daemon = run.status.daemon
    before = daemon.desired if daemon is not None and daemon.desired is not None else 0
    return min(bounds.max_replicas, max(bounds.min_replicas, before))


def _course(
    run: TrainingRun, observed: Observed, where: Phase, now: float
) -> tuple[CurriculumStatus | None, CurrentPhase | None]:
    """The phase of the curriculum, and what actors should be told of it. Nothing is decided but
    while games are played; phases that began with a game are recorded later, too."""
    signals, standing = observed.signals, run.status.curriculum
    if not isinstance(signals, Signals):
        return standing, None
    if where.stage is not Stage.RUNNING:
        is_known = run.spec.curriculum and standing is not None and signals.is_numbered
        return phase_so_far(run, signals) if is_known else standing, None
    course = curriculum(run, signals, now=now)
    return course, told_phase(run, course, signals, now=now)


def _asked(role: ObservedRole | None, replicas: int, observed: Observed) -> int:
    """How many daemons are asked for: those that drain already are on their way out."""
    if role is None or not isinstance(observed.signals, Signals):
        return replicas
    present = {member.endpoint for member in role.ready}
    leaving = sum(
        slot.draining for endpoint, slot in observed.signals.slots.items() if endpoint in present
    )
    return max(0, max(replicas, len(role.members)) - leaving)


def _plan(
    run: TrainingRun, observed: Observed, scaled: ScaleDecision, now: float
) -> DrainPlan | None:
    role = observed.daemons
    if not isinstance(observed.signals, Signals):
        return None
    if role is None:
        return DrainPlan(slots={}, removable=(), replicas=scaled.replicas, waiting=0)
    rules = DrainRules(
        capacity=run.spec.daemon.games_per_daemon,
        seconds=run.spec.daemon.autoscaling.scale_down.drain_seconds,
    )
    plan = plan_draining(role, observed.signals, rules, wanted=scaled.replicas, now=now)
    asked, present = asked_to_drain(run, role), len(role.members)
    return with_drains(plan, asked, observed.signals, rules, present=present, now=now)


def _expired(run: TrainingRun, now: float) -> bool:
    finished, keep = run.status.finished_at, run.spec.ttl_seconds_after_finished
    return keep is not None and finished is not None and now >= finished.timestamp() + keep


def _requeue(run: TrainingRun, where: Phase, settings: Settings, now: float) -> float | None:
    if where.stage is Stage.OVER:
        finished, keep = run.status.finished_at, run.spec.ttl_seconds_after_finished
        if keep is None or finished is None:
            return settings.settled_seconds
        return min(settings.settled_seconds, max(0.0, finished.timestamp() + keep - now))
    settled = where.stage in {Stage.SUSPENDED, Stage.REFUSED}
    return settings.settled_seconds if settled else settings.active_seconds


def _heard(run: TrainingRun, observed: Observed, before: Said | None) -> tuple[Said | None, Said]:
    """The lists to remember, and what in them is new.

    Of a run that began before this operator did, all that its roles had said by then was told by
    the operator before; of a run that is new, nothing was.
    """
    signals = observed.signals
    if before is None and run.status.started_at is None:
        before = Said()
    if not isinstance(signals, Signals):
        return before, Said()
    now = said_of(signals)
    return now, new_since(before, now) if before is not None else Said()
