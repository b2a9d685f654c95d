"""The fence around writes: open within a term, shut for good, and exact about what time is left."""

from __future__ import annotations

import asyncio

import looptime
import pytest
from trainingrun_operator.kube.fence import ALWAYS, Fence, Term
from trainingrun_reconciler.backends import ErrorKind
from trainingrun_reconciler.errors import FencedError

TERM = Term(number=7, writes_until=10.0, ends_at=15.0)


class Clock:
    """A steady clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_before_any_term_nothing_is_written() -> None:
    """An operator that stands by is refused, and no run is blamed for it."""
    fence = Fence(clock=Clock())
    assert not fence.is_open
    with pytest.raises(FencedError, match="does not lead") as refused:
        fence.check()
    assert refused.value.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize(("now", "left"), [(0.0, 15.0), (4.0, 11.0), (9.99, 5.01)])
def test_a_write_has_until_the_end_of_the_term(now: float, left: float) -> None:
    """It begins before the deadline, and must be done before a successor may begin."""
    clock = Clock()
    fence = Fence(TERM, clock=clock)
    clock.now = now
    with fence.writing() as seconds:
        assert seconds == pytest.approx(left)


@pytest.mark.parametrize("now", [10.0, 30.0, 1e6])
def test_after_the_deadline_nothing_is_written(now: float) -> None:
    """However long the process slept, and without any notice."""
    clock = Clock()
    fence = Fence(TERM, clock=clock)
    clock.now = now
    assert not fence.is_open
    with pytest.raises(FencedError, match="too long ago"), fence.writing():
        pytest.fail("the write was let through")


def test_a_renewal_prolongs_and_a_shut_fence_stays_shut() -> None:
    """A renewal that comes back after the loss opens nothing."""
    clock = Clock()
    fence = Fence(TERM, clock=clock)
    clock.now = 8.0
    fence.open(Term(7, 18.0, 23.0))
    clock.now = 12.0
    assert fence.check() == pytest.approx(11.0)
    fence.shut()
    fence.open(Term(7, 100.0, 105.0))
    assert not fence.is_open
    with pytest.raises(FencedError, match="ending"):
        fence.check()


def test_a_lone_operator_always_writes() -> None:
    """Without a lease there is no deadline."""
    assert Fence(ALWAYS).is_open


def test_drained_waits_for_the_writes_under_way() -> None:
    """It returns when the last of them has ended, or reports that one has not in time."""

    async def write(fence: Fence, seconds: float) -> None:
        with fence.writing():
            await asyncio.sleep(seconds)

    async def act() -> tuple[bool, bool, float]:
        fence = Fence(ALWAYS)
        tasks = [asyncio.create_task(write(fence, seconds)) for seconds in (1.0, 3.0)]
        await asyncio.sleep(0)
        early = await fence.drained(2.0)
        late = await fence.drained(2.0)
        await asyncio.gather(*tasks)
        return early, late, asyncio.get_running_loop().time()

    loop = looptime.new_event_loop(start=0, end=10)
    try:
        assert loop.run_until_complete(act()) == (False, True, pytest.approx(3.0, abs=0.01))
    finally:
        loop.close()
