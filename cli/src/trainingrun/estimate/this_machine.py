"""How long a run takes as plain processes of one machine, all roles on its cores together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from trainingrun.estimate.band import Band
from trainingrun.estimate.limits import (
    ACTOR_MICROSECONDS,
    REDIS_MICROSECONDS,
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
    """The run on this machine; ``limited_by`` is one of engine, actor, learner and cores."""

    cores: float
    hours: Band
    games_per_hour: Band
    limited_by: str


def run_here(
    needs: Needs, host: Host, *, engine_seconds: float, transitions: float, games: float
) -> HereQuote:
    """Return the run of ``games`` games, of which each needs ``engine_seconds`` of a core in a
    daemon.

    Args:
        needs: of the run.
        host: where its processes run.
        engine_seconds: of one core, for one game.
        transitions: of one training game.
        games: training games; those of evaluations come beside.
    """
    played = 1 + needs.evaluation_share
    engine = engine_seconds * played
    actor = transitions * (1 + needs.evaluation_share / 2) * ACTOR_MICROSECONDS / 1e6
    learner = transitions * learner_microseconds(needs) / 1e6
    redis = transitions * REDIS_MICROSECONDS / 1e6
    seconds = {
        "engine": engine / needs.most,
        "actor": actor / needs.actors(needs.most),
        "learner": learner,
        "cores": (engine + actor + learner + redis) / host.cores,
    }
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


def again_here(cores: float, rate: Rate, *, daemons: int, games: float) -> HereQuote:
    """Return the run on the machine with ``cores`` cores on which ``daemons`` daemons gave its
    rate, start and evaluations included."""
    speed = rate.games_per_daemon_hour.each(lambda each: each * daemons)
    wide = Band(
        min(speed.low, speed.likely * _LEAST), speed.likely, max(speed.high, speed.likely / _LEAST)
    )
    return HereQuote(cores, wide.each(lambda speed: games / speed), wide, "engine")
