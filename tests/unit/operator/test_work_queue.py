"""The work queue: one worker per key, coalesced, due in time, and failures back off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

import looptime
import pytest
from trainingrun_api.conditions import Reason
from trainingrun_reconciler.controller.loop import ReconcileError
from trainingrun_reconciler.controller.queue import Listener, ReconcileQueue, Result
from trainingrun_reconciler.store import ResourceKey

ONE, TWO = ResourceKey("default", "one"), ResourceKey("default", "two")
Look = Callable[[ResourceKey], Awaitable[float | None]]


class NoJitter(Random):
    """Back-off without its spread."""

    def random(self) -> float:
        """Always the longest delay."""
        return 0.0


def _run(
    look: Look,
    keys: list[ResourceKey],
    *,
    seconds: float,
    at_once: int = 20,
    listener: Listener = lambda _key, _result, _seconds: None,
) -> ReconcileQueue:
    """A queue that worked for this many (virtual) seconds."""
    made: list[ReconcileQueue] = []

    async def work() -> None:
        queue = ReconcileQueue(look, routine_at_once=at_once, jitter=NoJitter(), listener=listener)
        made.append(queue)
        for key in keys:
            queue.add(key)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await queue.run()

    loop = looptime.new_event_loop(start=0, end=seconds + 10)
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()
    return made[0]


def _now() -> float:
    return asyncio.get_running_loop().time()


def test_a_key_is_looked_at_again_when_it_asks() -> None:
    """The returned seconds are the time until the next reconcile."""
    times: list[float] = []

    async def look(key: ResourceKey) -> float | None:
        times.append(_now())
        return 3.0

    _run(look, [ONE], seconds=10)
    assert times == pytest.approx([0, 3, 6, 9], abs=0.01)


def test_a_settled_key_is_left_alone() -> None:
    """None means: not before something changes."""
    looks: list[ResourceKey] = []

    async def look(key: ResourceKey) -> float | None:
        looks.append(key)
        return None

    queue = _run(look, [ONE, ONE, TWO], seconds=100)
    assert looks == [ONE, TWO]
    assert queue.reconciles == 2


def test_a_key_is_never_worked_on_twice_at_once() -> None:
    """Changes during a reconcile lead to one more after it."""
    running, most, looks = 0, 0, 0

    async def look(key: ResourceKey) -> float | None:
        nonlocal running, most, looks
        running, looks = running + 1, looks + 1
        most = max(most, running)
        if looks == 1:
            for _ in range(5):
                queue[0].add(key)
        await asyncio.sleep(1)
        running -= 1
        return None

    queue: list[ReconcileQueue] = []

    async def work() -> None:
        queue.append(ReconcileQueue(look))
        queue[0].add(ONE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await queue[0].run()

    loop = looptime.new_event_loop(start=0, end=20)
    loop.run_until_complete(work())
    loop.close()
    assert (most, looks) == (1, 2)


def test_failures_back_off_and_stay_with_their_key() -> None:
    """1, 2, 4, 8 … seconds for the failing key, while the other continues."""
    times: dict[ResourceKey, list[float]] = {ONE: [], TWO: []}

    async def look(key: ResourceKey) -> float | None:
        times[key].append(_now())
        if key == ONE:
            raise ReconcileError("the API server does not answer")
        return 10.0

    _run(look, [ONE, TWO], seconds=35)
    assert times[ONE] == pytest.approx([0, 1, 3, 7, 15, 31], abs=0.01)
    assert times[TWO] == pytest.approx([0, 10, 20, 30], abs=0.01)


def test_a_bug_of_ours_does_not_stop_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen error is logged with its run and backs off like any failure."""
    looks: list[ResourceKey] = []

    async def look(key: ResourceKey) -> float | None:
        looks.append(key)
        if key == ONE:
            raise KeyError(Reason.UNKNOWN)
        return 1.0

    _run(look, [ONE, TWO], seconds=5)
    assert looks.count(ONE) == 3
    assert looks.count(TWO) >= 5
    assert "default/one" in caplog.text


