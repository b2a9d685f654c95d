"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_AGAIN_SECONDS: Final = 0.2


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, whatever they end with.

    One cancellation is not enough: the Redis client may turn it into an error of its own when it
    comes during a command, and the task continues. Errors are taken from the tasks: several may
    fail of one cause, of which the first is raised elsewhere, and asyncio would print the others.
    """
    every = set(tasks)
    left = {task for task in every if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    for task in every:
        if not task.cancelled():
            task.exception()


async def first_failure(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Wait for tasks that run for ever; the first that ends raises its error here."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
