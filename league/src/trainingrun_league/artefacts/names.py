"""Which names artefacts may have: parts of letters, digits, ``.``, ``_``, ``-`` between slashes."""

from __future__ import annotations

import re
from typing import Final

from trainingrun_league.errors import InvalidRequest

LONGEST: Final = 512
CHUNK_BYTES: Final = 1 << 20
_PART: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""No part begins with a dot: neither ``..`` nor what a directory keeps of unfinished writes."""


def check(name: str) -> str:
    """Return the name.

    Raises:
        InvalidRequest: it could stand for something outside the place.
    """
    if len(name) > LONGEST or not all(_PART.fullmatch(part) for part in name.split("/")):
        raise InvalidRequest(
            f"the artefact's name {name[:80]!r} must be parts of letters, digits, '.', '_' and '-'"
            f" between slashes, {LONGEST} characters at most"
        )
    return name
