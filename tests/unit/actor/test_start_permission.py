"""When training games may start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from msgspec.structs import replace
from trainingrun_actor.dependencies import Dependencies
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.start_permission import StartPermission
from trainingrun_contracts.curriculum import CurrentPhase
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import CheckpointConfig, RunConfig

CONFIG = RunConfig(
    run="r",
    run_id="r-1",
    seed=1,
    games=10,
    decks=("a", "b"),
    checkpoint=CheckpointConfig(storage="file:///nowhere"),
)
WAIT_SECONDS = 10


@dataclass
class Reading:
    """What a poller has read; a new reading is made known by hand."""

    intent: Intent = Intent.RUN
    games_played: int = 0
    target: int | None = None
    phase: CurrentPhase | None = None
    is_current: bool = True
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def next_reading(self) -> None:
        """Wait for it."""
        self.arrived.clear()
        await self.arrived.wait()


@dataclass
class Queue:
    """What a sink knows of the queue."""

    games_known: int = 0
    is_paused: bool = False


@dataclass
class Parts:
    """As much of the dependencies as a permission asks."""

    run_state: Reading = field(default_factory=Reading)
    sink: Queue = field(default_factory=Queue)
    metrics: PlayMetrics = field(default_factory=PlayMetrics)


def permission(parts: Parts, config: RunConfig = CONFIG) -> StartPermission:
    """A permission of these parts."""
    return StartPermission(config, cast("Dependencies", parts))


@pytest.mark.parametrize(
    ("reading", "queue", "is_wanted", "may_start"),
    [
        (Reading(), Queue(), True, True),
        (Reading(intent=Intent.DRAIN), Queue(), False, False),
        (Reading(games_played=10), Queue(), False, False),
        (Reading(), Queue(games_known=10), False, False),
        (Reading(games_played=10, target=11), Queue(), True, True),
        (Reading(target=0), Queue(), False, False),
        (Reading(is_current=False), Queue(), True, False),
        (Reading(), Queue(is_paused=True), True, False),
    ],
    ids=["run", "drain", "played", "sent", "target raised", "target 0", "no Redis", "full"],
)
def test_conditions(reading: Reading, queue: Queue, is_wanted: bool, may_start: bool) -> None:
    """Expect games only under the intent to run, below the target, with Redis and with room."""
    found = permission(Parts(reading, queue))
    assert (found.is_wanted(), found.may_start()) == (is_wanted, may_start)


def test_a_run_in_phases_waits_for_its_phase() -> None:
    """Expect no game before the phase is known."""
    phased = permission(Parts(), replace(CONFIG, phased=True))
    assert phased.is_wanted()
    assert not phased.may_start()


def test_after_a_stop_nothing_starts() -> None:
    """Expect no game, although the run continues."""
    found = permission(Parts())
    found.stop()
    assert not found.is_wanted()
    assert not found.may_start()


def test_no_more_games_are_permitted_than_are_left() -> None:
    """Expect two for the last two, and a third when one of them was given back unplayed."""

    async def scenario() -> None:
        parts = Parts(Reading(games_played=8))
        found = permission(parts)
        await asyncio.wait_for(found.wait(), WAIT_SECONDS)
        await asyncio.wait_for(found.wait(), WAIT_SECONDS)
        third = asyncio.create_task(found.wait())
        await asyncio.sleep(0)
        parts.run_state.arrived.set()
        await asyncio.sleep(0)
        assert not third.done()
        found.give_back()
        parts.run_state.arrived.set()
        await asyncio.wait_for(third, WAIT_SECONDS)

    asyncio.run(scenario())


def test_waiting_for_room_is_counted() -> None:
    """Expect the time of a full queue among the waits, and none of a drain."""

    async def scenario(parts: Parts) -> float:
        waiting = asyncio.create_task(permission(parts).wait())
        await asyncio.sleep(0)
        parts.sink.is_paused = False
        parts.run_state.intent = Intent.RUN
        parts.run_state.arrived.set()
        await asyncio.wait_for(waiting, WAIT_SECONDS)
        return parts.metrics.waited["queue"]

    assert asyncio.run(scenario(Parts(sink=Queue(is_paused=True)))) > 0
    assert asyncio.run(scenario(Parts(Reading(intent=Intent.DRAIN)))) == 0
