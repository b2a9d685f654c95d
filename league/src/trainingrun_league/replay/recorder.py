"""What changes the table, in one order: records are gathered to a group, made durable, applied, and
then their calls are answered.

While a group is being written the next one gathers, so that one synchronisation of the disk serves
all callers of that time. What has come this far is recorded although its caller goes away: it is in
the journal, and so it must be in the table.

One thread has the journal. Not here: whether a caller may record, and how much is under way
(``gate``), what a request may hold (``requests``).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from trainingrun_league.errors import LeagueError, Unavailable
from trainingrun_league.replay.journal import Journal, JournalFile
from trainingrun_league.replay.records import Batch, Record, Update
from trainingrun_league.replay.state import ReplayState

GROUP_BYTES: Final = 64 * 1024**2
FLUSH_SECONDS: Final = 1.0
"""What was sampled is written down as often as this, where nothing is recorded."""

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class _Pending:
    record: Batch | Update | None
    size: int
    future: asyncio.Future[int]


class Recorder:
    """Writes what comes; ``run`` must run."""

    def __init__(
        self, state: ReplayState, journal: Journal, *, applied: Callable[[], None]
    ) -> None:
        self._state = state
        self._journal = journal
        self._applied = applied
        self._pending: deque[_Pending] = deque()
        self._has_pending = asyncio.Event()
        self._closing = False
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self.failure: LeagueError | None = None

    def submit(self, record: Batch | Update | None, *, size: int) -> asyncio.Future[int]:
        """Put a record in the row; its future is done when it is durable and applied, with the
        number of items that an update found. None writes down the totals.

        Raises:
            Unavailable: the service ends.
        """
        if self._closing:
            raise Unavailable("the Replay service is shutting down; try again")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(record, size, future))
        self._has_pending.set()
        return future

    async def run(self) -> None:
        """Write group after group until cancelled or closed."""
        while not (self._closing and not self._pending):
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._has_pending.wait()
            except TimeoutError:
                if not self._state.has_unwritten:
                    continue
            writing = asyncio.ensure_future(self._write_group(self._take()))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await writing  # the thread continues, and its ids must not be given twice
                raise

    async def close(self) -> None:
        """Take nothing more, and let go of the journal; ``run`` must have ended."""
        self._closing = True
        while self._pending or self._state.has_unwritten:
            await self._write_group(self._take())
            if self.failure is not None:
                break
        for left in self._pending:  # of a disk that is full: their callers send them again
            if not left.future.done():
                left.future.set_exception(self.failure or Unavailable("the table is closed"))
        self._pending.clear()
        await self._in_thread(self._journal.close)
        self._executor.shutdown()

    async def remove(self, file: JournalFile) -> None:
        """Remove a file of the journal.

        Raises:
            Unavailable: it cannot be removed.
        """
        await self._in_thread(partial(self._journal.remove, file))

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, act)

    def _take(self) -> list[_Pending]:
        group: list[_Pending] = []
        size = 0
        while self._pending and (not group or size + self._pending[0].size <= GROUP_BYTES):
            group.append(self._pending.popleft())
            size += group[-1].size
        if not self._pending:
            self._has_pending.clear()
        return group

    async def _write_group(self, group: list[_Pending]) -> None:
        sampled = self._state.take_unwritten()
        numbered = self._numbered(group)
        records: list[Record] = [sampled, *(each for each in numbered if each is not None)]
        head = self._state.head if self._journal.is_full else None
        try:
            await self._in_thread(partial(self._journal.append, records, head=head))
        except LeagueError as error:
            if self.failure is None:
                _log.error("nothing is recorded: %s", error)
            self.failure = error
            self._state.return_unwritten(sampled)
            for each in group:
                if not each.future.done():
                    each.future.set_exception(error)
        else:
            if self.failure is not None:
                _log.info("experience is recorded again")
            self.failure = None
            for each, record in zip(group, numbered, strict=True):
                found = 0 if record is None else self._state.apply(record)
                if not each.future.done():
                    each.future.set_result(found)
        finally:
            self._applied()

    def _numbered(self, group: list[_Pending]) -> list[Batch | Update | None]:
        """Return the records with the ids that their items will have."""
        next_id = self._state.table.next_id
        numbered: list[Batch | Update | None] = []
        for each in group:
            record = each.record
            if isinstance(record, Batch):
                record = replace(record, first_id=next_id)
                next_id += len(record.items.data)
            numbered.append(record)
        return numbered
