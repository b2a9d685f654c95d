"""What happens to a run in two hours: the learner's capacity, the games, losses and silence.

A trace is a value made of functions of time; the world draws its chances from the seed. Rates are
transitions per second.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

SECONDS: Final = 7200
HALF: Final = SECONDS // 2
SLOTS: Final = 8
PER_GAME: Final = 7.5
CAPACITY: Final = 1500.0
RECORDING: Final = Path(__file__).with_name("recording.json")

Chance = Callable[[int], Sequence[float]]


def _never(_now: int) -> Sequence[float]:
    return ()


def _lasts_about_a_minute(_now: int, random: Random) -> float:
    return random.lognormvariate(math.log(55), 0.4)


@dataclass(frozen=True)
class Trace:
    """Two hours of one kind.

    ``capacity`` is what the learner could train, 0 while it is away; ``per_game`` what one game
    gives. ``crashes`` and ``reclaimed`` give shares of the daemons that are lost in this second.
    """

    name: str
    capacity: Callable[[int], float] = lambda _now: CAPACITY
    per_game: Callable[[int], float] = lambda _now: PER_GAME
    game_seconds: Callable[[int, Random], float] = _lasts_about_a_minute
    crashes: Chance = _never
    reclaimed: Chance = _never
    is_dark: Callable[[int], bool] = lambda _now: False
    is_mute: Callable[[int], bool] = lambda _now: False
    slots: int = SLOTS
    batch: int = 8192
    start_seconds: tuple[float, float] = (20, 90)

    def needed(self, now: int) -> int:
        """Daemons that match the learner at this moment; while it is away, those of before."""
        while not self.capacity(now):
            now -= 1
        return max(1, math.ceil(self.capacity(now) / self.per_daemon(now)))

    def per_daemon(self, now: int) -> float:
        """What a daemon gives in the next minute, on average."""
        return self.slots * sum(self.per_game(now + 10 * each) for each in range(6)) / 6


def _from_half(before: float, after: float) -> Callable[[int], float]:
    return lambda now: before if now < HALF else after


def _once(at: int, share: float) -> Chance:
    return lambda now: (share,) if now == at else ()


def _storms(now: int) -> Sequence[float]:
    """Every ten minutes a part of the machines is taken back."""
    shares = (0.1, 0.3, 0.15, 0.4, 0.2)
    return (shares[now // 600 % len(shares)],) if now % 600 == 0 and now >= 1200 else ()


def _waves(now: int) -> float:
    """All games together are now quick, now slow: a third up and down in a quarter of an hour."""
    return PER_GAME * (1 + 0.3 * math.sin(now / 143) + 0.1 * math.sin(now / 37))


_BURSTS: Final = tuple(Random(7).lognormvariate(-0.03, 0.25) for _ in range(SECONDS // 20 + 1))


def _bursts(now: int) -> float:
    """Every twenty seconds the games together are quicker or slower, by a quarter as a rule."""
    return PER_GAME * _BURSTS[now // 20 % len(_BURSTS)]


def _heavy_tail(_now: int, random: Random) -> float:
    return min(600.0, random.lognormvariate(math.log(35), 1.1))


def _slow(now: int, random: Random) -> float:
    return _lasts_about_a_minute(now, random) * (1 if now < HALF else 2)


def recorded() -> Trace:
    """A real run's learner and daemons, at the same proportions to each other.

    The recording has rates every so many seconds; it is repeated until two hours are full, and
    scaled so that the run needs about as many daemons as the other traces.
    """
    kept = json.loads(RECORDING.read_text())
    step, capacity, each = kept["seconds"], kept["capacity"], kept["producedPerDaemon"]
    scale_c = CAPACITY / (sum(capacity) / len(capacity))
    scale_p = PER_GAME / (sum(each) / len(each))
    return Trace(
        "recorded",
        capacity=lambda now: scale_c * capacity[now // step % len(capacity)],
        per_game=lambda now: scale_p * each[now // step % len(each)],
    )


def traces() -> tuple[Trace, ...]:
    """All of them, in the order of the table."""
    return (
        Trace("steady"),
        Trace("learner halves", capacity=_from_half(CAPACITY, CAPACITY / 2)),
        Trace("learner doubles", capacity=_from_half(CAPACITY, 2 * CAPACITY)),
        Trace("learner restarts", capacity=lambda now: 0.0 if 3600 <= now < 3690 else CAPACITY),
        Trace("crash wave", crashes=_once(HALF, 0.4)),
        Trace("slow games", per_game=_from_half(PER_GAME, PER_GAME / 2), game_seconds=_slow),
        Trace("bursty games", per_game=_bursts, game_seconds=_heavy_tail),
        Trace("waves of games", per_game=_waves),
        Trace(
            "metric outage",
            is_dark=lambda now: 2400 <= now < 3000,
            is_mute=lambda now: 4800 <= now < 5400,
        ),
        Trace("spot storms", reclaimed=_storms),
        *((recorded(),) if RECORDING.exists() else ()),
    )
