"""Witnesses of a run that is broken on purpose: what they saw does not come from the ledger.

``StreamWitness`` reads every segment off the queue beside the learner, so that what the ledger says
of the produced transitions can be held against a count of somebody else. ``LossLog`` reads what the
learners have logged of their updates.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
from trainingrun_contracts.segment import SegmentError, decode
from trainingrun_contracts.stream.keys import PAYLOAD_FIELD, Keys

from testkit.servers.append_only_file import commands_of

_BLOCK_MILLISECONDS: Final = 500
_PAGE: Final = 64
_OUTAGE_SECONDS: Final = 0.05
_UPDATE: Final = re.compile(r" update (\d+): (\d+) transitions.* value (\d+\.\d+)")


class StreamWitness:
    """Counts what was ever appended, each segment once."""

    def __init__(self, url: str, keys: Keys) -> None:
        self._url = url
        self._keys = keys
        self._seen: dict[tuple[str, int], int] = {}
        self._closing = threading.Event()
        self.appended_twice = 0

    @property
    def transitions(self) -> int:
        """Transitions of all segments that were appended at least once."""
        return sum(self._seen.copy().values())

    @property
    def actors(self) -> set[str]:
        """Every actor incarnation that has appended something."""
        return {actor for actor, _ in self._seen.copy()}

    def watch(self) -> None:
        """Read until told to end; an outage is waited out."""
        client, last = redis.Redis.from_url(self._url, protocol=2), b"0-0"
        while not self._closing.is_set():
            try:
                reply: Any = client.xread(
                    {self._keys.rollouts: last}, count=_PAGE, block=_BLOCK_MILLISECONDS
                )
            except (redis.RedisError, OSError):
                self._closing.wait(_OUTAGE_SECONDS)
                continue
            for _, entries in reply or []:
                for last, fields in entries:  # noqa: B007 - where to go on
                    self._note(fields)
        client.close()

    def read_file(self, folder: Path) -> None:
        """Note what the append-only file in a folder has: who reads a stream beside its consumer
        does not see what was deleted before the reader had its turn on a busy machine."""
        stream = self._keys.rollouts.encode()
        for command in commands_of(folder):
            if command[:2] == [b"XADD", stream]:
                self._note({PAYLOAD_FIELD: command[command.index(PAYLOAD_FIELD) + 1]}, again=True)

    def close(self) -> None:
        """End :meth:`watch`."""
        self._closing.set()

    def _note(self, fields: dict[bytes, bytes], *, again: bool = False) -> None:
        try:
            segment = decode(fields.get(PAYLOAD_FIELD, b""))
        except SegmentError:
            return
        name = (segment.header.actor, segment.header.seq)
        if name in self._seen and not again:
            self.appended_twice += segment.transitions
        self._seen[name] = segment.transitions


@contextmanager
def witness(url: str, keys: Keys) -> Iterator[StreamWitness]:
    """A witness that reads in a thread of its own."""
    found = StreamWitness(url, keys)
    thread = threading.Thread(target=found.watch, name="witness", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.close()
        thread.join(timeout=10)


@dataclass(frozen=True)
class Update:
    """One update, as the learner has logged it."""

    step: int
    transitions: int
    value_loss: float


class LossLog:
    """The updates in a log that grows."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0
        self._updates: list[Update] = []

    @property
    def updates(self) -> list[Update]:
        """All updates so far, oldest first."""
        if self._log.exists():
            with self._log.open("rb") as log:
                log.seek(self._read)
                new = log.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            self._updates += _updates_in(whole.decode(errors="replace"))
        return self._updates


def _updates_in(text: str) -> list[Update]:
    return [
        Update(int(step), int(transitions), float(loss))
        for step, transitions, loss in _UPDATE.findall(text)
    ]
