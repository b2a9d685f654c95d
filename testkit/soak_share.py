"""How much of what needs time is done: a fifth in ``make test``, the whole with ``make soak``.

``SOAK_SHARE`` (from 0 to 1) is the one knob. Tests that say how large they are by ``share_of`` have
the mark ``soak`` outside tests/soak, by which ``make soak`` finds them; seeds are fixed, so a share
is the first part of the whole.
"""

from __future__ import annotations

import os
from typing import Final

A_FIFTH: Final = 0.2


def share_of(whole: int) -> int:
    """So much of this many games, examples or steps; at least one."""
    return max(1, round(whole * float(os.environ.get("SOAK_SHARE", A_FIFTH))))
