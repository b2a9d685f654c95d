"""Answers that one set of weights gave, by what was asked.

Searches of one run share their openings, and games that are played at the same time meet the same
positions. The cache belongs to one generation and goes with it. The key is all that the network and
the mask see: the observation's bytes, and the packed legal actions.

When it is full it is emptied: to follow which entry was used last costs as much as a lookup, and
positions of long ago do not come back.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
from trainingrun_contracts.inference_frames import Float16, Float32, Layout

_ENTRY_BYTES: Final = 200
"""Of Python's own for each: a dict's slot, a key's head, a number."""

Keys = Sequence[bytes]


class AnswerCache:
    """Bounded by bytes; safe to use from several threads."""

    def __init__(self, layout: Layout, *, most_bytes: int) -> None:
        row = layout.width + layout.mask_bytes + 2 * layout.actions + 4 + _ENTRY_BYTES
        self.entries = most_bytes // row
        self._lock = threading.Lock()
        self._places: dict[bytes, int] = {}
        self._priors = np.zeros((self.entries, layout.actions), np.float16)
        self._values = np.zeros(self.entries, np.float32)

    def __len__(self) -> int:
        return len(self._places)

    def read(self, keys: Keys, priors: Float16, values: Float32) -> list[int]:
        """Write what is known into the rows of ``priors`` [rows, actions] and ``values`` [rows];
        return the rows that are not known."""
        with self._lock:
            found = np.fromiter((self._places.get(key, -1) for key in keys), np.int64, len(keys))
            known = np.flatnonzero(found >= 0)
            priors[known] = self._priors[found[known]]
            values[known] = self._values[found[known]]
        return np.flatnonzero(found < 0).tolist()

    def write(self, keys: Keys, priors: Float16, values: Float32) -> None:
        """Keep answers; those beyond what the cache holds at all are left out."""
        keys = keys[: self.entries]
        with self._lock:
            if len(self._places) + len(keys) > self.entries:
                self._places.clear()
            for row, key in enumerate(keys):
                place = self._places.setdefault(key, len(self._places))
                self._priors[place] = priors[row]
                self._values[place] = values[row]
