"""What becomes of files that are not needed: into the archive, if there is one, and removed.

A file goes when every item in it has been evicted. Where the place of the archive cannot be reached
it waits, and the service continues. Of more waiting files than the bound, or on a disk that is full
already, the oldest go without having been archived: training would be held for the sake of a copy.

The totals are written down before a file is removed: what it had of them is then in the journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final

from trainingrun_contracts.backoff import Backoff

from trainingrun_league.artefacts.place import ArtefactPlace
from trainingrun_league.disk_problems import problem_of
from trainingrun_league.errors import Exhausted, LeagueError, Unavailable
from trainingrun_league.replay.journal import SUFFIX, Journal, JournalFile
from trainingrun_league.replay.recorder import Recorder
from trainingrun_league.replay.state import ReplayState

FOLDER: Final = "replay"
EVERY_SECONDS: Final = 1.0
_BACKOFF: Final = Backoff(first=2.0, longest=30.0)
_CHUNK: Final = 1024**2
_log = logging.getLogger(__name__)


def archived_name(file: JournalFile, last_id: int) -> str:
    """Return the name in the archive of a file, by the ids in it; read it by
    ``journal.read_records``."""
    return f"{FOLDER}/{file.first_id:016d}-{last_id:016d}{SUFFIX}"


def pause_after(failures: int) -> float:
    """Return the seconds until the next round."""
    return _BACKOFF.seconds(failures) if failures else EVERY_SECONDS


class Archiver:
    """Takes files away; ``run`` must run.

    Attributes:
        waiting_since: how many rounds the place could not be reached; 0 while it can.
        unarchived: files that went without having been archived.
    """

    def __init__(
        self,
        state: ReplayState,
        journal: Journal,
        recorder: Recorder,
        *,
        place: ArtefactPlace | None,
        most_waiting: int,
    ) -> None:
        self._state = state
        self._journal = journal
        self._recorder = recorder
        self._place = place
        self._most_waiting = most_waiting
        self.failures = 0
        self.unarchived = 0

    async def run(self) -> None:
        """Take away what is evicted, every second, until cancelled."""
        while True:
            await self.take_away()
            await asyncio.sleep(pause_after(self.failures))

    async def take_away(self) -> None:
        """Take away what is not needed; files that cannot be taken away wait."""
        evicted = self._journal.evicted(self._state.table.oldest_id)
        waiting = sum(file.size for file, _ in evicted)
        for file, last_id in evicted:
            is_kept = await self._archive(file, last_id)
            if not is_kept and waiting <= self._most_waiting and not self._is_disk_full:
                return
            if not is_kept:
                self.unarchived += 1
                _log.error("%s leaves unarchived: %d bytes wait", file.path, waiting)
            waiting -= file.size
            try:
                await self._remove(file)
            except LeagueError as error:
                _log.warning("a file of the journal stays for now: %s", error)
                return

    @property
    def _is_disk_full(self) -> bool:
        return isinstance(self._recorder.failure, Exhausted)

    async def _archive(self, file: JournalFile, last_id: int) -> bool:
        """Archive a file, where it is to be and is not yet; whether it may go."""
        if self._place is None or last_id <= self._state.counters.archived_through:
            return True
        try:
            await self._place.write(archived_name(file, last_id), _chunks(file))
        except (Unavailable, Exhausted, _Unreadable) as error:
            self.failures += 1
            _log.warning("the archive waits: %s", error)
            return False
        self.failures = 0
        self._state.count_archived(file.experiences, through=last_id)
        return True

    async def _remove(self, file: JournalFile) -> None:
        try:
            await self._recorder.submit(None, size=0)
        except Exhausted:  # its room is what is missing: then the totals are written after it
            await self._recorder.remove(file)
            await self._recorder.submit(None, size=0)
        else:
            await self._recorder.remove(file)


async def archive_whole(
    place: ArtefactPlace, folder: str, journal: Journal, *, next_id: int
) -> None:
    """Write all files of a journal that is not written any longer.

    Raises:
        Unavailable: the place cannot be reached, or is full; or a file cannot be read.
    """
    ends = [*(file.first_id for file in journal.files[1:]), next_id]
    for file, end in zip(journal.files, ends, strict=True):
        name = f"{folder}/{file.first_id:016d}-{end - 1:016d}{SUFFIX}"
        try:
            await place.write(name, _chunks(file))
        except _Unreadable as error:
            raise Unavailable(f"the table cannot be archived: {error}") from error


class _Unreadable(Exception):
    """A file of the journal cannot be read: the disk fails, or too many files are open."""


async def _chunks(file: JournalFile) -> AsyncIterator[bytes]:
    """Yield what counts of a file."""
    left = file.size
    try:
        with file.path.open("rb") as opened:
            while left and (chunk := await asyncio.to_thread(opened.read, min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk
    except OSError as error:
        raise _Unreadable(f"{file.path}: {problem_of(error)}") from error
    if left:
        raise _Unreadable(f"{file.path}: {left} bytes are missing at its end")
