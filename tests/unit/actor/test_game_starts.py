"""Those who wait for a game to start are served together, in order, and none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from trainingrun_actor.game_starts import GameStarts
from trainingrun_actor.leases import GameStart


class Numbers:
    """Gives numbers in order, at most ``most`` at once; notes how many were asked for."""

    def __init__(self, most: int = 1000) -> None:
        self.most = most
        self.asked: list[int] = []
        self._numbers: Iterator[int] = count(1)

    async def take(self, wanted: int) -> list[GameStart] | None:
        """See Take."""
        self.asked.append(wanted)
        await asyncio.sleep(0)
        found = min(wanted, self.most)
        return [GameStart(None, next(self._numbers), 0) for _ in range(found)]


def number(start: GameStart | None) -> int | None:
    """The number of a start, if it is one."""
    return None if start is None else start.number


def test_who_waits_at_once_costs_one_trip() -> None:
    """Expect one question for ten games, answered in the order in which they came."""

    async def run() -> None:
        starts, numbers = GameStarts(), Numbers()
        found = await asyncio.gather(*(starts.next(numbers.take) for _ in range(10)))
        assert list(map(number, found)) == list(range(1, 11))
        assert numbers.asked == [10]
        assert number(await starts.next(numbers.take)) == 11

    asyncio.run(run())


def test_where_fewer_are_found_the_others_are_asked_for_again() -> None:
    """Expect three trips for seven games, three at most in each."""

    async def run() -> None:
        starts, numbers = GameStarts(), Numbers(most=3)
        found = await asyncio.gather(*(starts.next(numbers.take) for _ in range(7)))
        assert list(map(number, found)) == list(range(1, 8))
        assert numbers.asked == [7, 4, 1]

    asyncio.run(run())


def test_nobody_waits_on_when_no_game_may_start() -> None:
    """Expect None for all who wait, and a later question to be asked anew."""

    async def run() -> None:
        starts, numbers = GameStarts(), Numbers()

        async def none(_wanted: int) -> list[GameStart] | None:
            return None

        assert await asyncio.gather(*(starts.next(none) for _ in range(5))) == [None] * 5
        assert number(await starts.next(numbers.take)) == 1

    asyncio.run(run())


def test_what_was_found_for_a_game_that_is_given_up_goes_to_the_next() -> None:
    """Expect no number to be left out when who waited for it is cancelled."""

    async def run() -> None:
        starts, numbers, may_answer = GameStarts(), Numbers(), asyncio.Event()

        async def slow(wanted: int) -> list[GameStart] | None:
            await may_answer.wait()
            return await numbers.take(wanted)

        waiting = [asyncio.create_task(starts.next(slow)) for _ in range(3)]
        await asyncio.sleep(0.01)
        waiting[1].cancel()
        may_answer.set()
        await asyncio.wait(waiting)
        assert [number(waiting[at].result()) for at in (0, 2)] == [1, 2]
        assert number(await starts.next(slow)) == 3
        assert numbers.asked == [3]

    asyncio.run(run())


def test_a_failure_reaches_all_who_wait() -> None:
    """Expect the error itself."""

    async def run() -> None:
        starts = GameStarts()

        async def fail(_wanted: int) -> list[GameStart] | None:
            raise ValueError("broken")

        found = await asyncio.gather(*(starts.next(fail) for _ in range(3)), return_exceptions=True)
        assert [str(each) for each in found] == ["broken"] * 3
        with pytest.raises(ValueError, match="broken"):
            await starts.next(fail)

    asyncio.run(run())
