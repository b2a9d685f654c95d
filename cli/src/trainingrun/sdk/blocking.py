"""An event loop of its own in a thread, so that blocking calls work everywhere.

``asyncio.run`` was refused: it fails inside of a notebook, which runs a loop already, and it would
open the connections anew with every call.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_END: Final = object()


class BlockingLoop:
    """Runs coroutines for callers that block; Ctrl-C cancels what is under way."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="trainingrun-client", daemon=True
        )
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run to the end."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, source: AsyncGenerator[_T, None]) -> Iterator[_T]:
        """Its values as they come; it is closed when the caller takes no further value."""
        try:
            while (value := self.run(_next(source))) is not _END:
                yield value  # type: ignore[misc]  # the end is recognised by its identity
        finally:
            self.run(_closed(source))

    def close(self) -> None:
        """End the loop and its thread. Closing again does nothing."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _next(source: AsyncGenerator[_T, None]) -> _T | object:
    return await anext(source, _END)


async def _closed(source: AsyncGenerator[_T, None]) -> None:
    with contextlib.suppress(RuntimeError):  # it is in the middle of a step that was cancelled
        await source.aclose()
