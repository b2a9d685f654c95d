"""The status of a run: conditions, counts and the summary, from one look.

What cannot be seen now is kept from the status that stands: counts outlive a Redis that is away or
gone. ``lastTransitionTime`` changes with ``status`` only. ``Succeeded`` never changes back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from trainingrun_contracts.api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.spec import Autoscaling
from trainingrun_contracts.api.status import (
    Condition,
    CostStatus,
    CurriculumStatus,
    StopStatus,
    TrainingRunStatus,
)
from trainingrun_contracts.reports import Notice

from trainingrun_operator.desired import counts, health, interruptions
from trainingrun_operator.desired.admission import held, is_queued
from trainingrun_operator.desired.draining import DrainPlan
from trainingrun_operator.desired.external import endpoints
from trainingrun_operator.desired.health import Finding, Trouble
from trainingrun_operator.desired.moments import moment, words_of
from trainingrun_operator.desired.observed import Interruption, Observed, Problem, Signals
from trainingrun_operator.desired.rates import Rates
from trainingrun_operator.desired.scale import Limit, ScaleDecision
from trainingrun_operator.desired.scale_limits import limit_finding
from trainingrun_operator.desired.stage import Goal, Phase, Stage
from trainingrun_operator.desired.stopping import Progress
from trainingrun_operator.desired.workload import Role

PROGRESS_SECONDS: Final = 600.0
_NOTICE_SECONDS: Final = 120.0
_STANDSTILL_SECONDS: Final = 60.0
_MISSING_SECONDS: Final = 300.0
_SUMMARY_LIMIT: Final = 160
_STEPS: Final = {
    Stage.DRAINING: (Reason.DRAINING, "running games end"),
    Stage.FLUSHING: (Reason.FLUSHING, "the learner trains what is queued and saves"),
    Stage.EVALUATING: (Reason.EVALUATING, "the final weights are evaluated"),
    Stage.RECORDING: (Reason.EVALUATING, "the evaluations are written beside the checkpoints"),
    Stage.WAITING: (Reason.UNREACHABLE, "waiting for Redis"),
}
_LEAVE_ON_SUSPEND: Final = (Role.ACTOR, Role.EVALUATOR, Role.DAEMON)
_MAY_BE_MISSING: Final = (
    ConditionType.LEARNER_AVAILABLE, ConditionType.DAEMONS_AVAILABLE,
    ConditionType.ACTORS_AVAILABLE,
)  # fmt: skip
_PARTS: Final = {
    ConditionType.QUEUE_AVAILABLE: "redis",
    ConditionType.DAEMONS_AVAILABLE: "daemons",
    ConditionType.LEARNER_AVAILABLE: "learner",
    ConditionType.ACTORS_AVAILABLE: "actors",
}
_NEEDS_LEARNER: Final = {Stage.RUNNING, Stage.DRAINING, Stage.FLUSHING}
_LATER: Final = "starts when the learner is admitted"
_MISSING: Final = {Reason.STARTING, Reason.MEMBERS_NOT_READY, Reason.NO_REPORT}
_STORAGE_FAILURES: Final = {
    Reason.CHECKPOINT_STORAGE_DENIED, Reason.CHECKPOINT_BUCKET_MISSING,
    Reason.CHECKPOINT_STORAGE_FULL, Reason.CHECKPOINT_STORAGE_INVALID,
    Reason.CHECKPOINT_STORAGE_UNREACHABLE, Reason.CHECKPOINT_STORAGE_UNUSABLE,
}  # fmt: skip


@dataclass(frozen=True)
class View:
    """All that status and events are made from."""

    run: TrainingRun
    observed: Observed
    phase: Phase
    rates: Rates
    scaled: ScaleDecision
    plan: DrainPlan | None
    limit: Limit | None
    """What has limited the number of daemons for a while; None where nothing is known yet."""
    watched_since: float
    """When this process first looked at the run."""
    bounds: Autoscaling
    rolling: str
    """Which default images have changed, where members begin to be replaced for it."""
    progress: Progress | None
    troubles: Mapping[Role, Trouble]
    interrupted: Mapping[Role, tuple[Interruption, ...]]
    """Since the last look."""
    trouble: Problem | None
    course: CurriculumStatus | None
    cost: CostStatus | None
    stop: StopStatus | None
    now: float

    @property
    def least_daemons(self) -> int:
        """How many daemons are enough; of external ones, one."""
        return 1 if endpoints(self.run) else self.bounds.min_replicas

    @property
    def has_trained(self) -> bool:
        """Whether the learner has made an update; as it was last known where Redis is away."""
        if self.signals is not None:
            return self.signals.ledger.trained > 0
        known = self.run.status.transitions
        return known is not None and bool(known.trained)

    @property
    def signals(self) -> Signals | None:
        """What Redis says, when it could be asked."""
        return self.observed.signals if isinstance(self.observed.signals, Signals) else None


def status(view: View) -> TrainingRunStatus:
    """The status at this look."""
    old, generation = view.run.status, view.run.metadata.generation
    findings = _findings(view)
    standing = {each.type: each for each in old.conditions}
    conditions = tuple(
        _condition(standing.get(kind), kind, findings[kind], generation=generation, now=view.now)
        for kind in ConditionType
        if kind in findings
    )
    update: dict[str, object] = {
        "observed_generation": generation,
        "conditions": conditions,
        "summary": summary(view, findings),
        "cost": view.cost,
        **_times(view),
        **_counted(view),
    }
    return old.model_copy(update=update)


def _counted(view: View) -> dict[str, object]:
    """Counts; those of a run that is over stay as they were."""
    if view.phase.stage is Stage.OVER:
        return {"bottleneck": None, **_roles(view, signals=False)}
    return {
        **_roles(view, signals=True),
        "bottleneck": None,
        **counts.from_signals(view.run, view.signals, _rates(view)),
        "curriculum": view.course,
        "stop": view.stop,
        "progressed_at": moment(view.progress.at) if view.progress is not None else None,
        "autoscaling": counts.autoscaling(
            view.run, view.observed, view.scaled, view.plan, now=view.now
        ),
    }


def _roles(view: View, *, signals: bool) -> dict[str, object]:
    """The members of each role, and how many of them were interrupted so far."""
    observed = view.observed if signals else Observed(view.observed.roles)
    return {
        name: interruptions.counted(
            role, getattr(view.run.status, name), view.interrupted.get(Role(name), ())
        )
        for name, role in counts.roles(observed).items()
    }


def _rates(view: View) -> Rates:
    """The averages; those that were told last, until a new operator has measured its own."""
    if view.phase.stage is not Stage.RUNNING:
        return view.rates
    rates, old = view.rates, view.run.status
    if rates.games is None and old.games is not None:
        rates = replace(rates, games=old.games.per_second)
    if rates.trained is None and old.transitions is not None:
        rates = replace(rates, trained=old.transitions.per_second)
    return rates


def _times(view: View) -> dict[str, object]:
    old, times = view.run.status, dict[str, object]()
    begun = view.observed.roles or view.phase.stage is Stage.RUNNING
    queued = view.phase.stage is Stage.RUNNING and is_queued(view.run, view.observed)
    if old.started_at is None and begun and not queued:
        times["started_at"] = moment(view.now)
    if old.finished_at is None and view.phase.stage in {Stage.COMPLETE, Stage.FAILED}:
        times["finished_at"] = moment(view.now)
    return times


def _condition(
    before: Condition | None, kind: ConditionType, finding: Finding, *, generation: int, now: float
) -> Condition:
    since = moment(now)
    if before is not None and before.status is finding.status:
        told = before.reason, before.message, before.observed_generation
        if told == (finding.reason, finding.message, generation):
            return before  # most of them, at most looks
        since = before.last_transition_time
    return Condition(
        type=kind,
        status=finding.status,
        reason=finding.reason,
        message=finding.message,
        last_transition_time=since,
        observed_generation=generation,
    )


def _findings(view: View) -> dict[ConditionType, Finding]:
    if view.phase.stage is Stage.OVER:
        return _standing(view)
    parts = _parts(view)
    return {
        ConditionType.READY: _ready(view, parts),
        ConditionType.SUCCEEDED: _succeeded(view),
        ConditionType.SUSPENDED: _suspended(view),
        **parts,
        ConditionType.CHECKPOINT_FRESH: _checkpoint(view),
        ConditionType.SCALING_LIMITED: _scaling(view),
        ConditionType.PROGRESSING: _progressing(view),
        ConditionType.DEGRADED: _degraded(view, parts),
    }


def _standing(view: View) -> dict[ConditionType, Finding]:
    """The conditions of a run that is over are the ones that it ended with; only that a target
    which was raised later changes nothing is new."""
    found = {
        kind: Finding(
            each.status, health.documented(each.reason, otherwise=Reason.UNKNOWN), each.message
        )
        for kind in ConditionType
        if (each := view.run.status.condition(kind)) is not None
    }
    games = view.run.status.games
    if games is not None and games.target is not None and view.run.spec.games > games.target:
        message = (
            f"spec.games is {view.run.spec.games} now, but the run ended at {games.target} and"
            " stays so: create another TrainingRun to play more"
        )
        found[ConditionType.PROGRESSING] = health.false(Reason.RUN_OVER, message)
    return found


def _parts(view: View) -> dict[ConditionType, Finding]:
    """The availability of each part; parts that shall not be there are said to be absent."""
    absent = health.false(Reason.NOT_CREATED, "not wanted now")
    works = view.phase.stage in {Stage.RUNNING, Stage.DRAINING, Stage.WAITING}
    learns = works or view.phase.stage is Stage.FLUSHING
    plays = works or view.phase.stage is Stage.EVALUATING
    parts = {
        ConditionType.QUEUE_AVAILABLE: health.queue(view.observed)
        if view.observed.roles or view.signals or works
        else absent,
        ConditionType.LEARNER_AVAILABLE: health.learner(view.observed) if learns else absent,
        ConditionType.DAEMONS_AVAILABLE: health.daemons(view.observed, least=view.least_daemons)
        if plays
        else absent,
        ConditionType.ACTORS_AVAILABLE: health.actors(view.observed) if works else absent,
    }
    if held(view.observed) is None:
        return parts
    return {
        kind: replace(finding, reason=Reason.WAITING_FOR_QUOTA, message=_LATER)
        if finding.reason is Reason.STARTING
        else finding
        for kind, finding in parts.items()
    }


def _ready(view: View, parts: dict[ConditionType, Finding]) -> Finding:
    if view.phase.stage is not Stage.RUNNING:
        reason, message = _state(view)
        return health.false(reason, message)
    if held(view.observed) is not None:
        return health.false(*_state(view))
    missing = [(kind, finding) for kind, finding in parts.items() if not finding.is_true]
    if not missing:
        return health.true(Reason.ALL_ROLES_SERVE, "all roles serve")
    messages = (_of_part(kind, finding.message) for kind, finding in missing)
    return health.false(Reason.ROLES_MISSING, "; ".join(messages))


def _of_part(kind: ConditionType, message: str) -> str:
    """A message about a part, which is named once."""
    return message if message.startswith(_PARTS[kind]) else f"{_PARTS[kind]}: {message}"


def _succeeded(view: View) -> Finding:
    match view.phase.stage:
        case Stage.COMPLETE:
            return _completed(view)
        case Stage.FAILED:
            return health.false(view.phase.reason, view.phase.message)
        case _:
            reason, message = _state(view)
            return health.unknown(reason, message)


def _completed(view: View) -> Finding:
    played = counts.played(view.run, view.signals)
    saved = f"{played} games were played, trained and saved"
    if view.phase.reason is Reason.WIN_RATE_REACHED:
        return health.true(view.phase.reason, f"{view.phase.message}; {saved}")
    return health.true(Reason.COMPLETED, saved)


def _suspended(view: View) -> Finding:
    if view.phase.goal is not Goal.SUSPEND:
        return health.false(Reason.NOT_SUSPENDED, "spec.suspend is false")
    leaving = [role.value for role in _LEAVE_ON_SUSPEND if role in view.observed.roles]
    if view.phase.stage is Stage.SUSPENDED and not leaving:
        return health.true(*_state(view))
    _, message = _state(view)
    if view.phase.stage is Stage.SUSPENDED:
        message = f"waiting for the end of {', '.join(leaving)}"
    return health.unknown(Reason.SUSPENDING, message)


def _state(view: View) -> tuple[Reason, str]:
    """Where the run is, as a reason and a sentence."""
    wait = held(view.observed)
    if wait is not None and view.phase.stage in _NEEDS_LEARNER:
        return health.reason_of(wait.problem), wait.problem.message
    match view.phase.stage:
        case Stage.RUNNING:
            if view.has_trained:
                return Reason.TRAINING, "games are played and trained"
            return Reason.STARTING, "the roles are being started"
        case Stage.SUSPENDED:
            if view.phase.message:
                return view.phase.reason, f"the run is saved and stopped: {view.phase.message}"
            return Reason.SUSPENDED, "the run is saved and stopped"
        case Stage.COMPLETE:
            finding = _completed(view)
            return finding.reason, finding.message
        case Stage.FAILED | Stage.REFUSED:
            return view.phase.reason, view.phase.message
        case stage:
            return _STEPS.get(stage, (Reason.AS_EXPECTED, ""))


def _checkpoint(view: View) -> Finding:
    checkpoint = counts.checkpoint(view.run, view.signals)
    failure = _failure_since(view, checkpoint.saved_at.timestamp() if checkpoint else 0.0)
    if failure is not None:
        return health.false(_reason_of(failure), health.words_of(failure))
    limit = view.run.spec.checkpoint.every_minutes * 60 * 1.5
    if checkpoint is not None:
        age = view.now - checkpoint.saved_at.timestamp()
        sentence = f"saved at game {checkpoint.games}"
        active = view.phase.stage in {Stage.RUNNING, Stage.WAITING}
        if active and age > limit:
            when = words_of(checkpoint.saved_at.timestamp())
            return health.false(Reason.OVERDUE, f"{sentence}, at {when}, and not since")
        return health.true(Reason.SAVED, sentence)
    started = view.run.status.started_at
    if started is not None and view.now - started.timestamp() > limit:
        return health.false(Reason.OVERDUE, "no checkpoint was written yet, and one is due")
    return health.unknown(Reason.NOT_YET, "no checkpoint was written yet")


def _failure_since(view: View, saved_at: float) -> Notice | None:
    """The newest word of the learner about its storage, if nothing was saved after it."""
    if view.signals is None:
        return None
    for notice in reversed(view.signals.notices):
        if notice.at <= saved_at:
            return None
        if _reason_of(notice) in _STORAGE_FAILURES:
            return notice
    return None


def _reason_of(notice: Notice) -> Reason:
    return health.documented(notice.reason, otherwise=Reason.ROLE_WARNING)


def _scaling(view: View) -> Finding:
    if view.phase.stage is not Stage.RUNNING:
        return health.false(Reason.WITHIN_LIMITS, "the number of daemons is not scaled now")
    if view.plan is not None and view.plan.waiting:
        message = f"{view.plan.waiting} daemons finish their games before they go"
        return health.true(Reason.DRAIN_IN_PROGRESS, message)
    if view.observed.external is not None:
        return health.false(Reason.WITHIN_LIMITS, "external daemons are not scaled")
    least, most = view.bounds.min_replicas, view.bounds.max_replicas
    return limit_finding(view.run, view.scaled, view.limit, least=least, most=most)


def _progressing(view: View) -> Finding:
    reason, message = _state(view)
    ends = view.phase.stage in {Stage.SUSPENDED, Stage.COMPLETE, Stage.FAILED, Stage.REFUSED}
    if ends or held(view.observed) is not None:
        return health.false(reason, message)
    if view.progress is not None and _is_stuck(view, view.progress):
        when = words_of(view.progress.at)
        return health.false(
            Reason.PROGRESS_DEADLINE_EXCEEDED, f"no game ended and nothing was trained since {when}"
        )
    return health.true(reason, message)


def _is_stuck(view: View, progress: Progress) -> bool:
    """Whether nothing moved although somebody looked, or it was said before that nothing moves."""
    before = view.run.status.condition(ConditionType.PROGRESSING)
    told = before is not None and before.reason == Reason.PROGRESS_DEADLINE_EXCEEDED
    since = progress.at if told else max(progress.at, view.watched_since)
    return view.now - since > PROGRESS_SECONDS


def _degraded(view: View, parts: dict[ConditionType, Finding]) -> Finding:
    """The first thing that needs a person: refusals, the queue, members, then notices.

    What passes by itself does not: a member that starts again, a warning while games are played.
    """
    if view.trouble is not None:
        reason = health.documented(view.trouble.reason, otherwise=Reason.CREATION_FAILED)
        return health.true(reason, view.trouble.message)
    if view.phase.stage in {Stage.FAILED, Stage.REFUSED}:
        return health.true(view.phase.reason, view.phase.message)
    wait = held(view.observed)
    if wait is not None and health.reason_of(wait.problem) is not Reason.WAITING_FOR_QUOTA:
        return health.true(health.reason_of(wait.problem), wait.problem.message)
    queue = parts[ConditionType.QUEUE_AVAILABLE]
    if queue.status is ConditionStatus.FALSE and queue.reason is not Reason.NOT_CREATED:
        return health.true(queue.reason, queue.message)
    found = _lasting_trouble(view) or _missing(view, parts) or _notice(view)
    return found or health.false(Reason.AS_EXPECTED, "nothing is wrong")


def _lasting_trouble(view: View) -> Finding | None:
    """A problem of members that has stayed; one that was told before a restart of ours stays."""
    for role, trouble in view.troubles.items():
        found = health.true(health.reason_of(trouble.problem), words_of_trouble(role, trouble))
        if _is_told(view, found) or trouble.lasts:
            return found
    return None


def _is_told(view: View, found: Finding) -> bool:
    """Whether the run is said to be degraded by just this."""
    before = view.run.status.condition(ConditionType.DEGRADED)
    return before is not None and before.is_true and before.message == found.message


def words_of_trouble(role: Role, trouble: Trouble) -> str:
    """A member's problem, with its role."""
    return f"{role.value} {trouble.problem.message}"


