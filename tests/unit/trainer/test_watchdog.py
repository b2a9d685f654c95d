"""When a learner gives up: only without data and without any actor, and never for an outage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import redis
from trainingrun_trainer.watchdog import DataWatchdog, Starved, Timeouts


@dataclass
class _World:
    """A clock that is moved by hand, and what Redis says of the actors."""

    now: float = 0.0
    reports: dict[str, float] = field(default_factory=dict)
    is_away: bool = False

    looks: int = 0

    def look(self) -> Mapping[str, float]:
        """The moments of the reports."""
        self.looks += 1
        if self.is_away:
            raise redis.ConnectionError("away")
        return dict(self.reports)

    def clock(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def world() -> _World:
    """The surroundings of the test."""
    return _World()


@pytest.fixture
def watchdog(world: _World) -> DataWatchdog:
    """A watchdog with the usual patience: 300 s for data, 30 s for a sign of an actor."""
    return DataWatchdog(world.look, Timeouts(), now=world.clock)


def _wait(watchdog: DataWatchdog, world: _World, seconds: int, *, is_wanted: bool = True) -> None:
    for _ in range(seconds):
        world.now += 1
        watchdog.check(is_wanted=is_wanted)


def test_nobody_and_nothing(watchdog: DataWatchdog, world: _World) -> None:
    """After five minutes without data and without actors it is over."""
    _wait(watchdog, world, 299)
    with pytest.raises(Starved, match="for 300 s and no actor has reported"):
        _wait(watchdog, world, 6)


def test_data_begins_the_wait_anew(watchdog: DataWatchdog, world: _World) -> None:
    """One rollout in five minutes is enough."""
    for _ in range(3):
        _wait(watchdog, world, 290)
        watchdog.note_data()


def test_nobody_is_asked_while_data_come(watchdog: DataWatchdog, world: _World) -> None:
    """A learner that is fed does not read the reports of hundreds of actors all the time."""
    for _ in range(100):
        _wait(watchdog, world, 3)
        watchdog.note_data()
    assert world.looks == 0
    _wait(watchdog, world, 60)
    assert 10 <= world.looks <= 12


def test_an_actor_that_reports_is_waited_for(watchdog: DataWatchdog, world: _World) -> None:
    """For as long as it reports, by a clock of an hour ago too; a report that stands is no sign."""
    for minute in range(30):
        world.reports["actor-0"] = float(minute)
        _wait(watchdog, world, 29)
    with pytest.raises(Starved):
        _wait(watchdog, world, 36)


def test_an_outage_ends_nobody(watchdog: DataWatchdog, world: _World) -> None:
    """While Redis is away nothing is known; after it actors have time to report again."""
    _wait(watchdog, world, 200)
    world.is_away = True
    _wait(watchdog, world, 3600)
    world.is_away = False
    _wait(watchdog, world, 25)
    world.reports["actor-0"] = 1.0
    _wait(watchdog, world, 25)


def test_a_run_that_shall_not_play_starves_nobody(watchdog: DataWatchdog, world: _World) -> None:
    """A drained run has neither data nor actors; the wait begins when it shall play again."""
    _wait(watchdog, world, 3600, is_wanted=False)
    _wait(watchdog, world, 299)
