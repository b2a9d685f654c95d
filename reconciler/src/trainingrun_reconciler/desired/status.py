"""The status of a run: conditions, counts and the summary, from one reconcile.

What cannot be seen now is kept from the status that stands: counts outlive a Redis that is away or
gone. ``lastTransitionTime`` changes with ``status`` only. A condition that ends a run
(``Complete``, ``Failed``) never changes back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_api.status import Condition, RoleStatus, TrainingRunStatus
from trainingrun_contracts.reports import Notice

from trainingrun_reconciler.desired import counts, health, interruptions
from trainingrun_reconciler.desired.admission import is_queued
from trainingrun_reconciler.desired.assessment import Assessment
from trainingrun_reconciler.desired.conditions import ConditionState, next_condition
from trainingrun_reconciler.desired.health import RoleProblem
from trainingrun_reconciler.desired.observed import Observed
from trainingrun_reconciler.desired.rates import Rates, learner_report
from trainingrun_reconciler.desired.scale_limits import limit_finding
from trainingrun_reconciler.desired.stage import Goal, Stage
from trainingrun_reconciler.desired.termination import Progress
from trainingrun_reconciler.desired.timestamps import format_time, timestamp
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Availability, Life, RoleDeclaration
from trainingrun_reconciler.roles.workload import Role

PROGRESS_SECONDS: Final = 600.0
_NOTICE_SECONDS: Final = 120.0
_STANDSTILL_SECONDS: Final = 60.0
_MISSING_SECONDS: Final = 300.0
_LEAGUE_SECONDS: Final = 60.0
"""For which a league may be away before a person is needed: it starts again by itself."""
_SUMMARY_LIMIT: Final = 160
_STEPS: Final = {
    Stage.DRAINING: (Reason.DRAINING, "running games end"),
    Stage.FLUSHING: (Reason.FLUSHING, "the learner trains what is queued and saves"),
    Stage.EVALUATING: (Reason.EVALUATING, "the final weights are evaluated"),
    Stage.RECORDING: (Reason.EVALUATING, "the evaluations are written beside the checkpoints"),
    Stage.WAITING: (Reason.UNREACHABLE, "waiting for Redis"),
}
_NEEDS_LEARNER: Final = {Stage.RUNNING, Stage.DRAINING, Stage.FLUSHING}
_LATER: Final = "starts when the learner is admitted"
_MISSING: Final = {Reason.STARTING, Reason.MEMBERS_NOT_READY, Reason.NO_REPORT}
_STORAGE_FAILURES: Final = {
    Reason.CHECKPOINT_STORAGE_DENIED,
    Reason.CHECKPOINT_BUCKET_MISSING,
    Reason.CHECKPOINT_STORAGE_FULL,
    Reason.CHECKPOINT_STORAGE_INVALID,
    Reason.CHECKPOINT_STORAGE_UNREACHABLE,
    Reason.CHECKPOINT_STORAGE_UNUSABLE,
}


def status(view: Assessment) -> TrainingRunStatus:
    """The status at this reconcile."""
    old, generation = view.run.status, view.run.metadata.generation
    findings = _findings(view)
    standing = {each.type: each for each in old.conditions}
    conditions = tuple(
        next_condition(
            standing.get(kind), kind, findings[kind], generation=generation, now=view.now
        )
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


def _counted(view: Assessment) -> dict[str, object]:
    """Counts; those of a run that is over stay as they were."""
    if view.lifecycle.stage is Stage.OVER:
        return {"bottleneck": None, "roles": _roles(view, signals=False)}
    return {
        "roles": _roles(view, signals=True),
        "bottleneck": None,
        **counts.from_signals(view.run, view.signals, _rates(view)),
        "curriculum": view.curriculum,
        "stop": view.stop,
        "progressed_at": timestamp(view.progress.at) if view.progress is not None else None,
        "autoscaling": counts.autoscaling(view.facts, view.scaled, view.plan),
    }


def _roles(view: Assessment, *, signals: bool) -> tuple[RoleStatus, ...]:
    """The members of each role, and how many of them were interrupted so far."""
    roles = view.facts.roles
    members = (
        counts.roles(roles, view.observed, view.signals)
        if signals
        else counts.roles(roles, Observed(view.observed.roles), None)
    )
    standing = view.run.status
    return tuple(
        interruptions.counted(
            each, standing.role(each.name), view.interrupted.get(Role(each.name), ())
        )
        for each in members
    )


def _rates(view: Assessment) -> Rates:
    """The averages; those that were reported last, until a new operator has measured its own."""
    if view.lifecycle.stage is not Stage.RUNNING:
        return view.rates
    rates, old = view.rates, view.run.status
    if rates.games is None and old.games is not None:
        rates = replace(rates, games=old.games.per_second)
    if rates.trained is None and old.transitions is not None:
        rates = replace(rates, trained=old.transitions.per_second)
    return rates


def _times(view: Assessment) -> dict[str, object]:
    old, times = view.run.status, dict[str, object]()
    begun = view.observed.roles or view.lifecycle.stage is Stage.RUNNING
    queued = view.lifecycle.stage is Stage.RUNNING and is_queued(view.facts)
    if old.started_at is None and begun and not queued:
        times["started_at"] = timestamp(view.now)
    if old.finished_at is None and view.lifecycle.stage in {Stage.COMPLETE, Stage.FAILED}:
        times["finished_at"] = timestamp(view.now)
    return times


def _findings(view: Assessment) -> dict[ConditionType, ConditionState]:
    if view.lifecycle.stage is Stage.OVER:
        return _standing(view)
    parts = _parts(view)
    return {
        ConditionType.READY: _ready(view, parts),
        ConditionType.COMPLETE: _complete(view),
        ConditionType.FAILED: _failed(view),
        ConditionType.SUSPENDED: _suspended(view),
        **_conditions(parts),
        **_league(view),
        ConditionType.CHECKPOINT_CURRENT: _checkpoint(view),
        ConditionType.SCALING_LIMITED: _scaling(view),
        ConditionType.PROGRESSING: _progressing(view),
        ConditionType.DEGRADED: _degraded(view, parts),
    }


def _standing(view: Assessment) -> dict[ConditionType, ConditionState]:
    """The conditions of a run that is over are the ones that it ended with; only that a target
    which was raised later changes nothing is new."""
    found = {
        kind: ConditionState(
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


def _parts(view: Assessment) -> dict[Role, ConditionState]:
    """The availability of each role that a run is not ready without, ours or external."""
    parts = {
        each.role: _part(view, each, each.availability)
        for each in view.facts.roles
        if each.availability is not None and each.serves(view.run)
    }
    if view.facts.held is None:
        return parts
    return {
        role: replace(finding, reason=Reason.WAITING_FOR_QUOTA, message=_LATER)
        if finding.reason is Reason.STARTING
        else finding
        for role, finding in parts.items()
    }


def _part(
    view: Assessment, declared: RoleDeclaration, availability: Availability
) -> ConditionState:
    """The availability of one role; one that shall not be there is said to be absent."""
    if not _is_wanted(view, declared):
        return health.false(Reason.NOT_CREATED, "not wanted now")
    match declared.life:
        case Life.STORE:
            return health.queue(view.observed, declared.role)
        case Life.TASK:
            return health.task(view.facts.learner, view.signals, availability)
        case Life.WORKER:
            least = view.least_scaled if declared.scaling is not None else None
            return health.workers(view.observed, declared.role, availability, least=least)


def _is_wanted(view: Assessment, declared: RoleDeclaration) -> bool:
    """Whether a role is there to be seen in this stage."""
    stage = view.lifecycle.stage
    if stage in {Stage.RUNNING, Stage.DRAINING, Stage.WAITING}:
        return True
    match declared.life:
        case Life.STORE:
            return bool(view.observed.roles or view.signals)
        case Life.TASK:
            return stage is Stage.FLUSHING
        case Life.WORKER:
            return declared.evaluates and stage is Stage.EVALUATING


def _conditions(parts: Mapping[Role, ConditionState]) -> dict[ConditionType, ConditionState]:
    """The findings of roles that have a condition of their own."""
    return {kind: parts[role] for role, kind in _own_conditions().items() if role in parts}


def _league(view: Assessment) -> dict[ConditionType, ConditionState]:
    """Whether the league of the run answers, as its learner found; without a report as it was."""
    league = view.run.spec.league_ref
    if league is None:
        return {}
    before = view.run.status.condition(ConditionType.LEAGUE_AVAILABLE)
    report = learner_report(view.signals) if view.signals is not None else None
    known = report.league if report is not None else {}
    if not known:
        return {ConditionType.LEAGUE_AVAILABLE: _standing_league(before)}
    problems = [health.part_problem(*each) for each in sorted(known.items()) if each[1]]
    if not problems:
        found = health.true(Reason.LEAGUE_ANSWERS, f"league {league.name} answers")
        return {ConditionType.LEAGUE_AVAILABLE: found}
    waits = "the run waits for it" if view.run.spec.replay is not None else "the run trains on"
    message = f"league {league.name}: {'; '.join(problems)}; {waits}: kubectl get leagues"
    return {ConditionType.LEAGUE_AVAILABLE: health.false(Reason.LEAGUE_UNREACHABLE, message)}


def _standing_league(before: Condition | None) -> ConditionState:
    if before is None:
        return health.unknown(Reason.LEAGUE_NOT_ASKED, "the learner has not called the league yet")
    reason = health.documented(before.reason, otherwise=Reason.UNKNOWN)
    return ConditionState(before.status, reason, before.message)


def _missing_league(view: Assessment) -> ConditionState | None:
    """That the league of a run is away for longer than a start of its services takes."""
    before = view.run.status.condition(ConditionType.LEAGUE_AVAILABLE)
    now = _league(view).get(ConditionType.LEAGUE_AVAILABLE)
    false = ConditionStatus.FALSE
    if before is None or now is None or (before.status, now.status) != (false, false):
        return None
    if view.now - before.last_transition_time.timestamp() < _LEAGUE_SECONDS:
        return None
    return health.true(now.reason, now.message)


def _own_conditions() -> dict[Role, ConditionType]:
    return {
        each.role: each.availability.condition
        for each in ROLES
        if each.availability is not None and each.availability.condition is not None
    }


def _name_of(role: Role) -> str:
    """What sentences call the members of a role."""
    availability = ROLES[role].availability
    return availability.who if availability is not None else role.value


def _ready(view: Assessment, parts: Mapping[Role, ConditionState]) -> ConditionState:
    if view.lifecycle.stage is not Stage.RUNNING:
        reason, message = _state(view)
        return health.false(reason, message)
    if view.facts.held is not None:
        return health.false(*_state(view))
    missing = [(role, finding) for role, finding in parts.items() if not finding.is_true]
    if not missing:
        return health.true(Reason.ALL_ROLES_SERVE, "all roles serve")
    messages = (_of_part(_name_of(role), finding.message) for role, finding in missing)
    return health.false(Reason.ROLES_MISSING, "; ".join(messages))


def _of_part(name: str, message: str) -> str:
    """A message about a part, which is named once."""
    return message if message.startswith(name) else f"{name}: {message}"


def _failed(view: Assessment) -> ConditionState:
    if view.lifecycle.stage is Stage.FAILED:
        return health.true(view.lifecycle.reason, view.lifecycle.message)
    return health.false(Reason.NOT_FAILED, "the run has not failed")


def _complete(view: Assessment) -> ConditionState:
    if view.lifecycle.stage is Stage.FAILED:
        return health.false(view.lifecycle.reason, view.lifecycle.message)
    if view.lifecycle.stage is not Stage.COMPLETE:
        return health.false(*_state(view))
    played = view.facts.played
    saved = f"{played} games were played, trained and saved"
    if view.lifecycle.reason is Reason.WIN_RATE_REACHED:
        return health.true(view.lifecycle.reason, f"{view.lifecycle.message}; {saved}")
    return health.true(Reason.COMPLETED, saved)


def _suspended(view: Assessment) -> ConditionState:
    if view.lifecycle.goal is not Goal.SUSPEND:
        return health.false(Reason.NOT_SUSPENDED, "spec.suspend is false")
    leaving = [each.role.value for each in ROLES.workers if each.role in view.observed.roles]
    if view.lifecycle.stage is Stage.SUSPENDED and not leaving:
        return health.true(*_state(view))
    _, message = _state(view)
    if view.lifecycle.stage is Stage.SUSPENDED:
        message = f"waiting for the end of {', '.join(leaving)}"
    return health.unknown(Reason.SUSPENDING, message)


def _state(view: Assessment) -> tuple[str, str]:
    """Where the run is, as a reason and a sentence."""
    wait = view.facts.held
    if wait is not None and view.lifecycle.stage in _NEEDS_LEARNER:
        return health.reason_of(wait.problem), wait.problem.message
    match view.lifecycle.stage:
        case Stage.RUNNING:
            if view.has_trained:
                return Reason.TRAINING, "games are played and trained"
            return Reason.STARTING, "the roles are being started"
        case Stage.SUSPENDED:
            if view.lifecycle.message:
                return (
                    view.lifecycle.reason,
                    f"the run is saved and stopped: {view.lifecycle.message}",
                )
            return Reason.SUSPENDED, "the run is saved and stopped"
        case Stage.COMPLETE:
            finding = _complete(view)
            return finding.reason, finding.message
        case Stage.FAILED | Stage.REFUSED:
            return view.lifecycle.reason, view.lifecycle.message
        case stage:
            return _STEPS.get(stage, (Reason.AS_EXPECTED, ""))


def _checkpoint(view: Assessment) -> ConditionState:
    checkpoint = counts.checkpoint(view.run, view.signals)
    failure = _failure_since(view, checkpoint.saved_at.timestamp() if checkpoint else 0.0)
    if failure is not None:
        return health.false(_reason_of(failure), health.describe(failure))
    limit = view.run.spec.checkpoint.interval_seconds * 1.5
    if checkpoint is not None:
        age = view.now - checkpoint.saved_at.timestamp()
        sentence = f"saved at game {checkpoint.games}"
        active = view.lifecycle.stage in {Stage.RUNNING, Stage.WAITING}
        if active and age > limit:
            when = format_time(checkpoint.saved_at.timestamp())
            return health.false(Reason.OVERDUE, f"{sentence}, at {when}, and not since")
        return health.true(Reason.SAVED, sentence)
    started = view.run.status.started_at
    if started is not None and view.now - started.timestamp() > limit:
        return health.false(Reason.OVERDUE, "no checkpoint was written yet, and one is due")
    return health.unknown(Reason.NOT_YET, "no checkpoint was written yet")


def _failure_since(view: Assessment, saved_at: float) -> Notice | None:
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


def _scaling(view: Assessment) -> ConditionState:
    scaling, bounds = view.facts.roles.scaling, view.bounds
    if scaling is None or bounds is None:
        return health.false(Reason.WITHIN_LIMITS, "rates decide no number of this run")
    noun = scaling.noun
    if view.lifecycle.stage is not Stage.RUNNING:
        return health.false(Reason.WITHIN_LIMITS, f"the number of {noun.many} is not scaled now")
    if view.plan is not None and view.plan.waiting:
        message = f"{view.plan.waiting} {noun.many} finish their games before they go"
        return health.true(Reason.DRAIN_IN_PROGRESS, message)
    if view.observed.external is not None:
        return health.false(Reason.WITHIN_LIMITS, f"external {noun.many} are not scaled")
    least, most = bounds.min_replicas, bounds.max_replicas
    return limit_finding(view.run, view.scaled, view.limit, least=least, most=most, noun=noun)


def _progressing(view: Assessment) -> ConditionState:
    reason, message = _state(view)
    ends = view.lifecycle.stage in {Stage.SUSPENDED, Stage.COMPLETE, Stage.FAILED, Stage.REFUSED}
    if ends or view.facts.held is not None:
        return health.false(reason, message)
    if view.progress is not None and _is_stuck(view, view.progress):
        when = format_time(view.progress.at)
        return health.false(
            Reason.PROGRESS_DEADLINE_EXCEEDED, f"no game ended and nothing was trained since {when}"
        )
    return health.true(reason, message)


def _is_stuck(view: Assessment, progress: Progress) -> bool:
    """Whether nothing moved although an operator ran, or it was said before that nothing moves."""
    before = view.run.status.condition(ConditionType.PROGRESSING)
    reported = before is not None and before.reason == Reason.PROGRESS_DEADLINE_EXCEEDED
    since = progress.at if reported else max(progress.at, view.watched_since)
    return view.now - since > PROGRESS_SECONDS


def _degraded(view: Assessment, parts: Mapping[Role, ConditionState]) -> ConditionState:
    """The first thing that needs a person: refusals, the queue, members, then notices.

    What passes by itself does not: a member that starts again, a warning while games are played.
    """
    if view.problem is not None:
        reason = health.documented(view.problem.reason, otherwise=Reason.CREATION_FAILED)
        return health.true(reason, view.problem.message)
    if view.lifecycle.stage in {Stage.FAILED, Stage.REFUSED}:
        return health.true(view.lifecycle.reason, view.lifecycle.message)
    wait = view.facts.held
    if wait is not None and health.reason_of(wait.problem) is not Reason.WAITING_FOR_QUOTA:
        return health.true(health.reason_of(wait.problem), wait.problem.message)
    for store in (parts[each.role] for each in view.facts.roles.stores if each.role in parts):
        if store.status is ConditionStatus.FALSE and store.reason is not Reason.NOT_CREATED:
            return health.true(store.reason, store.message)
    found = (
        _lasting_problem(view) or _missing(view, parts) or _missing_league(view) or _notice(view)
    )
    return found or health.false(Reason.AS_EXPECTED, "nothing is wrong")


def _lasting_problem(view: Assessment) -> ConditionState | None:
    """A problem of members that has stayed; one reported before a restart of ours stays."""
    for role, problem in view.problems.items():
        found = health.true(health.reason_of(problem.problem), describe_problem(role, problem))
        if _is_reported(view, found) or problem.lasts:
            return found
    return None


def _is_reported(view: Assessment, found: ConditionState) -> bool:
    """Whether the run is said to be degraded by just this."""
    before = view.run.status.condition(ConditionType.DEGRADED)
    return before is not None and before.is_true and before.message == found.message


def describe_problem(role: Role, problem: RoleProblem) -> str:
    """Format a member's problem, with its role."""
    return f"{role.value} {problem.problem.message}"