def _missing(view: View, parts: dict[ConditionType, Finding]) -> Finding | None:
    """A role without the members that it needs, for longer than a start takes.

    What was missing before this process began to look may have been so because nobody looked: a run
    on this machine goes on with the status that it was left with. What was told stays told.
    """
    if held(view.observed) is not None:
        return None
    resumed = view.run.status.condition(ConditionType.SUSPENDED)
    if resumed is None or resumed.status is not ConditionStatus.FALSE:
        return None  # until now nothing was wanted
    for kind in _MAY_BE_MISSING:
        finding, before = parts[kind], view.run.status.condition(kind)
        if finding.reason not in _MISSING or before is None or before.is_true:
            continue
        since = max(before.last_transition_time, resumed.last_transition_time).timestamp()
        found = health.true(finding.reason, f"{finding.message}, for more than 5 minutes")
        missing = view.now - max(since, view.watched_since) >= _MISSING_SECONDS
        if missing or _is_told(view, found):
            return found
    return None


def _notice(view: View) -> Finding | None:
    """The newest warning of a role that is still news.

    A reason that the API documents is about something that lasts. Any other is an event alone, as
    long as the counters move: a daemon that goes away makes actors warn, and games go on elsewhere.
    """
    if view.signals is None:
        return None
    progress = view.progress
    stands = progress is not None and view.now - progress.at >= _STANDSTILL_SECONDS
    for notice in reversed(view.signals.notices):
        if not notice.warning or view.now - notice.at >= _NOTICE_SECONDS:
            continue
        reason = health.documented(notice.reason, otherwise=Reason.ROLE_WARNING)
        if reason is not Reason.ROLE_WARNING or stands:
            return health.true(reason, health.words_of(notice))
    return None