def test_how_looks_ended_is_told() -> None:
    """One result and one duration per reconcile: done, failed, or a bug."""
    told: list[tuple[Result, float]] = []

    async def look(key: ResourceKey) -> float | None:
        await asyncio.sleep(0.5)
        if key == ONE:
            raise ReconcileError("the API server does not answer")
        raise KeyError(Reason.UNKNOWN)

    async def well(_: ResourceKey) -> float | None:
        return None

    def listen(_key: ResourceKey, result: Result, seconds: float) -> None:
        told.append((result, seconds))

    _run(look, [ONE, TWO], seconds=0.8, listener=listen)
    _run(well, [ONE], seconds=0.8, listener=listen)
    assert told == [(Result.FAILED, 0.5), (Result.BUG, 0.5), (Result.DONE, 0.0)]


def test_no_more_at_once_than_there_are_workers() -> None:
    """With two workers, five keys of a second each take three seconds."""
    running, most = 0, 0
    ended: list[float] = []

    async def look(key: ResourceKey) -> float | None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        ended.append(_now())
        return None

    keys = [ResourceKey("default", f"run-{index}") for index in range(5)]
    _run(look, keys, seconds=10, at_once=2)
    assert most == 2
    assert max(ended) == pytest.approx(3, abs=0.01)


def _worked(prepare: Callable[[ReconcileQueue], None], look: Look, *, routine: int = 1) -> None:
    """What a queue with few workers does in 100 (virtual) seconds."""

    async def work() -> None:
        queue = ReconcileQueue(look, urgent_at_once=1, routine_at_once=routine, jitter=NoJitter())
        prepare(queue)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await queue.run()

    loop = looptime.new_event_loop(start=0, end=200)
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()


def test_what_people_wait_for_has_workers_of_its_own() -> None:
    """Runs whose reconciles hang hold up each other, and no run that is new."""
    begun: dict[ResourceKey, float] = {}

    async def look(key: ResourceKey) -> float | None:
        begun[key] = _now()
        await asyncio.sleep(50)
        return None

    new = ResourceKey("default", "new")

    def prepare(queue: ReconcileQueue) -> None:
        queue.add(ONE)
        queue.add(TWO)
        queue.add(new, after=1.0, urgent=True)

    _worked(prepare, look)
    assert begun == pytest.approx({ONE: 0, new: 1, TWO: 50}, abs=0.01)


def test_runs_under_way_step_back_while_new_ones_wait() -> None:
    """At most two of them at once, until there are workers for all that is urgent."""
    routine = [ResourceKey("default", f"run-{index}") for index in range(6)]
    urgent = [ResourceKey("default", f"new-{index}") for index in range(2)]
    begun: dict[ResourceKey, float] = {}

    async def look(key: ResourceKey) -> float | None:
        begun[key] = _now()
        await asyncio.sleep(10)
        return None

    def prepare(queue: ReconcileQueue) -> None:
        for key in routine:
            queue.add(key)
        for key in urgent:
            queue.add(key, urgent=True)

    _worked(prepare, look, routine=6)
    times = [begun[key] for key in routine]
    assert times == pytest.approx([0, 0, 10, 10, 20, 20], abs=0.01)
    assert [begun[key] for key in urgent] == pytest.approx([0, 10], abs=0.01)


def test_a_key_that_waits_in_both_tracks_is_looked_at_once() -> None:
    """The reconcile that comes first sees what the other would have."""
    times: list[float] = []

    async def look(key: ResourceKey) -> float | None:
        times.append(_now())
        await asyncio.sleep(5)
        return None

    def prepare(queue: ReconcileQueue) -> None:
        queue.add(ONE, after=3.0)
        queue.add(ONE, after=1.0, urgent=True)
        assert queue.overdue() == 0

    _worked(prepare, look, routine=2)
    assert times == pytest.approx([1], abs=0.01)


def test_a_change_of_the_user_during_a_look_is_urgent_afterwards() -> None:
    """It does not queue up behind runs that are under way."""
    times: dict[ResourceKey, list[float]] = {ONE: [], TWO: []}
    made: list[ReconcileQueue] = []

    async def look(key: ResourceKey) -> float | None:
        times[key].append(_now())
        if key == ONE and len(times[ONE]) == 1:
            made[0].add(ONE, urgent=True)
        await asyncio.sleep(10)
        return None

    def prepare(queue: ReconcileQueue) -> None:
        made.append(queue)
        queue.add(ONE)
        queue.add(TWO)

    _worked(prepare, look)
    assert times[ONE] == pytest.approx([0, 10], abs=0.01)
    assert times[TWO] == pytest.approx([10], abs=0.01)


