"""How often a run is looked at: the longer nothing about it moves, the rarer.

Pure arithmetic. A look finds what only time brings (deadlines, reports that grow old); all else
wakes a run by itself: objects by their watch, Redis by the pulse. So the pause may grow in
proportion to how long the run has been quiet: a deadline that falls into a quiet time is seen late
by at most a quarter of that time, and never by more than the longest pause. The bounds grow with
the number of runs, because all of them share one process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOOKS_PER_SECOND: Final = 40.0
"""At runs that move, all together: about a tenth of a core. A thousand are still looked at about as
often as autoscalers look that poll, every half of a minute."""
REST_LOOKS_PER_SECOND: Final = 8.0
"""At runs that rest, all together."""
FORESEEN_LOOKS_PER_SECOND: Final = 2.0
"""At runs that rest and of which it is known that time alone brings nothing, all together."""
PULSES_PER_SECOND: Final = 40.0
"""Questions to Redis addresses, all together."""
PULSE_SECONDS: Final = 5.0
_FLOCK_SECONDS: Final = 0.2
_WAKES_PER_SECOND: Final = 500.0
_LATENESS: Final = 0.25
_FORESIGHT: Final = 4.0
_UNREACHABLE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Quiet:
    """For how long (seconds) nothing about a run has moved.

    ``is_blind``: its Redis cannot be asked, so that no pulse can wake it.
    """

    seconds: float
    is_blind: bool = False


def pause_before_look(quiet: Quiet, *, active: float, rest: float, runs: int) -> float:
    """Seconds until the next look at a run under way.

    Args:
        quiet: of the run.
        active: the shortest pause, of a run that moves.
        rest: the longest pause where there are few runs.
        runs: how many share the process.
    """
    shortest = max(active, runs / LOOKS_PER_SECOND)
    longest = max(rest, runs / REST_LOOKS_PER_SECOND)
    if quiet.is_blind:
        longest = min(longest, max(shortest, _UNREACHABLE_SECONDS))
    return max(shortest, min(longest, quiet.seconds * _LATENESS))


def pause_if_uneventful(pause: float, *, rest: float, runs: int) -> float:
    """Seconds that a run at rest may be left alone instead, if time brings nothing within them.

    Several times as long and no more: to foresee costs half a look, and a deadline that is near
    would make it in vain each time.
    """
    return max(pause, min(_FORESIGHT * pause, max(rest, runs / FORESEEN_LOOKS_PER_SECOND)))


def pause_before_pulse(addresses: int) -> float:
    """Seconds between two pulses of the same Redis address, with so many of them."""
    return max(PULSE_SECONDS, addresses / PULSES_PER_SECOND)


def pause_after_change(runs: int) -> float:
    """Seconds between a change of a run's objects and the look at it: other changes join it."""
    return max(_FLOCK_SECONDS, runs / _WAKES_PER_SECOND)
