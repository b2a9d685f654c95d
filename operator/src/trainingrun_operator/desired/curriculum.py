"""Which phase of the curriculum holds, decided in one place from what was counted and evaluated.

The invariant: the number of phases that have begun never falls, and a phase that is over does not
come back, whatever happens to the operator, to Redis or to the spec. So the phase so far is the
later of two records: the status, and the phase that actors were told. The first outlives a Redis
that lost its data, the second an operator that died before it wrote the status.

A phase is known by its name. In a curriculum that was edited, the run stays in its phase while the
name is there; else it goes to the first phase behind those that it has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_contracts.api.play import CurriculumPhase, WinRateGoal
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.spec import TrainingRunSpec
from trainingrun_contracts.api.status import CurriculumStatus, PassedPhase
from trainingrun_contracts.curriculum import CurrentPhase, Setting, Shaping
from trainingrun_contracts.ratings.wilson import win_rate
from trainingrun_contracts.reports import Evaluation
from trainingrun_contracts.run_config import OpponentsConfig

from trainingrun_operator.desired.moments import moment
from trainingrun_operator.desired.observed import Signals

PASSED_KEPT: Final = 16


@dataclass(frozen=True)
class _Begin:
    """When a phase begins, and what had been counted by then."""

    at: float
    games: int
    transitions: int


def curriculum(run: TrainingRun, signals: Signals, *, now: float) -> CurriculumStatus | None:
    """The phase that holds now, at most one further than before; None without a curriculum."""
    phases = run.spec.curriculum
    if not phases:
        return None
    before = phase_so_far(run.status.curriculum, signals.phase)
    played = signals.games.get("played", 0)
    if before is None:
        return CurriculumStatus(
            phase=phases[0].name, number=1, since=moment(now), since_games=played,
            since_transitions=signals.ledger.produced, why="the curriculum begins",
        )  # fmt: skip
    standing = _named(run.spec, before.phase)
    why = (
        _end(standing, before, played, signals.evaluations)
        if standing is not None
        else f"{before.phase} was taken out of the curriculum"
    )
    phase = _next(phases, before, standing) if why else None
    if phase is None:
        return before
    begin = _Begin(now, played, signals.ledger.produced)
    return _after(before, phase.name, why, begin)


def phase_so_far(
    status: CurriculumStatus | None, told: CurrentPhase | None
) -> CurriculumStatus | None:
    """The later of what was recorded and what actors were told; None before the first phase."""
    if told is None or not told.name or (status is not None and told.number <= status.number):
        return status
    if status is None:
        return CurriculumStatus(
            phase=told.name, number=told.number, since=moment(told.since), since_games=told.games,
            since_transitions=told.transitions, why=told.why,
        )  # fmt: skip
    begin = _Begin(told.since, told.games, told.transitions)
    after = _after(status, told.name, told.why, begin)
    return after.model_copy(update={"number": told.number})


def told_phase(
    run: TrainingRun, status: CurriculumStatus | None, told: CurrentPhase | None
) -> CurrentPhase | None:
    """What the actors should be told; None where there is nothing to tell.

    Args:
        run: the spec with the phases.
        status: the phase that holds.
        told: what they were told before.
    """
    if status is not None:
        return CurrentPhase(
            name=status.phase,
            number=status.number,
            since=int(status.since.timestamp()),
            games=status.since_games,
            transitions=status.since_transitions,
            why=status.why,
            setting=_setting(run.spec, _named(run.spec, status.phase)),
        )
    if told is None:
        return None
    return CurrentPhase("", 0, 0, 0, 0, "the run has no curriculum", _setting(run.spec, None))


def _named(spec: TrainingRunSpec, name: str) -> CurriculumPhase | None:
    return next((phase for phase in spec.curriculum if phase.name == name), None)


def _setting(spec: TrainingRunSpec, phase: CurriculumPhase | None) -> Setting:
    """What a phase is played with; without one, what the whole run is."""
    decks = phase.decks if phase is not None and phase.decks is not None else spec.decks
    opponents = phase.opponents if phase is not None else None
    shaping = phase.reward_shaping if phase is not None else None
    given = opponents if opponents is not None else spec.self_play
    return Setting(
        decks=tuple(deck.name for deck in decks),
        opponents=OpponentsConfig(
            latest=given.latest,
            past=given.past,
            scripted=given.scripted,
            pfsp=given.pfsp,
            scripted_players=given.scripted_players,
        ),
        shaping=Shaping() if shaping is None else Shaping(**shaping.model_dump()),
        gamma=spec.learner.ppo.gamma,
    )


def _next(
    phases: tuple[CurriculumPhase, ...],
    before: CurriculumStatus,
    standing: CurriculumPhase | None,
) -> CurriculumPhase | None:
    """The first phase further on that was not passed; None where a phase has none and so stays."""
    over = {each.name for each in before.passed}
    places = [place for place, phase in enumerate(phases) if phase.name in over]
    begin = max(places, default=-1) if standing is None else phases.index(standing)
    left = [phase for phase in phases[begin + 1 :] if phase.name not in over]
    if standing is None and not left:
        return phases[-1]  # games must be played by something
    return left[0] if left else None


def _end(
    phase: CurriculumPhase,
    before: CurriculumStatus,
    played: int,
    evaluations: tuple[Evaluation, ...],
) -> str:
    """Why the phase is over, as a sentence; empty while it is not."""
    until = phase.until
    if until is None:
        return ""
    if until.win_rate is not None:
        reached = _reached(until.win_rate, evaluations, since_games=before.since_games)
        if reached:
            return f"{phase.name} reached {reached}"
    of_phase = played - before.since_games
    if until.games is not None and of_phase >= until.games:
        return f"{phase.name} had {of_phase} games, and until.games is {until.games}"
    return ""


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


def _after(before: CurriculumStatus, name: str, why: str, begin: _Begin) -> CurriculumStatus:
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
        number=before.number + 1,
        since=moment(begin.at),
        since_games=begin.games,
        since_transitions=begin.transitions,
        why=why,
        passed=(*before.passed, over)[-PASSED_KEPT:],
    )
