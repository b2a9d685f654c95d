"""How long a run takes as plain processes of one machine, all roles on its cores together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from trainingrun.estimate.band import Band
from trainingrun.estimate.limits import (
    ACTOR_MICROSECONDS,
    learner_microseconds,
)
from trainingrun.estimate.needs import Needs
from trainingrun.estimate.rate import Rate

EFFICIENCY: Final = Band(0.3, 0.5, 0.8)
"""Games of a whole run over those that its cores would give if none ever waited (measured: the
quickstart, other decks and a curriculum, on two cores)."""
START_SECONDS: Final = Band(6.0, 15.0, 45.0)
"""Until the first games are played, and to save and evaluate at the end beyond its games."""
_LEAST: Final = 0.8
"""The same run again on the same machine may be so much slower."""


@dataclass(frozen=True)
class Host:
    """A machine: its cores, and how fast each is (1: as the one that was measured)."""

    cores: float
    speed: float


class HereQuote(Struct, frozen=True):
    """The run on this machine; ``limited_by`` is one of engine, actor, selfplay, evaluator, learner
    and cores."""

    cores: float
    hours: Band
    games_per_hour: Band
    limited_by: str


def run_here(
    needs: Needs, host: Host, rate: Rate, *, engine_seconds: float, games: float
) -> HereQuote:
    """Return the run of ``games`` games, of which each needs ``engine_seconds`` of a core in a
    daemon, or in the member that plays it itself.

    Args:
        needs: of the run.
        host: where its processes run.
        rate: what its games and its training take.
        engine_seconds: of one core, for one game.
        games: training games; those of evaluations come beside.
    """
    seconds = _seconds(needs, host, rate, engine_seconds)
    slowest = max(seconds, key=lambda name: seconds[name])
    fastest = host.speed * 3600 / seconds[slowest]
    speed = EFFICIENCY.each(lambda part: part * fastest)
    start = START_SECONDS.each(lambda each: each / 3600)
    hours = Band(
        start.low + games / speed.high,
        start.likely + games / speed.likely,
        start.high + games / speed.low,
    )
    return HereQuote(host.cores, hours, speed, slowest)


def _seconds(needs: Needs, host: Host, rate: Rate, engine_seconds: float) -> dict[str, float]:
    """Return what a training game takes each part, if nothing else held it up."""
    transitions, share = rate.transitions_per_game, needs.evaluation_share
    trained = rate.learner_microseconds or learner_microseconds(needs)
    learner = transitions * trained / 1e6
    redis = transitions * rate.queue_microseconds / 1e6
    if not needs.has_daemons:
        evaluated = share * (rate.evaluation_seconds or engine_seconds)
        return {
            needs.player.value: engine_seconds / needs.players_on(host.cores),
            "learner": learner,
            "evaluator": evaluated,
            "cores": (engine_seconds + evaluated + learner + redis) / host.cores,
        }
    engine = engine_seconds * (1 + share)
    actor = transitions * (1 + share / 2) * ACTOR_MICROSECONDS / 1e6
    return {
        "engine": engine / needs.most,
        "actor": actor / needs.actors(needs.most),
        "learner": learner,
        "cores": (engine + actor + learner + redis) / host.cores,
    }


def again_here(cores: float, rate: Rate, *, daemons: int, games: float) -> HereQuote:
    """Return the run on the machine with ``cores`` cores on which ``daemons`` daemons gave its
    rate, start and evaluations included."""
    speed = rate.games_per_daemon_hour.each(lambda each: each * daemons)
    wide = Band(
        min(speed.low, speed.likely * _LEAST), speed.likely, max(speed.high, speed.likely / _LEAST)
    )
    return HereQuote(cores, wide.each(lambda speed: games / speed), wide, "engine")
