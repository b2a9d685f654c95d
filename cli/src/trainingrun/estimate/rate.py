"""What one daemon of a run gives: from a baseline, a benchmark, or a run that plays.

Transitions matter as much as games, as the learner is fed with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from statistics import median
from typing import Final

from msgspec import Struct, structs
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import TrainingRunStatus
from trainingrun_reconciler.roles.workload import Role

from trainingrun.estimate.band import Band, exactly
from trainingrun.estimate.baselines import FORGE_DECISIONS, Baseline
from trainingrun.estimate.engine_rates import EngineRates, game_of
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.needs import members
from trainingrun.estimate.search_rates import QUEUE_MICROSECONDS, PlayedGame, SearchRates

REDIS_MICROSECONDS: Final = 21.0
"""Of a core for a transition (RESULTS, the whole pipeline)."""
_FEWEST_GAMES: Final = 20
"""A run with fewer says too little."""
_MOST_GAMES: Final = 1e9
_ONE_FIGURE: Final = "one figure: its spread is not known"


class Rate(Struct, frozen=True):
    """Games that one daemon plays in an hour, transitions of a game, and where both come from.

    ``learner_transitions`` a second is what the learner could train if it never waited, where it
    was measured. ``with_evaluation``: the games of evaluations were played beside, and the rate is
    what training had left.
    """

    games_per_daemon_hour: Band
    transitions_per_game: float
    source: str
    spread: str
    learner_transitions: float | None = None
    with_evaluation: bool = False
    engine_seconds: float | None = None
    """Of a core, for one game; where the engine alone was measured, or who plays itself."""
    evaluation_seconds: float | None = None
    """The same of a game of evaluations, where it is another one."""
    learner_microseconds: float | None = None
    """Of a core for a transition, all that is drawn of it included; None: as PPO's on daemons."""
    queue_microseconds: float = REDIS_MICROSECONDS
    """Of Redis' core for a transition."""

    def scaled(self, factor: float) -> Rate:
        """Return the rate if daemons were ``factor`` times as fast."""
        faster = self.games_per_daemon_hour.each(lambda games: games * factor)
        return structs.replace(self, games_per_daemon_hour=faster)


def rate_of_baseline(given: Baseline, *, slots: int) -> Rate:
    """Return a baseline's rate; fewer games at once than it was measured with give in proportion
    fewer."""
    part = 1.0 if given.slots is None else min(1.0, slots / given.slots)
    fewer = "" if part == 1 else f", {slots} of the {given.slots} games at once"
    return Rate(
        given.games_per_hour.each(lambda games: games * part),
        given.decisions,
        f"baseline {given.name}: {given.source}{fewer}",
        given.spread,
    )


SERVED: Final = Band(0.3, 0.65, 1.0)
"""What a daemon of a whole run plays over what its engine alone would play on a core (measured: it
waits for actors, shares cores, and a vCPU is half a core)."""


def rate_of_engine(run: TrainingRun, rates: EngineRates, *, games: int) -> Rate:
    """Return the reference engine's rate with the decks of a run of ``games`` games."""
    game = game_of(run, rates, games=games)
    alone = 3600 / game.engine_seconds
    unknown = f"; not measured: {', '.join(game.unknown)}" if game.unknown else ""
    return Rate(
        SERVED.each(lambda part: alone * part),
        game.transitions,
        f"measured {rates.as_of} by deck: {1000 * game.engine_seconds:.3g} ms of a core for a game"
        f" of these decks{unknown}",
        "30 % to 100 % of what the engine alone plays on a core; whole runs reach 65 %",
        engine_seconds=game.engine_seconds,
    )


ALONE: Final = Band(0.5, 0.85, 1.0)
"""What a worker of a whole run plays over what it would play alone on a core: taken, not measured.
Its process costs nothing beside the search (ADR 51), but a vCPU is half a core."""


def rate_of_players(game: PlayedGame, rates: SearchRates) -> Rate:
    """Return the rate of members that play themselves."""
    alone = 3600 / game.player_seconds
    return Rate(
        ALONE.each(lambda part: alone * part),
        game.transitions,
        f"measured {rates.as_of}: {1000 * game.player_seconds:.3g} ms of a core for a game"
        f" ({game.assumed})",
        "50 % to 100 % of what one plays alone on a core, 85 % likely, which is assumed. Networks"
        " that have learned play games of another length",
        engine_seconds=game.player_seconds,
        evaluation_seconds=game.evaluation_seconds,
        learner_microseconds=game.learner_microseconds,
        queue_microseconds=QUEUE_MICROSECONDS,
    )


