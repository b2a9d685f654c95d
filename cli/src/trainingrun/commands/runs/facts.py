"""What is known of a run, as titles and sentences: for ``status`` and ``top NAME``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from trainingrun_api.conditions import ConditionStatus, ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import Condition, EvaluationStatus
from trainingrun_reconciler.algorithms import ALGORITHMS

from trainingrun.commands.output import UNKNOWN, age_of, short

BOTTLENECKS: Final = {
    "Engine": "the learner waits for games: more or faster daemons would help",
    "Actor": "games wait for the policy: more actors would help",
    "Learner": "games are held back: a faster learner would help, more daemons would not",
    "None": "no role holds up the others",
}
_BAD_WHEN_FALSE: Final = (
    ConditionType.READY,
    ConditionType.QUEUE_AVAILABLE,
    ConditionType.LEARNER_AVAILABLE,
    ConditionType.DAEMONS_AVAILABLE,
    ConditionType.ACTORS_AVAILABLE,
    ConditionType.CHECKPOINT_CURRENT,
    ConditionType.PROGRESSING,
)
_BAD_WHEN_TRUE: Final = (ConditionType.DEGRADED,)
Row = tuple[str, str]


def rows_of(run: TrainingRun) -> Iterator[Row]:
    """Title and text of everything that is known, in the order in which people ask."""
    status = run.status
    yield "state", status.summary or "not started: not reconciled yet"
    if not run.spec.environment.is_magic:
        yield "game", run.spec.environment.title
    yield from _games(run)
    yield from _phases(run)
    yield from _model(run)
    for each in status.evaluation:
        yield f"vs {each.opponent}", _evaluation(each)
    if status.checkpoint is not None:
        saved = status.checkpoint
        yield (
            "checkpoint",
            f"{age_of(saved.saved_at)} ago, step {saved.step}, at game {saved.games}: {saved.uri}",
        )
    yield from _queue(run)
    if status.bottleneck is not None and is_active(run):
        yield "bottleneck", f"{status.bottleneck}: {BOTTLENECKS[status.bottleneck]}"
    yield from _money(run)
    yield from role_rows(run)


def role_rows(run: TrainingRun) -> Iterator[Row]:
    """Members of each role in a few words."""
    for role in run.status.roles:
        if is_active(run) or role.desired or role.ready:
            games = "" if role.busy is None else f", {role.busy} games"
            times = role.interruptions or 0
            gone = f", {times} interruption{'' if times == 1 else 's'}" if times else ""
            restarts = f"{role.restarts or 0} restarts"
            yield role.name, f"{role.display or UNKNOWN} ready{games}, {restarts}{gone}"


def problems_of(run: TrainingRun) -> Iterator[str]:
    """Yield what is not as it should be, one sentence each; nothing of a run that is over."""
    if not is_active(run):
        return
    shown: set[str] = set()
    for kind in _BAD_WHEN_FALSE:
        found = run.status.condition(kind)
        if found is not None and found.status is ConditionStatus.FALSE:
            yield from _once(found, shown)
    for kind in _BAD_WHEN_TRUE:
        found = run.status.condition(kind)
        if found is not None and found.is_true:
            yield from _once(found, shown)


def is_active(run: TrainingRun) -> bool:
    """Return whether it plays and trains, or should: neither over nor on its way to being
    suspended."""
    return not is_over(run) and not _is_suspended(run)


def is_over(run: TrainingRun) -> bool:
    """Return whether the run has ended."""
    return run.status.end is not None


def remaining(run: TrainingRun) -> str:
    """Return the time until the target at the rate of now; empty where it cannot be said."""
    games = run.status.games
    if games is None or not games.per_second or is_over(run):
        return ""
    left = max(0, run.spec.games - (games.played or 0))
    return short(left / games.per_second) if left else ""


def _games(run: TrainingRun) -> Iterator[Row]:
    games = run.status.games
    if games is None:
        return
    rest = remaining(run)
    rate = f", {games.rate}/s" if games.rate else ""
    text = f"{games.display or games.played or 0}{rate}"
    yield "games", text + (f", about {rest} left" if rest else "")
    if games.aborted:
        yield "aborted", f"{games.aborted} games were lost with their daemon or engine; none count"
    if run.status.started_at is not None:
        ended = run.status.finished_at
        text = f"{age_of(run.status.started_at)} ago"
        yield "started", text + (f", ended {age_of(ended)} ago" if ended is not None else "")


def _phases(run: TrainingRun) -> Iterator[Row]:
    """Yield the phases of the curriculum so far, those that are over first."""
    course = run.status.curriculum
    if course is None:
        return
    ends = [passed.since_games for passed in course.passed[1:]]
    for passed, end in zip(course.passed, [*ends, course.since_games], strict=False):
        yield "phase", f"{passed.name}, games {passed.since_games} to {end}: {passed.why}"
    yield "phase", f"{course.phase}, since game {course.since_games}"


def _model(run: TrainingRun) -> Iterator[Row]:
    model = run.status.model
    if model is None:
        return
    age = "" if model.published_at is None else f", published {age_of(model.published_at)} ago"
    crown = "" if model.champion is None else f", champion {model.champion}"
    yield "model", f"version {model.version}{age}{crown}"


def _evaluation(each: EvaluationStatus) -> str:
    interval = f"{each.low:.0%} to {each.high:.0%}, {each.games} games"
    elo = "" if each.elo is None else f", Elo {each.elo:.0f} ±{each.elo_error or 0:.0f}"
    gate = "" if each.gate is None else f", gate: {each.gate.verdict.lower()}"
    return f"{each.win_rate:.0%} ({interval}), version {each.version}{elo}{gate}"


def _queue(run: TrainingRun) -> Iterator[Row]:
    counted = run.status.transitions
    if counted is None or counted.queued is None:
        return
    high_water = ALGORITHMS.of(run.spec).queue_capacity(run.spec)
    yield (
        "queue",
        f"{counted.queued} of {high_water} transitions wait"
        + (f"; {counted.per_second:.0f}/s are trained" if counted.per_second is not None else ""),
    )


def _money(run: TrainingRun) -> Iterator[Row]:
    cost, stop = run.status.cost, run.status.stop
    if cost is not None:
        total = cost.projected_total
        end = "" if total is None else f", about {total:.2f} at the end"
        yield "cost", f"{cost.spent:.2f} {cost.currency}, {cost.hourly:.2f} an hour{end}"
    if stop is not None:
        yield "stopped by", f"{stop.reason}: {stop.message}"


def _is_suspended(run: TrainingRun) -> bool:
    found = run.status.condition(ConditionType.SUSPENDED)
    return found is not None and found.status is not ConditionStatus.FALSE


def _once(found: Condition, shown: set[str]) -> Iterator[str]:
    if found.message not in shown:
        shown.add(found.message)
        since = age_of(found.last_transition_time, now=datetime.now(UTC))
        yield f"{found.type} is {found.status} for {since}, {found.reason}: {found.message}"
