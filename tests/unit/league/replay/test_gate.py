"""The gate: who waits, for how long, and in which order; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import looptime
import pytest
from trainingrun_league.errors import Exhausted
from trainingrun_league.replay.gate import Gate, Room
from trainingrun_league.replay.limiter import Balance, Ratio


@dataclass
class World:
    """What was recorded and sampled, behind a gate with one sample for each insert."""

    recorded: int = 0
    sampled: int = 0

    def gate(self, ratio: Ratio) -> Gate:
        """The gate of this world, by the loop's clock."""
        return Gate(
            ratio,
            lambda: Balance(self.recorded, self.sampled, self.recorded),
            clock=asyncio.get_running_loop().time,
        )

    async def write(self, gate: Gate, count: int, *, wait: float = 10.0) -> bool:
        """Record so many, once the gate lets them through."""
        is_let = await gate.write(count, wait=wait)
        if is_let:
            self.recorded += count
            gate.written(count)
        return is_let

    async def read(self, gate: Gate, count: int, *, wait: float = 10.0) -> int | None:
        """Sample so many."""

        def act() -> int:
            self.sampled += count
            return count

        return await gate.read(act, wait=wait)


def played(scene: Callable[[World], Coroutine[None, None, None]]) -> None:
    """Run a scene in virtual time."""
    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(start=0, end=600)) as runner:
        runner.run(scene(World()))


def test_a_reader_waits_for_what_is_recorded() -> None:
    """Held below the least; let through as soon as it is there."""

    async def scene(world: World) -> None:
        gate = world.gate(Ratio(least=10))
        reading = asyncio.create_task(world.read(gate, 4))
        await asyncio.sleep(3)
        assert not reading.done()
        await world.write(gate, 10)
        assert await reading == 4
        assert gate.readers_held_seconds == 3

    played(scene)


def test_a_wait_has_an_end() -> None:
    """Nobody comes: a reader is told so after what it was ready to wait, a writer too."""

    async def scene(world: World) -> None:
        gate = world.gate(Ratio(1.0, tolerance=0, least=1))
        assert await world.read(gate, 1, wait=5) is None
        assert asyncio.get_running_loop().time() == 5
        assert await world.write(gate, 50)
        assert not await world.write(gate, 1, wait=7)
        assert asyncio.get_running_loop().time() == 12
        assert (gate.readers_held_seconds, gate.writers_held_seconds) == (5, 7)

    played(scene)


def test_writers_go_in_order_of_coming() -> None:
    """A large batch is not overtaken by small ones that came later."""

    async def scene(world: World) -> None:
        gate = world.gate(Ratio(1.0, tolerance=0, least=1))
        await world.write(gate, 100)
        order: list[str] = []

        async def write(name: str, count: int) -> None:
            await world.write(gate, count, wait=60)
            order.append(name)

        waiting = [
            asyncio.create_task(write(name, count))
            for name, count in (("large", 500), ("small", 1), ("small too", 1))
        ]
        for _ in range(10):
            await asyncio.sleep(1)
            await world.read(gate, 100)
        await asyncio.gather(*waiting)
        assert order == ["large", "small", "small too"]

    played(scene)


def test_what_is_under_way_counts() -> None:
    """Many writers at once do not all take the room that one of them has."""

    async def scene(world: World) -> None:
        gate = world.gate(Ratio(1.0, tolerance=10, least=1))
        await world.write(gate, 1)
        let = [await gate.write(8, wait=0.5) for _ in range(5)]
        assert let == [True, True, False, False, False]
        gate.written(16)
        assert await gate.write(8, wait=0.5)

    played(scene)


def test_who_goes_away_leaves_its_place_to_the_next() -> None:
    """A cancelled call at the head of the row holds nobody up."""

    async def scene(world: World) -> None:
        gate = world.gate(Ratio(least=10))
        first = asyncio.create_task(world.read(gate, 1))
        second = asyncio.create_task(world.read(gate, 2))
        await asyncio.sleep(1)
        first.cancel()
        await world.write(gate, 10)
        assert await second == 2
        assert world.sampled == 2

    played(scene)


def test_both_sides_together_never_stop() -> None:
    """Batches far larger than the tolerance: a hundred of each side go through."""

    async def scene(world: World) -> None:
        gate = world.gate(Ratio(2.0, tolerance=1, least=5))
        writing = [asyncio.create_task(world.write(gate, 640, wait=500)) for _ in range(100)]
        reading = [asyncio.create_task(world.read(gate, 1280, wait=500)) for _ in range(100)]
        assert all(await asyncio.gather(*writing))
        assert all(await asyncio.gather(*reading))

    played(scene)


def test_what_is_under_way_is_bounded() -> None:
    """One batch has room whatever its size; beside it the next is refused with a sentence, and
    streams wait until half of the room is free."""

    async def scene(_world: World) -> None:
        room = Room(100)
        room.take(150)
        with pytest.raises(Exhausted, match="more slowly"):
            room.take(1)
        waiting = asyncio.create_task(room.wait())
        await asyncio.sleep(1)
        assert not waiting.done()
        room.release(150)
        await waiting
        room.take(50)
        room.take(50)
        with pytest.raises(Exhausted):
            room.take(1)

    played(scene)