def rate_of_figures(figures: tuple[float, ...]) -> Rate:
    """Return the rate that a user measured: one figure, or the least, the likely and the most.

    Raises:
        PlanError: they are neither, not between 0 and a billion, or not in this order.
    """
    sound = all(0 < figure <= _MOST_GAMES for figure in figures)
    if len(figures) not in (1, 3) or not sound or list(figures) != sorted(figures):
        raise PlanError(
            "--games-per-daemon-hour: give one figure above 0, or three as LOW,LIKELY,HIGH"
        )
    band = exactly(figures[0]) if len(figures) == 1 else Band(*figures)
    spread = _ONE_FIGURE if band.is_one_figure else "the three figures given"
    return Rate(band, FORGE_DECISIONS, "--games-per-daemon-hour", spread)


def rate_of_run(run: TrainingRun, *, now: datetime, player: Role = Role.DAEMON) -> Rate:
    """Return what a run's status says that the members of ``player`` give.

    Of a run that is over, the average since its start is the likely figure, for it holds all
    waits, evaluations and the way up. Of one under way it is the middle of what is known: the rate
    of the last minute, that average where the number of daemons never changed, and what the last
    scaling decision was made from.

    Raises:
        PlanError: it has not played enough, or no daemon of it plays.
    """
    name, status = run.metadata.name, run.status
    played = _played(status)
    if played < _FEWEST_GAMES:
        raise PlanError(
            f"--from {name}: it has played {played} games, which says too little: ask again when"
            f" it has played {_FEWEST_GAMES}, or plan from a baseline (--baseline)"
        )
    per_game = _transitions_per_game(status, played)
    daemons = daemons_of(status, player)
    average = _average(status, played=played, daemons=daemons, now=now)
    figures = list(_figures(status, per_game=per_game, daemons=daemons))
    if average is not None:
        figures.append(average)
    if not figures:
        raise PlanError(
            f"--from {name}: its status has no rate of its {members(player)}: ask while it plays,"
            " or give --games-per-daemon-hour"
        )
    whole = average if status.finished_at is not None else None
    likely = median(figures) if whole is None else whole
    return Rate(
        Band(min(figures), likely, max(figures)),
        per_game,
        f"run {name}: {played} games so far"
        + ("" if whole is None else ", on average since it started"),
        _ONE_FIGURE if len(figures) == 1 else f"{len(figures)} figures of its status",
        learner_transitions=_input(status, "learnerCapacity"),
        with_evaluation=True,
    )


def _played(status: TrainingRunStatus) -> int:
    return (status.games.played or 0) if status.games is not None else 0


def _transitions_per_game(status: TrainingRunStatus, played: int) -> float:
    produced = status.transitions.produced if status.transitions is not None else None
    return produced / played if produced else FORGE_DECISIONS


def daemons_of(status: TrainingRunStatus, player: Role = Role.DAEMON) -> int:
    """Return the members that played: those that are ready, or were when it ended."""
    scaling = status.autoscaling
    decision = scaling.last_decision if scaling is not None else None
    daemon = status.role(player.value)
    ready = daemon.ready or 0 if daemon is not None else 0
    return ready or (decision.to_replicas if decision is not None else 0)


def _figures(status: TrainingRunStatus, *, per_game: float, daemons: int) -> Iterator[float]:
    """Games of a daemon in an hour, as the status has them of the last minute."""
    now_rate = status.games.per_second if status.games is not None else None
    if daemons and now_rate:
        yield now_rate * 3600 / daemons
    produced = _input(status, "producedPerDaemon")
    if produced:
        yield produced * 3600 / per_game


def _average(
    status: TrainingRunStatus, *, played: int, daemons: int, now: datetime
) -> float | None:
    """Games of a daemon in an hour since the start, waits and evaluations included; None where that
    is not known. Of a run that is over it is what the last number of daemons gives at least;
    of one under way it counts only where that number never changed."""
    scaling = status.autoscaling
    changed = scaling is not None and scaling.last_decision is not None
    if not daemons or status.started_at is None or (changed and status.finished_at is None):
        return None
    hours = ((status.finished_at or now) - status.started_at).total_seconds() / 3600
    return played / hours / daemons if hours > 0 else None


def _input(status: TrainingRunStatus, name: str) -> float | None:
    """Return what the last scaling decision was made from."""
    scaling = status.autoscaling
    decision = scaling.last_decision if scaling is not None else None
    return decision.inputs.get(name) if decision is not None else None