def _missing(view: Assessment, parts: Mapping[Role, ConditionState]) -> ConditionState | None:
    """A role without the members that it needs, for longer than a start takes.

    What was missing before this process began to reconcile may have been missing because no other
    did: a run on this machine continues with the status that it was left with. What was reported
    stays.
    """
    if view.facts.held is not None:
        return None
    resumed = view.run.status.condition(ConditionType.SUSPENDED)
    if resumed is None or resumed.status is not ConditionStatus.FALSE:
        return None  # until now nothing was wanted
    conditions = _own_conditions()
    for each in _in_order_of_weight():
        if each.role not in conditions or each.role not in parts:
            continue
        finding, before = parts[each.role], view.run.status.condition(conditions[each.role])
        if finding.reason not in _MISSING or before is None or before.is_true:
            continue
        since = max(before.last_transition_time, resumed.last_transition_time).timestamp()
        found = health.true(finding.reason, f"{finding.message}, for more than 5 minutes")
        missing = view.now - max(since, view.watched_since) >= _MISSING_SECONDS
        if missing or _is_reported(view, found):
            return found
    return None


def _in_order_of_weight() -> Iterator[RoleDeclaration]:
    """The roles whose members may be missing: the task first, without which nothing is gained."""
    yield from (each for each in ROLES if each.life is Life.TASK)
    yield from (each for each in ROLES if each.life is Life.WORKER)


