"""How long the real engine takes, as random numbers: the shape behind ``--latency forge``.

Border: pure arithmetic. No clock, no timer: who plays a game asks how long it should last and sees
to that. Each game has its own generator, made from the game's seed, so that a repeated game takes
the same time again. A table of quantiles is used instead of a fitted curve, because the tail of the
measured times is lighter than that of the log-normal curve through their middle.
"""

import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A distribution of seconds, given by some of its quantiles.

    ``knots`` are pairs of share and seconds, both rising, from share 0 to share 1; between two
    knots the logarithm of the seconds is linear.
    """

    knots: tuple[tuple[float, float], ...]

    def seconds_at(self, share: float) -> float:
        """Return the seconds that this share of all values stays below; ``share`` is in [0, 1]."""
        shares = [knot[0] for knot in self.knots]
        upper = min(max(bisect_right(shares, share), 1), len(shares) - 1)
        (low_share, low), (high_share, high) = self.knots[upper - 1 : upper + 1]
        part = (share - low_share) / (high_share - low_share)
        return math.exp(math.log(low) + part * (math.log(high) - math.log(low)))

    def scaled(self, factor: float) -> "Quantiles":
        """Return the same shape, ``factor`` times as long."""
        return Quantiles(tuple((share, seconds * factor) for share, seconds in self.knots))


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyProfile:
    """The times of one engine."""

    start: Quantiles
    """From the start of the process to the open port."""
    game: Quantiles
    """A game in which the engine plays both seats."""
    prompt: Quantiles
    """From an answer to the next decision."""

    def scaled(self, factor: float) -> "LatencyProfile":
        """Return an engine that is ``factor`` times as slow."""
        return LatencyProfile(
            start=self.start.scaled(factor),
            game=self.game.scaled(factor),
            prompt=self.prompt.scaled(factor),
        )


FORGE: Final = LatencyProfile(
    start=Quantiles(((0.0, 6.0), (1.0, 8.0))),
    game=Quantiles(
        (
            *((0.0, 0.8), (0.10, 2.2), (0.25, 3.5), (0.5, 6.4), (0.75, 10.0)),
            *((0.90, 15.6), (0.95, 19.2), (0.99, 27.7), (0.999, 36.0), (1.0, 53.6)),
        )
    ),
    prompt=Quantiles(((0.0, 0.0003), (0.5, 0.0014), (0.9, 0.005), (0.99, 0.02), (1.0, 0.05))),
)
"""The real engine: protocol section 7.

Measured there are the game's median and all of its quantiles above, its mean (7.8 s), the prompt's
median and maximum, and the start. The other knots are chosen so that the mean comes out.
"""


class GameLatency:
    """The times of one game."""

    __slots__ = ("_prompt", "_random", "game_seconds")

    def __init__(self, profile: LatencyProfile, *, seed: int) -> None:
        self._random = random.Random(f"latency {seed}")
        self._prompt = profile.prompt
        self.game_seconds: Final = profile.game.seconds_at(self._random.random())
        """How long the game lasts if the engine plays both seats."""

    def next_prompt_seconds(self) -> float:
        """Return the time that the engine takes to its next decision."""
        return self._prompt.seconds_at(self._random.random())
