"""How a table's folder goes: whole or not at all, whatever interrupts it.

First the drop is written down with its key (``drops.json``), so that its repetition is known. Then
the folder is moved to ``dropped/``, by one rename that is made durable: until then the table is
whole, from then on it is gone. Only then is anything of it deleted; a start deletes what is left.
Between the two the table is there with the id that was written down, and the repetition drops it.

All of it blocks.
"""

from __future__ import annotations

import logging
import secrets
import shutil
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from trainingrun_league.durable import synchronise
from trainingrun_league.errors import InvalidRequest, Reused, Unavailable
from trainingrun_league.replay.journal import write_whole

MOST_DROPS: Final = 1024
LONGEST_KEY: Final = 200
_FILE: Final = "drops.json"
_DROPPED: Final = "dropped"
_log: Final = logging.getLogger(__name__)


class Drop(Struct, frozen=True):
    """A table that was dropped, or was about to be.

    Attributes:
        key: of the request.
        request: what it asked for, but for the key.
        table_id: of the very table.
        answer: the response, as bytes.
    """

    key: str
    request: bytes
    table_id: str
    answer: bytes


class Drops:
    """The drops of one service, the latest last."""

    def __init__(self, folder: Path) -> None:
        """Read what was dropped, and delete what a kill has left.

        Raises:
            Unavailable: the file cannot be read.
        """
        self._folder = folder
        self._known: dict[str, Drop] = {each.key: each for each in _read(folder / _FILE)}
        self.sweep()

    def find(self, key: str, request: bytes) -> Drop | None:
        """Return the drop of a key.

        Raises:
            InvalidRequest: it is no key.
            Reused: it came with another request.
        """
        if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
            raise InvalidRequest(
                f"idempotency_key: give one, of at most {LONGEST_KEY} printable characters"
            )
        known = self._known.get(key)
        if known is not None and known.request != request:
            raise Reused(f"idempotency_key {key!r} came with another request before")
        return known

    def carry_out(self, drop: Drop | None, table: Path, table_id: str) -> None:
        """Remove the folder of a table; ``drop`` is written down before, where somebody asked.

        Raises:
            Unavailable: it cannot be moved; the table is whole.
        """
        away = self._folder / _DROPPED
        try:
            if drop is not None:
                self._remember(drop)
            away.mkdir(exist_ok=True)
            synchronise(self._folder)
            table.rename(away / f"{table.name}.{table_id or secrets.token_hex(8)}")
            for folder in (table.parent, away):
                synchronise(folder)
        except OSError as error:
            raise Unavailable(f"the folder {table} cannot be moved: {error.strerror}") from error
        self.sweep()

    def sweep(self) -> None:
        """Delete what was moved away; what cannot be deleted stays for the next start."""
        for path in sorted((self._folder / _DROPPED).glob("*")):
            try:
                shutil.rmtree(path)
            except OSError as error:
                _log.warning("%s, of a table that was dropped, stays for now: %s", path, error)

    def _remember(self, drop: Drop) -> None:
        known = {**self._known}
        known.pop(drop.key, None)
        known[drop.key] = drop
        while len(known) > MOST_DROPS:
            del known[next(iter(known))]
        write_whole(self._folder / _FILE, msgspec.json.encode(list(known.values())))
        self._known = known


def _read(path: Path) -> list[Drop]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Drop])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise Unavailable(f"what was dropped, {path}: {error}; remove the file") from error