def _notice(view: Assessment) -> ConditionState | None:
    """The newest warning of a role that is still news.

    A reason that the API documents is about something that lasts. Any other is an event alone, as
    long as the counters move: a daemon that goes away makes actors warn, and games continue
    elsewhere.
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
            return health.true(reason, health.describe(notice))
    return None


def summary(view: Assessment, findings: dict[ConditionType, ConditionState]) -> str:
    """The state in a few words for people."""
    text = _summary(view, findings)
    return text if len(text) <= _SUMMARY_LIMIT else text[: _SUMMARY_LIMIT - 1] + "…"


def _summary(view: Assessment, findings: dict[ConditionType, ConditionState]) -> str:
    way = "Suspending" if view.lifecycle.goal is Goal.SUSPEND else "Completing"
    match view.lifecycle.stage:
        case Stage.OVER:
            return view.run.status.summary or ""
        case Stage.COMPLETE:
            return f"Complete: {view.facts.played} games"
        case Stage.FAILED:
            return f"Failed: {view.lifecycle.message}"
        case Stage.REFUSED:
            return f"Invalid: {view.lifecycle.message}"
        case Stage.SUSPENDED:
            return f"Suspended: {view.lifecycle.message}" if view.lifecycle.message else "Suspended"
        case Stage.RUNNING:
            return _running_summary(view, findings)
        case stage:
            return f"{way}: {_STEPS[stage][1]}"


def _running_summary(view: Assessment, findings: dict[ConditionType, ConditionState]) -> str:
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
    if findings[ConditionType.COMPLETE].reason is Reason.STARTING:
        return "Starting: waiting for the first update"
    return "Training"


def _waited_for(view: Assessment, findings: dict[ConditionType, ConditionState]) -> Iterator[str]:
    """The parts that do not serve. In a run that trains, one is missed after a while only: pods are
    not ready for some seconds after an outage of the API server, while all of them serve.
    """
    for role, kind in _own_conditions().items():
        finding = findings.get(kind)
        if finding is not None and not finding.is_true and not _is_brief(view, kind, finding):
            yield _name_of(role)


def _is_brief(view: Assessment, kind: ConditionType, finding: ConditionState) -> bool:
    """Whether a part of a run that trains served a moment ago."""
    before = view.run.status.condition(kind)
    if not view.has_trained or before is None:
        return False
    is_new = before.status is not finding.status
    was_well = before.is_true or not is_new
    since = view.now if is_new else before.last_transition_time.timestamp()
    return was_well and view.now - since < health.PASSING_SECONDS
