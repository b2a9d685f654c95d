"""Chance of rollouts: numbers from a seed, the same in compiled and in plain code.

splitmix64 (Steele, Lea, Flood 2014). Python's own generator cannot be used in compiled code, and
numba's would be one for the whole process.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trainingrun_search.compiling import compiled

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_30: Final = np.uint64(30)
_27: Final = np.uint64(27)
_31: Final = np.uint64(31)
_32: Final = np.uint64(32)
_MASK: Final = (1 << 64) - 1


@compiled
def next_state(state: np.uint64) -> np.uint64:
    """Return the generator's next state."""
    return state + _STEP


@compiled
def below(state: np.uint64, bound: int) -> int:
    """Return the state's number in [0, bound), of at most 2^31."""
    mixed = (state ^ (state >> _30)) * _FIRST
    mixed = (mixed ^ (mixed >> _27)) * _SECOND
    mixed = mixed ^ (mixed >> _31)
    return int(((mixed >> _32) * np.uint64(bound)) >> _32)


class Chance:
    """The same numbers, one after the other, in plain Python."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def below(self, bound: int) -> int:
        """Return the next number in [0, bound)."""
        self._state = (self._state + int(_STEP)) & _MASK
        mixed = ((self._state ^ (self._state >> 30)) * int(_FIRST)) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * int(_SECOND)) & _MASK
        mixed ^= mixed >> 31
        return ((mixed >> 32) * bound) >> 32