def summary(view: View, findings: dict[ConditionType, Finding]) -> str:
    """The state in a few words for people."""
    text = _summary(view, findings)
    return text if len(text) <= _SUMMARY_LIMIT else text[: _SUMMARY_LIMIT - 1] + "…"


def _summary(view: View, findings: dict[ConditionType, Finding]) -> str:
    way = "Suspending" if view.phase.goal is Goal.SUSPEND else "Completing"
    match view.phase.stage:
        case Stage.OVER:
            return view.run.status.summary or ""
        case Stage.COMPLETE:
            return f"Succeeded: {counts.played(view.run, view.signals)} games"
        case Stage.FAILED:
            return f"Failed: {view.phase.message}"
        case Stage.REFUSED:
            return f"Invalid: {view.phase.message}"
        case Stage.SUSPENDED:
            return f"Suspended: {view.phase.message}" if view.phase.message else "Suspended"
        case Stage.RUNNING:
            return _running_summary(view, findings)
        case stage:
            return f"{way}: {_STEPS[stage][1]}"


def _running_summary(view: View, findings: dict[ConditionType, Finding]) -> str:
    degraded = findings[ConditionType.DEGRADED]
    if degraded.is_true:
        return f"Degraded: {degraded.message}"
    if findings[ConditionType.PROGRESSING].reason is Reason.PROGRESS_DEADLINE_EXCEEDED:
        return f"Stuck: {findings[ConditionType.PROGRESSING].message}"
    if findings[ConditionType.READY].reason is Reason.WAITING_FOR_QUOTA:
        return f"Waiting: {findings[ConditionType.READY].message}"
    waiting = list(_waited_for(view, findings))
    if waiting:
        return f"Starting: waiting for {', '.join(waiting)}"
    if findings[ConditionType.SUCCEEDED].reason is Reason.STARTING:
        return "Starting: waiting for the first update"
    return "Training"


def _waited_for(view: View, findings: dict[ConditionType, Finding]) -> Iterator[str]:
    """The parts that do not serve. In a run that trains, one is missed after a while only: pods are
    not ready for some seconds after an outage of the API server, while all of them serve.
    """
    for kind, name in _PARTS.items():
        if not findings[kind].is_true and not _is_brief(view, kind, findings[kind]):
            yield name


def _is_brief(view: View, kind: ConditionType, finding: Finding) -> bool:
    """Whether a part of a run that trains served a moment ago."""
    before = view.run.status.condition(kind)
    if not view.has_trained or before is None:
        return False
    is_new = before.status is not finding.status
    was_well = before.is_true or not is_new
    since = view.now if is_new else before.last_transition_time.timestamp()
    return was_well and view.now - since < health.PASSING_SECONDS
