"""Threads as the original has them: ten for connections, Java's common pool for games."""

import queue
import threading
from collections.abc import Callable
from typing import Protocol


class Pool(Protocol):
    """Runs what is submitted, sooner or later."""

    def submit(self, task: Callable[[], None]) -> None:
        """Have a task run."""

    def finish(self, seconds: float) -> None:
        """Accept no task from now on; wait up to some seconds for those that there are."""


class Workers:
    """A fixed number of threads; tasks beyond them wait in order."""

    def __init__(self, count: int) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Callable[[], None]) -> None:
        """Have a task run when a thread is free."""
        self._tasks.put(task)

    def finish(self, seconds: float) -> None:
        """Accept no task from now on; wait up to some seconds for those that there are."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(seconds / len(self._threads))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()


class ThreadEach:
    """A thread for each task."""

    def submit(self, task: Callable[[], None]) -> None:
        """Have a task run at once."""
        threading.Thread(target=task, daemon=True).start()

    def finish(self, seconds: float) -> None:
        """Nothing: the threads end with their tasks."""


def common_pool(parallelism: int) -> Pool:
    """Return Java's common pool: below two threads it starts one for each task instead."""
    return Workers(parallelism) if parallelism > 1 else ThreadEach()
