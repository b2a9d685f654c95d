"""Where a run is in its life, from what can be seen alone; nothing is remembered.

The goal comes from the spec, the counters and the conditions; the step towards it comes from the
intent that stands in Redis:

    suspend:   RUN -> DRAIN -> FLUSH -> learner ended -> suspended
    complete:  RUN -> DRAIN -> FLUSH -> learner ended -> EVALUATE -> recorded -> complete

A run that the operator stops by itself (idle, out of money) walks as a suspended one does; a walk
that nobody asked for has a deadline, because what it waits for may be what is broken.

A learner ends with success only under FLUSH, and a resumed run is set to RUN only after the ended
learner is gone; so an ended learner under FLUSH has flushed what this run produced. A Redis that
lost its data says RUN, and the walk begins again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from trainingrun_contracts.api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.status import StopStatus
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.reports import ActorReport, EvaluatorReport, Intent

from trainingrun_operator.desired.errands import is_recorder
from trainingrun_operator.desired.health import documented
from trainingrun_operator.desired.observed import Observed, Signals
from trainingrun_operator.desired.workload import Role
from trainingrun_operator.settings import Settings

_FAILURES: Final[dict[int | None, Reason]] = {
    ExitCode.NON_FINITE: Reason.NON_FINITE_WEIGHTS,
    ExitCode.GONE: Reason.STATE_GONE,
}


class Goal(Enum):
    """Where the run should go."""

    RUN = "run"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    FAIL = "fail"
    INVALID = "invalid"
    OVER = "over"


class Stage(Enum):
    """Where it is on the way."""

    RUNNING = "running"
    WAITING = "waiting"
    """Redis cannot be asked, so nothing that could lose data is done."""
    DRAINING = "draining"
    FLUSHING = "flushing"
    EVALUATING = "evaluating"
    RECORDING = "recording"
    """The last evaluations are written beside their checkpoints: they ended after the learner."""
    SUSPENDED = "suspended"
    COMPLETE = "complete"
    FAILED = "failed"
    REFUSED = "refused"
    OVER = "over"


@dataclass(frozen=True)
class Phase:
    """Goal and stage; ``reason`` and ``message`` say why, where it is not the spec that says so:
    a run that failed, is refused, or is ended or stopped by the operator itself."""

    goal: Goal
    stage: Stage
    reason: Reason = Reason.AS_EXPECTED
    message: str = ""

    @property
    def ends(self) -> bool:
        """Whether nothing of the run shall go on."""
        return self.stage in {Stage.COMPLETE, Stage.FAILED, Stage.OVER}


def phase(
    run: TrainingRun,
    observed: Observed,
    settings: Settings,
    *,
    now: float,
    stop: StopStatus | None = None,
) -> Phase:
    """Goal and stage of a run; ``stop`` is why the operator ends or stops it by itself."""
    succeeded = run.status.condition(ConditionType.SUCCEEDED)
    if succeeded is not None and succeeded.status is not ConditionStatus.UNKNOWN:
        return Phase(Goal.OVER, Stage.OVER)
    is_strong = stop is not None and stop.reason == "WinRateReached"
    rests = stop is not None and not is_strong
    failure = _failure(run, observed, settings, now=now, rests=rests)
    if failure is not None:
        return failure
    if run.spec.suspend:
        return Phase(Goal.SUSPEND, _suspending(run, observed, settings, now=now))
    if is_strong or _played(run, observed) >= run.spec.games:
        stage = _completing(run, observed, settings, now=now)
        return _because(Phase(Goal.COMPLETE, stage), stop if is_strong else None)
    if stop is not None:
        stage = _stopping(run, observed, settings, since=stop.at.timestamp(), now=now)
        return _because(Phase(Goal.SUSPEND, stage), stop)
    refusal = _refusal(run, settings)
    return refusal or Phase(Goal.RUN, Stage.RUNNING)


def _because(phase: Phase, stop: StopStatus | None) -> Phase:
    if stop is None:
        return phase
    reason = documented(stop.reason, otherwise=Reason.UNKNOWN)
    return replace(phase, reason=reason, message=stop.message)


def _failure(
    run: TrainingRun, observed: Observed, settings: Settings, *, now: float, rests: bool
) -> Phase | None:
    learner = observed.roles.get(Role.LEARNER)
    ended = learner.finished if learner is not None else None
    if (
        ended is not None
        and not ended.succeeded
        and not _has_flushed(observed)
        and not is_recorder(run, settings, learner)
    ):
        why = ended.message or ended.reason or "no reason was told"
        reason = _FAILURES.get(ended.code, Reason.LEARNER_FAILED)
        return Phase(Goal.FAIL, Stage.FAILED, reason, f"the learner failed for good: {why}")
    deadline, started = run.spec.active_deadline_seconds, run.status.started_at
    if deadline is None or started is None or run.spec.suspend or rests:
        return None
    if now - started.timestamp() < deadline:
        return None
    message = f"the run was not complete {deadline} s after its start (activeDeadlineSeconds)"
    return Phase(Goal.FAIL, Stage.FAILED, Reason.DEADLINE_EXCEEDED, message)


def _refusal(run: TrainingRun, settings: Settings) -> Phase | None:
    daemon = run.spec.daemon
    if settings.decks is None or daemon.image is not None or daemon.external is not None:
        return None  # what those daemons hold is not known here
    unknown = [deck.name for deck in run.spec.decks if deck.name not in settings.decks]
    if not unknown:
        return None
    known = ", ".join(sorted(settings.decks))
    message = f"spec.decks: no deck is called {', '.join(unknown)}: choose among {known}"
    return Phase(Goal.INVALID, Stage.REFUSED, Reason.UNKNOWN_DECK, message)


def _played(run: TrainingRun, observed: Observed) -> int:
    if isinstance(observed.signals, Signals):
        return observed.signals.games.get("played", 0)
    games = run.status.games
    return (games.played or 0) if games is not None else 0


def _suspending(run: TrainingRun, observed: Observed, settings: Settings, *, now: float) -> Stage:
    signals = observed.signals
    works = any(
        role in observed.roles for role in (Role.LEARNER, Role.ACTOR, Role.DAEMON, Role.EVALUATOR)
    )
    if not isinstance(signals, Signals):
        never_trained = run.status.model is None
        return Stage.SUSPENDED if never_trained or not works else Stage.WAITING
    if not works and (_was_suspended(run) or signals.pointer is None):
        return Stage.SUSPENDED
    if signals.intent in {Intent.RUN, Intent.DRAIN}:
        return Stage.DRAINING if not _drained(observed, signals, settings, now) else Stage.FLUSHING
    if _learner_ended(observed) or (Role.LEARNER not in observed.roles and _was_suspended(run)):
        return Stage.SUSPENDED
    return Stage.SUSPENDED if signals.intent is Intent.EVALUATE else Stage.FLUSHING


def _stopping(
    run: TrainingRun, observed: Observed, settings: Settings, *, since: float, now: float
) -> Stage:
    """As for suspend, but not for ever: what was not flushed by then stays in Redis."""
    stage, signals = _suspending(run, observed, settings, now=now), observed.signals
    if stage not in {Stage.WAITING, Stage.FLUSHING}:
        return stage
    lasts = _lasts(signals, now) if isinstance(signals, Signals) else now - since
    return Stage.SUSPENDED if lasts >= settings.flush_deadline_seconds else stage


def _completing(run: TrainingRun, observed: Observed, settings: Settings, *, now: float) -> Stage:
    signals = observed.signals
    if not isinstance(signals, Signals):
        return Stage.WAITING
    if signals.intent in {Intent.RUN, Intent.DRAIN}:
        return Stage.DRAINING if not _drained(observed, signals, settings, now) else Stage.FLUSHING
    if signals.intent is Intent.FLUSH:
        return Stage.EVALUATING if _learner_ended(observed) else Stage.FLUSHING
    over = _lasts(signals, now) >= settings.evaluation_deadline_seconds
    if not over and not _evaluated(run, signals):
        return Stage.EVALUATING
    is_done = _recorded(run, observed, signals, settings, now=now)
    return Stage.COMPLETE if is_done else Stage.RECORDING


def _drained(observed: Observed, signals: Signals, settings: Settings, now: float) -> bool:
    """Whether all actors have sent what they held, or had the time to."""
    if signals.intent is not Intent.DRAIN:
        return False
    if _lasts(signals, now) >= settings.drain_deadline_seconds:
        return True
    actors = observed.roles.get(Role.ACTOR)
    if actors is None:
        return True
    since = signals.intent_since or 0.0  # what was said before does not tell of this drain
    states = [
        report.state
        for report in signals.reports
        if isinstance(report, ActorReport) and report.at >= since
    ]
    return len(states) >= len(actors.ready) and all(state == "drained" for state in states)


def _lasts(signals: Signals, now: float) -> float:
    return now - signals.intent_since if signals.intent_since is not None else 0.0


def _has_flushed(observed: Observed) -> bool:
    """Whether the learner's work is over and saved, so that whatever fails in its place costs the
    run nothing: the intent goes on to EVALUATE only after that."""
    signals = observed.signals
    return isinstance(signals, Signals) and signals.intent is Intent.EVALUATE


def _recorded(
    run: TrainingRun, observed: Observed, signals: Signals, settings: Settings, *, now: float
) -> bool:
    """Whether nothing is left to write beside the checkpoints: the recorder has ended, well or not,
    or has had its time since the newest evaluation; or there is nothing for it to write."""
    of_trained = [each.at for each in signals.evaluations if each.version > 0]
    seconds = settings.recording_deadline_seconds
    if not of_trained or not seconds or now - max(of_trained) >= seconds:
        return True
    there = observed.roles.get(Role.LEARNER)
    has_ended = there is not None and there.finished is not None
    return has_ended and is_recorder(run, settings, there)


def _learner_ended(observed: Observed) -> bool:
    learner = observed.roles.get(Role.LEARNER)
    return learner is not None and learner.finished is not None and learner.finished.succeeded


def _says_done(signals: Signals) -> bool:
    """Whether the evaluator says so itself, of the newest weights and since it was asked to."""
    since = signals.intent_since or 0.0
    return signals.intent is Intent.EVALUATE and any(
        isinstance(report, EvaluatorReport)
        and report.state == "done"
        and report.at >= since
        and signals.pointer is not None
        and report.weights_version == signals.pointer.version
        for report in signals.reports
    )


def _was_suspended(run: TrainingRun) -> bool:
    condition = run.status.condition(ConditionType.SUSPENDED)
    return condition is not None and condition.is_true


def _evaluated(run: TrainingRun, signals: Signals) -> bool:
    """Whether the newest weights have met every opponent that can be played; true when there are
    no weights."""
    if signals.pointer is None or _says_done(signals):
        return True
    if run.spec.evaluation.gate is not None:
        return False
    met = {
        result.opponent for result in signals.evaluations
        if result.version == signals.pointer.version
    }  # fmt: skip
    return met >= set(run.spec.evaluation.opponents)
