"""Background parts of the operator: one that fails is started again, and gives up only late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import looptime
import pytest
from trainingrun_operator.process.supervision import FAILURES, WINDOW_SECONDS, Supervisor

Part = Callable[[], Awaitable[None]]


def _supervised(part: Part, *, seconds: float) -> tuple[Supervisor, list[str]]:
    """What a supervisor did within this many (virtual) seconds."""
    failed: list[str] = []
    made: list[Supervisor] = []

    async def work() -> None:
        supervisor = Supervisor(failed.append)
        made.append(supervisor)
        supervisor.start("the part", part)
        await asyncio.sleep(seconds)
        await supervisor.stop()

    loop = looptime.new_event_loop(start=0, end=seconds + 10)
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()
    return made[0], failed


def test_a_part_that_fails_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    """Its failure is counted and logged, and the process continues."""
    starts: list[float] = []

    async def part() -> None:
        starts.append(asyncio.get_running_loop().time())
        if len(starts) < 3:
            raise TypeError("'int' object is not iterable")
        await asyncio.Event().wait()

    supervisor, failed = _supervised(part, seconds=100)
    assert starts == pytest.approx([0, 0.5, 1.5], abs=0.01)
    assert failed == ["the part"] * 2
    assert not supervisor.broken.is_set()
    assert "not iterable" in caplog.text


def test_a_part_whose_task_was_cancelled_by_another_is_started_again() -> None:
    """Only a stop of the supervisor ends a part for good."""
    starts: list[float] = []

    async def part() -> None:
        starts.append(asyncio.get_running_loop().time())
        inner = asyncio.create_task(asyncio.sleep(1000))
        asyncio.get_running_loop().call_later(10, inner.cancel)
        await inner

    supervisor, failed = _supervised(part, seconds=15)
    assert starts == pytest.approx([0, 10.5], abs=0.01)
    assert failed == ["the part"]
    assert not supervisor.broken.is_set()


def test_a_part_that_fails_again_and_again_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Then the process is better started afresh; which part it was is known."""

    async def part() -> None:
        raise RecursionError

    supervisor, failed = _supervised(part, seconds=WINDOW_SECONDS)
    assert len(failed) == FAILURES
    assert supervisor.broken.is_set()
    assert supervisor.given_up == "the part"
    assert "given up" in caplog.text


def test_failures_long_apart_do_not_add_up() -> None:
    """One every few minutes is waited out for ever."""

    async def part() -> None:
        await asyncio.sleep(WINDOW_SECONDS / (FAILURES - 1))
        raise OSError

    supervisor, failed = _supervised(part, seconds=100 * WINDOW_SECONDS)
    assert len(failed) > 10 * FAILURES
    assert not supervisor.broken.is_set()


def test_a_part_that_ends_by_itself_has_failed() -> None:
    """Parts work until they are asked to end."""

    async def part() -> None:
        return

    supervisor, failed = _supervised(part, seconds=1)
    assert failed
    assert not supervisor.broken.is_set()
