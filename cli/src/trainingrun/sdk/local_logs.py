"""Logs of local members: files that grow, and are moved aside when they are full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun.local.folder import RunFolder
from trainingrun.sdk import LogLine, LogQuery, Refused
from trainingrun.sdk.following import pause

_HEADING: Final = "--- "
"""Begins the line that the runtime writes before each life of a member."""
_POLL_SECONDS: Final = 0.3


def local_logs(folder: RunFolder, query: LogQuery) -> Iterator[LogLine]:
    """Lines of the members that the query names, member by member; followed, as they come.

    Raises:
        Refused: there is no such log.
    """
    files = _files(folder, query)
    if not files:
        there = sorted(path.stem for path in folder.logs.glob("*.log"))
        known = f"found: {', '.join(there)}" if there else "none yet"
        raise Refused(f"no log of {query.member or query.role or 'the run'}: {known}")
    tails = {path: _Tail(path) for path in files}
    for path, tail in tails.items():
        lines = _lines(path.with_name(f"{path.name}.1")) + list(tail.more())
        if tail.rest and not query.follow:
            lines.append(tail.rest.decode(errors="replace"))
        yield from (LogLine(path.stem, line) for line in _chosen(lines, query))
    if query.follow:
        yield from _followed(folder, query, tails)


def _files(folder: RunFolder, query: LogQuery) -> list[Path]:
    every = sorted(folder.logs.glob("*.log"))
    if query.member is not None:
        return [path for path in every if path.stem == query.member]
    if query.role is None:
        return every
    return [path for path in every if path.stem.rpartition("-")[0] == query.role]


def _chosen(lines: list[str], query: LogQuery) -> list[str]:
    if query.previous:
        lines = _life_before(lines)
    if query.tail is None:
        return lines
    return lines[-query.tail :] if query.tail else []


def _life_before(lines: list[str]) -> list[str]:
    begins = [index for index, line in enumerate(lines) if line.startswith(_HEADING)]
    if len(begins) < 2:
        return []
    return lines[begins[-2] : begins[-1]]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return []


@dataclass
class _Tail:
    """What was read of one file so far; ``rest`` is a line that is not at its end yet."""

    path: Path
    offset: int = 0
    rest: bytes = b""

    def more(self) -> Iterator[str]:
        """Whole lines that have come since the last poll; a file that shrank was moved aside."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                self.offset = self.offset if size >= self.offset else 0
                file.seek(self.offset)
                chunk = file.read()
        except OSError:
            return
        self.offset += len(chunk)
        *whole, self.rest = (self.rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")


def _followed(folder: RunFolder, query: LogQuery, tails: dict[Path, _Tail]) -> Iterator[LogLine]:
    """Yield what comes from now on, also of members that come later; for ever."""
    while True:
        for path in _files(folder, query):
            tail = tails.setdefault(path, _Tail(path))
            yield from (LogLine(path.stem, line) for line in tail.more())
        pause(_POLL_SECONDS)
