"""Where a run is in its life, from what can be seen alone; nothing is remembered.

The goal comes from the spec, the counters and the conditions; the step towards it comes from the
intent that stands in Redis:

    suspend:   RUN -> DRAIN -> FLUSH -> learner ended -> suspended
    complete:  RUN -> DRAIN -> FLUSH -> learner ended -> EVALUATE -> recorded -> complete

A run that the operator stops by itself (idle, out of money) walks as a suspended one does; a walk
that was not requested has a deadline, because what it waits for may be what is broken.

A learner ends with success only under FLUSH, and a resumed run is set to RUN only after the ended
learner is gone; so an ended learner under FLUSH has flushed what this run produced. A Redis that
lost its data says RUN, and the walk begins again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from trainingrun_api.conditions import ConditionType, Reason
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import StopStatus
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.reports import (
    ActorReport,
    ActorState,
    EvaluatorReport,
    EvaluatorState,
    Intent,
)

from trainingrun_reconciler.desired.errands import is_recorder
from trainingrun_reconciler.desired.facts import Facts
from trainingrun_reconciler.desired.health import documented
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.desired.own_decks import fault_of, own_decks
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Life
from trainingrun_reconciler.settings import Settings

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
class Lifecycle:
    """Goal and stage; ``reason`` and ``message`` say why, where it is not the spec that says so:
    a run that failed, is refused, or is ended or stopped by the operator itself."""

    goal: Goal
    stage: Stage
    reason: Reason = Reason.AS_EXPECTED
    message: str = ""

    @property
    def ends(self) -> bool:
        """Whether nothing of the run shall continue."""
        return self.stage in {Stage.COMPLETE, Stage.FAILED, Stage.OVER}


def lifecycle_of(facts: Facts, *, stop: StopStatus | None = None) -> Lifecycle:
    """Goal and stage of a run; ``stop`` is why the operator ends or stops it by itself."""
    run = facts.run
    if run.status.end is not None:
        return Lifecycle(Goal.OVER, Stage.OVER)
    is_strong = stop is not None and stop.reason == "WinRateReached"
    rests = stop is not None and not is_strong
    failure = _failure(facts, rests=rests)
    if failure is not None:
        return failure
    if run.spec.suspend:
        return Lifecycle(Goal.SUSPEND, _suspending(facts))
    if is_strong or facts.played >= run.spec.games:
        return _because(Lifecycle(Goal.COMPLETE, _completing(facts)), stop if is_strong else None)
    if stop is not None:
        stage = _stopping(facts, since=stop.at.timestamp())
        return _because(Lifecycle(Goal.SUSPEND, stage), stop)
    return _refusal(run, facts.settings) or Lifecycle(Goal.RUN, Stage.RUNNING)


def _because(at: Lifecycle, stop: StopStatus | None) -> Lifecycle:
    if stop is None:
        return at
    reason = documented(stop.reason, otherwise=Reason.UNKNOWN)
    return replace(at, reason=reason, message=stop.message)


def _failure(facts: Facts, *, rests: bool) -> Lifecycle | None:
    run = facts.run
    ended = facts.learner.finished if facts.learner is not None else None
    if (
        ended is not None
        and not ended.succeeded
        and not _has_flushed(facts)
        and not is_recorder(run, facts.settings, facts.learner)
    ):
        why = ended.message or ended.reason or "no reason was given"
        reason = _FAILURES.get(ended.code, Reason.LEARNER_FAILED)
        return Lifecycle(Goal.FAIL, Stage.FAILED, reason, f"the learner failed for good: {why}")
    deadline, started = run.spec.active_deadline_seconds, run.status.started_at
    if deadline is None or started is None or run.spec.suspend or rests:
        return None
    if facts.now - started.timestamp() < deadline:
        return None
    message = f"the run was not complete {deadline} s after its start (activeDeadlineSeconds)"
    return Lifecycle(Goal.FAIL, Stage.FAILED, Reason.DEADLINE_EXCEEDED, message)


def _refusal(run: TrainingRun, settings: Settings) -> Lifecycle | None:
    unreadable = fault_of(run)
    if unreadable is not None:
        return Lifecycle(Goal.INVALID, Stage.REFUSED, Reason.DECK_UNREADABLE, unreadable)
    daemon, own = run.spec.daemon, {deck.name for deck in own_decks(run.spec)}
    if settings.decks is None or daemon.container.image is not None or daemon.external is not None:
        return None  # what those daemons hold is not known here
    known_names = settings.decks | own
    unknown = [deck.name for deck in run.spec.decks if deck.name not in known_names]
    if not unknown:
        return None
    known = ", ".join(sorted(settings.decks))
    message = f"spec.decks: no deck is called {', '.join(unknown)}: choose among {known}"
    return Lifecycle(Goal.INVALID, Stage.REFUSED, Reason.UNKNOWN_DECK, message)


def _suspending(facts: Facts) -> Stage:
    run, roles, signals = facts.run, facts.observed.roles, facts.signals
    works = any(each.role in roles for each in ROLES if each.life is not Life.STORE)
    if signals is None:
        never_trained = run.status.model is None
        return Stage.SUSPENDED if never_trained or not works else Stage.WAITING
    if not works and (_was_suspended(run) or signals.pointer is None):
        return Stage.SUSPENDED
    if signals.intent in {Intent.RUN, Intent.DRAIN}:
        return Stage.FLUSHING if _drained(facts, signals) else Stage.DRAINING
    if facts.has_learner_ended or (facts.learner is None and _was_suspended(run)):
        return Stage.SUSPENDED
    return Stage.SUSPENDED if signals.intent is Intent.EVALUATE else Stage.FLUSHING


def _stopping(facts: Facts, *, since: float) -> Stage:
    """As for suspend, but not for ever: what was not flushed by then stays in Redis."""
    stage, signals = _suspending(facts), facts.signals
    if stage not in {Stage.WAITING, Stage.FLUSHING}:
        return stage
    lasts = _lasts(signals, facts.now) if signals is not None else facts.now - since
    return Stage.SUSPENDED if lasts >= facts.settings.flush_deadline_seconds else stage


def _completing(facts: Facts) -> Stage:
    signals = facts.signals
    if signals is None:
        return Stage.WAITING
    if signals.intent in {Intent.RUN, Intent.DRAIN}:
        return Stage.FLUSHING if _drained(facts, signals) else Stage.DRAINING
    if signals.intent is Intent.FLUSH:
        return Stage.EVALUATING if facts.has_learner_ended else Stage.FLUSHING
    over = _lasts(signals, facts.now) >= facts.settings.evaluation_deadline_seconds
    if not over and facts.roles.evaluators and not _evaluated(facts.run, signals):
        return Stage.EVALUATING
    return Stage.COMPLETE if _recorded(facts, signals) else Stage.RECORDING


def _drained(facts: Facts, signals: Signals) -> bool:
    """Whether all that fill the queue have sent what they held, or had the time to."""
    if signals.intent is not Intent.DRAIN:
        return False
    if _lasts(signals, facts.now) >= facts.settings.drain_deadline_seconds:
        return True
    there = [facts.observed.roles.get(each.role) for each in facts.roles.producers]
    present = [each for each in there if each is not None]
    if not present:
        return True
    since = signals.intent_since or 0.0  # what was said before is not about this drain
    states = [
        report.state
        for report in signals.reports
        if isinstance(report, ActorReport) and report.at >= since
    ]
    serving = sum(len(each.ready) for each in present)
    return len(states) >= serving and all(state is ActorState.DRAINED for state in states)


def _lasts(signals: Signals, now: float) -> float:
    return now - signals.intent_since if signals.intent_since is not None else 0.0


def _has_flushed(facts: Facts) -> bool:
    """Whether the learner's work is over and saved, so that whatever fails in its place costs the
    run nothing: the intent becomes EVALUATE only after that."""
    return facts.signals is not None and facts.signals.intent is Intent.EVALUATE


def _recorded(facts: Facts, signals: Signals) -> bool:
    """Whether nothing is left to write beside the checkpoints: the recorder has ended, well or not,
    or has had its time since the newest evaluation; or there is nothing for it to write."""
    of_trained = [each.at for each in signals.evaluations if each.version > 0]
    seconds = facts.settings.recording_deadline_seconds
    if not of_trained or not seconds or facts.now - max(of_trained) >= seconds:
        return True
    return facts.has_learner_ended and is_recorder(facts.run, facts.settings, facts.learner)


def _says_done(signals: Signals) -> bool:
    """Whether an evaluator says so itself, of the newest weights and since it was asked to."""
    since = signals.intent_since or 0.0
    return signals.intent is Intent.EVALUATE and any(
        isinstance(report, EvaluatorReport)
        and report.state is EvaluatorState.DONE
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
        result.opponent
        for result in signals.evaluations
        if result.version == signals.pointer.version
    }
    return met >= set(run.spec.evaluation_opponents)