def test_the_oldest_key_tells_how_late_the_queue_is() -> None:
    """A reconcile that hangs is seen by /livez."""
    ages: list[float] = []

    async def work() -> None:
        async def look(key: ResourceKey) -> float | None:
            await asyncio.sleep(100)
            return None

        queue = ReconcileQueue(look)
        queue.add(ONE)
        task = asyncio.create_task(queue.run())
        await asyncio.sleep(50)
        ages.append(queue.oldest_seconds())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop = looptime.new_event_loop(start=0, end=200)
    loop.run_until_complete(work())
    loop.close()
    assert ages == pytest.approx([50], abs=0.01)


def test_a_long_queue_that_moves_is_not_stuck() -> None:
    """Keys that wait behind the slow reconciles of one tenant are late, and a restart would make
    them later: stuck is a queue in which no reconcile ends any longer, or one reconcile never
    does."""
    found: list[tuple[float, float]] = []
    never = asyncio.Event()

    async def look(key: ResourceKey) -> float | None:
        if key == TWO:
            await never.wait()
        await asyncio.sleep(10)
        return None

    async def work(keys: list[ResourceKey]) -> None:
        queue = ReconcileQueue(look, routine_at_once=1)
        for key in keys:
            queue.add(key)
        working = asyncio.create_task(queue.run())
        await asyncio.sleep(995)
        found.append((queue.oldest_seconds(), queue.stuck_seconds()))
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    for keys in ([ResourceKey("one", str(n)) for n in range(200)], [TWO]):
        loop = looptime.new_event_loop(start=0, end=1100)
        try:
            loop.run_until_complete(work(keys))
        finally:
            loop.close()
    assert found[0] == pytest.approx((995, 5), abs=0.1)
    assert found[1] == pytest.approx((995, 995), abs=0.1)


def test_what_is_due_and_not_begun_is_counted() -> None:
    """A key that waits for its time is not overdue; one whose time has come is."""

    async def look(key: ResourceKey) -> float | None:
        return None

    async def act() -> None:
        queue = ReconcileQueue(look)
        queue.add(ONE)
        queue.add(TWO, after=60.0)
        assert queue.overdue() == 1

    asyncio.run(act())


def test_the_hanging_looks_of_one_namespace_hold_up_no_other_one() -> None:
    """Neither its new runs, by the first track, nor those under way, by the second."""
    begun: dict[ResourceKey, float] = {}
    stuck = [ResourceKey("bad", f"run-{index}") for index in range(60)]

    async def look(key: ResourceKey) -> float | None:
        begun[key] = _now()
        await asyncio.sleep(1000 if key.namespace == "bad" else 1)
        return None

    async def work() -> None:
        queue = ReconcileQueue(look, jitter=NoJitter())
        for index, key in enumerate(stuck):
            queue.add(key, urgent=index % 2 == 0)
        for name in "abcdefgh":
            queue.add(ResourceKey("good", f"new-{name}"), after=1.0, urgent=True)
            queue.add(ResourceKey("good", f"old-{name}"), after=1.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await queue.run()

    loop = looptime.new_event_loop(start=0, end=200)
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()
    good = {key.name: at for key, at in begun.items() if key.namespace == "good"}
    assert max(good[f"new-{name}"] for name in "abcdefgh") == pytest.approx(2, abs=0.01)
    assert len(good) == 16
    assert len([key for key in begun if key.namespace == "bad"]) == 22


def test_quotas_do_not_add_up_beyond_a_bound() -> None:
    """A hundred namespaces with hanging reconciles have no more than four times the workers."""
    begun: list[ResourceKey] = []

    async def look(key: ResourceKey) -> float | None:
        begun.append(key)
        await asyncio.sleep(1000)
        return None

    keys = [ResourceKey(f"space-{index}", "run") for index in range(100)]
    _run(look, keys, seconds=10, at_once=4)
    assert len(begun) == 16
