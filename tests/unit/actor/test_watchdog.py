"""When an actor gives up waiting for weights: only Redis' own word counts, outages do not."""

from __future__ import annotations

import pytest
from trainingrun_actor.watchdog import NoPointer, PointerWatchdog
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights_pointer import Pointer

POINTER = Pointer(epoch=1, version=3, publish=2, sha256="ab", at=0.0)


class _Time:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> _Time:
    """The clock of the test."""
    return _Time()


@pytest.fixture
def watchdog(time: _Time) -> PointerWatchdog:
    """A watchdog with the patience of ten minutes."""
    return PointerWatchdog(Keys("run-1"), "redis:6379", limit_seconds=600, now=time)


def _read(
    watchdog: PointerWatchdog, time: _Time, pointer: Pointer | None, *, seconds: float
) -> None:
    for _ in range(int(seconds * 2)):
        time.now += 0.5
        watchdog.note(pointer)


def test_ten_minutes_without_a_pointer_are_enough(watchdog: PointerWatchdog, time: _Time) -> None:
    """Just before the limit nothing happens; at the limit the sentence has address and key."""
    _read(watchdog, time, None, seconds=599)
    with pytest.raises(
        NoPointer, match=r"redis:6379 has had no tr:run-1:weights:newest .* for 600 s"
    ):
        _read(watchdog, time, None, seconds=2)


def test_a_pointer_begins_the_wait_anew(watchdog: PointerWatchdog, time: _Time) -> None:
    """Weights that vanish and come back within the limit end no one."""
    for _ in range(3):
        _read(watchdog, time, None, seconds=590)
        _read(watchdog, time, POINTER, seconds=1)


def test_an_outage_does_not_count(watchdog: PointerWatchdog, time: _Time) -> None:
    """An hour between two readings counts as five seconds: it was not read meanwhile."""
    _read(watchdog, time, None, seconds=590)
    time.now += 3600
    watchdog.note(None)
    with pytest.raises(NoPointer):
        _read(watchdog, time, None, seconds=6)
