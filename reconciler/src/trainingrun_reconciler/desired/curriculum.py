"""Which phase of the curriculum holds, from what was recorded, counted and evaluated.

A phase that ends after a number of games ends without the operator: the number of a game says which
phase it is played in, and the first game of each phase records its beginning (``contracts.games``).
What is decided here is the end by a win rate, or because the phase was taken out of the spec. The
next phase then begins with the next game that starts, and is recorded like the others.

The invariant: the number of phases that have begun never falls, and a phase that is over does not
come back, whatever happens to the operator, to Redis or to the spec. So the phase so far is the
later of two records: the status, and what Redis holds. The first outlives a Redis that lost its
data, the second an operator that died before it wrote the status.

Actors of an older version give their games no numbers: of their runs the games are counted here.

A phase is known by its name. In a curriculum that was edited, the run stays in its phase while the
name is there; else it goes to the first phase behind those that it has passed.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace
from trainingrun_api.play import CurriculumPhase, WinRateGoal
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_api.status import CurriculumStatus, PassedPhase
from trainingrun_contracts.curriculum import (
    BegunPhase,
    CurrentPhase,
    PlannedPhase,
    Setting,
)
from trainingrun_contracts.reports import Evaluation
from trainingrun_contracts.run_config import OpponentsConfig
from trainingrun_contracts.wilson import win_rate

from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.desired.timestamps import timestamp

PASSED_KEPT: Final = 16


@dataclass(frozen=True)
class _Begin:
    """When a phase begins, and what had been counted by then."""

    at: float
    games: int
    transitions: int


@dataclass(frozen=True)
class _Decided:
    """The next phase, and why the one before is over."""

    phase: CurriculumPhase
    why: str


def curriculum(run: TrainingRun, signals: Signals, *, now: float) -> CurriculumStatus | None:
    """The phase that holds now; None without a curriculum."""
    phases = run.spec.curriculum
    if not phases:
        return None
    before = phase_so_far(run, signals)
    if before is None:
        return CurriculumStatus(
            phase=phases[0].name,
            number=1,
            since=timestamp(now),
            since_games=signals.started,
            since_transitions=signals.ledger.produced,
            why="the curriculum begins",
        )
    if signals.is_numbered:
        return before
    decided = _decided(run, before, signals) or _ended_by_games(run, before, signals)
    if decided is None:
        return before
    begin = _Begin(now, signals.started, signals.ledger.produced)
    return _after(before, decided.phase.name, decided.why, begin)


def phase_so_far(run: TrainingRun, signals: Signals) -> CurriculumStatus | None:
    """The later of what the status and what Redis says; None before the first phase."""
    published = signals.phase
    if not signals.is_numbered:
        return _adopted(run.status.curriculum, published)
    status = run.status.curriculum
    if status is None and published is not None and published.number - 1 not in signals.begun:
        status = _adopted(None, published)
    for number, record in sorted(signals.begun.items()):
        if status is None or number > status.number:
            status = _recorded(run, status, number, record, published)
    return status


def _adopted(
    status: CurriculumStatus | None, published: CurrentPhase | None
) -> CurriculumStatus | None:
    """The later of what was recorded and what was published to actors."""
    if (
        published is None
        or not published.name
        or (status is not None and published.number <= status.number)
    ):
        return status
    begin = _Begin(published.since, published.games, published.transitions)
    if status is None:
        return _first(published.name, published.number, published.why, begin)
    return _after(status, published.name, published.why, begin, number=published.number)


def _recorded(
    run: TrainingRun,
    before: CurriculumStatus | None,
    number: int,
    record: BegunPhase,
    published: CurrentPhase | None,
) -> CurriculumStatus:
    """A phase as its first game has recorded it."""
    begin = _Begin(record.at, record.games, record.transitions)
    why = (
        published.why
        if published is not None and published.number == number
        else "its turn had come"
    )
    if before is None:
        return _first(record.name, number, why, begin)
    standing = _named(run.spec, before.phase)
    by_games = "" if standing is None else _had_games(standing, before, record.games)
    return _after(before, record.name, by_games or why, begin, number=number)


def published_phase(
    run: TrainingRun, status: CurriculumStatus | None, signals: Signals, *, now: float
) -> CurrentPhase | None:
    """What to publish to the actors; None where there is nothing new.

    Args:
        run: the spec with the phases.
        status: the phase that holds.
        signals: what was counted and evaluated, and what was published to actors before.
        now: Unix seconds.
    """
    published = signals.phase
    if status is None:
        if published is None:
            return None
        return CurrentPhase("", 0, 0, 0, 0, "the run has no curriculum", _setting(run.spec, None))
    standing = CurrentPhase(
        name=status.phase,
        number=status.number,
        since=int(status.since.timestamp()),
        games=status.since_games,
        transitions=status.since_transitions,
        why=status.why,
        setting=_setting(run.spec, _named(run.spec, status.phase)),
    )
    if not signals.is_numbered:
        return _with_neighbours(run, standing, status)
    if (
        published is not None
        and published.number > status.number
        and _named(run.spec, published.name)
    ):
        return _with_neighbours(run, published, status)  # decided, and no game has started since
    decided = _decided(run, status, signals)
    if decided is None:
        return _with_neighbours(run, standing, status)
    next_phase = CurrentPhase(
        name=decided.phase.name,
        number=status.number + 1,
        since=int(now),
        games=signals.started,
        transitions=signals.ledger.produced,
        why=decided.why,
        setting=_setting(run.spec, decided.phase),
    )
    return _with_neighbours(run, next_phase, status)


def _with_neighbours(
    run: TrainingRun, phase: CurrentPhase, status: CurriculumStatus
) -> CurrentPhase:
    """The phase as the spec has it, with the one before and those that follow by games."""
    own = _named(run.spec, phase.name)
    over = {each.name for each in status.passed}
    if phase.number > status.number:
        over |= {status.phase}
    following: list[PlannedPhase] = []
    standing = own
    while standing is not None and _lasts(standing) is not None:
        standing = _behind(run.spec.curriculum, over, standing)
        if standing is not None:
            number = phase.number + len(following) + 1
            following.append(_planned(run.spec, standing, number))
    return replace(
        phase,
        setting=_setting(run.spec, own),
        lasts=None if own is None else _lasts(own),
        before=_before(run, phase, status),
        following=tuple(following),
    )


def _before(run: TrainingRun, phase: CurrentPhase, status: CurriculumStatus) -> PlannedPhase | None:
    """The phase before, where the spec still has it."""
    names = [*(each.name for each in status.passed), status.phase]
    last = names[-1] if phase.number > status.number else next(iter(names[-2:-1]), "")
    found = _named(run.spec, last)
    return None if found is None else _planned(run.spec, found, phase.number - 1)


def _planned(spec: TrainingRunSpec, phase: CurriculumPhase, number: int) -> PlannedPhase:
    return PlannedPhase(phase.name, number, _setting(spec, phase), _lasts(phase))


def _lasts(phase: CurriculumPhase) -> int | None:
    """Games after which the phase ends at the latest."""
    return None if phase.until is None else phase.until.games


def _named(spec: TrainingRunSpec, name: str) -> CurriculumPhase | None:
    return next((phase for phase in spec.curriculum if phase.name == name), None)


def _setting(spec: TrainingRunSpec, phase: CurriculumPhase | None) -> Setting:
    """What a phase is played with; without one, what the whole run is."""
    decks = phase.decks if phase is not None else None
    opponents = phase.opponents if phase is not None else None
    given = opponents if opponents is not None else spec.self_play
    return Setting(
        decks=spec.deck_names if decks is None else tuple(deck.name for deck in decks),
        opponents=OpponentsConfig(
            latest=given.latest,
            past=given.past,
            scripted=given.scripted,
            pfsp=given.pfsp,
            scripted_players=spec.scripted_players_of(given),
        ),
        shaping=spec.shaping_of(phase),
        gamma=spec.discount,
    )


def _next(
    phases: tuple[CurriculumPhase, ...],
    before: CurriculumStatus,
    standing: CurriculumPhase | None,
) -> CurriculumPhase | None:
    """The first phase further on that was not passed; None where a phase has none and so stays."""
    over = {each.name for each in before.passed}
    if standing is not None:
        return _behind(phases, over, standing)
    places = [place for place, phase in enumerate(phases) if phase.name in over]
    begin = max(places, default=-1)
    left = [phase for phase in phases[begin + 1 :] if phase.name not in over]
    return left[0] if left else phases[-1]  # games must be played by something


def _behind(
    phases: tuple[CurriculumPhase, ...], over: Set[str], standing: CurriculumPhase
) -> CurriculumPhase | None:
    """The first phase behind one that was not passed."""
    begin = phases.index(standing)
    return next((phase for phase in phases[begin + 1 :] if phase.name not in over), None)


def _decided(run: TrainingRun, before: CurriculumStatus, signals: Signals) -> _Decided | None:
    """The next phase, if the operator is the one to end the phase that holds."""
    standing = _named(run.spec, before.phase)
    if standing is None:
        why = f"{before.phase} was taken out of the curriculum"
    else:
        why = _reached_goal(standing, before, signals.evaluations)
    found = _next(run.spec.curriculum, before, standing) if why else None
    return None if found is None else _Decided(found, why)


def _ended_by_games(
    run: TrainingRun, before: CurriculumStatus, signals: Signals
) -> _Decided | None:
    """The next phase, if the one that holds had its games."""
    standing = _named(run.spec, before.phase)
    why = "" if standing is None else _had_games(standing, before, signals.started)
    found = _next(run.spec.curriculum, before, standing) if why else None
    return None if found is None else _Decided(found, why)


def _had_games(phase: CurriculumPhase, before: CurriculumStatus, started: int) -> str:
    """Why the phase is over by its games, as a sentence; empty while it is not."""
    most, of_phase = _lasts(phase), started - before.since_games
    if most is None or of_phase < most:
        return ""
    return f"{phase.name} had {of_phase} games, and until.games is {most}"


def _reached_goal(
    phase: CurriculumPhase, before: CurriculumStatus, evaluations: tuple[Evaluation, ...]
) -> str:
    """Why the phase is over by its win rate, as a sentence; empty while it is not."""
    goal = None if phase.until is None else phase.until.win_rate
    if goal is None:
        return ""
    reached = _reached(goal, evaluations, since_games=before.since_games)
    return f"{phase.name} reached {reached}" if reached else ""


def _reached(goal: WinRateGoal, evaluations: tuple[Evaluation, ...], *, since_games: int) -> str:
    """The win rate in words if it reaches the goal; empty if not, or not evaluated enough."""
    of_phase = [
        each
        for each in evaluations
        if each.opponent == goal.opponent and each.training_games > since_games
    ]
    newest = sorted(of_phase, key=lambda each: each.at)[-goal.evaluations :]
    if len(newest) < goal.evaluations:
        return ""
    games = sum(each.games for each in newest)
    wins, draws = sum(each.wins for each in newest), sum(each.draws for each in newest)
    rate, low, _ = win_rate(wins, draws, games)
    if low < goal.low:
        return ""
    return (
        f"{rate:.0%} against {goal.opponent} over {games} games: the lower bound is {low:.3f},"
        f" and until.winRate.low is {goal.low:g}"
    )


def _first(name: str, number: int, why: str, begin: _Begin) -> CurriculumStatus:
    """A phase before which nothing is known."""
    return CurriculumStatus(
        phase=name,
        number=number,
        since=timestamp(begin.at),
        since_games=begin.games,
        since_transitions=begin.transitions,
        why=why,
    )


def _after(
    before: CurriculumStatus, name: str, why: str, begin: _Begin, *, number: int | None = None
) -> CurriculumStatus:
    """The next phase, with the one before among those that are passed."""
    over = PassedPhase(
        name=before.phase,
        since=before.since,
        since_games=before.since_games,
        since_transitions=before.since_transitions,
        why=why,
    )
    return CurriculumStatus(
        phase=name,
        number=before.number + 1 if number is None else number,
        since=timestamp(begin.at),
        since_games=begin.games,
        since_transitions=begin.transitions,
        why=why,
        passed=(*before.passed, over)[-PASSED_KEPT:],
    )
