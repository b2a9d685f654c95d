"""One game under check: its decisions judged and answered, its lines kept for comparison.

Border: no connection. Lines come in, answers go out; what is wrong is a DiffersError.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from trainingrun_protocol.conformance.checks import CHECKS, Moment
from trainingrun_protocol.conformance.fields import field_faults
from trainingrun_protocol.conformance.script import Play
from trainingrun_protocol.conformance.styles import STYLES

_RESULT: Final = re.compile(r"GAME_RESULT: (?:(?P<winner>.+) won|Draw) in [0-9]+ms")
_PREFIXES: Final = (b"DECISION:", b"GAME_", b"ERROR:")
_MILLISECONDS: Final = re.compile(rb" in [0-9]+ms$")


class DiffersError(Exception):
    """The daemon does not do what the step says."""


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line of a kept game: enough to compare it and to show where it differs."""

    digest: bytes
    start: str


class PlayedGame:
    """One game under check: what was asked, answered and seen."""

    def __init__(self, wanted: Play) -> None:
        self._wanted = wanted
        self._generator = random.Random(wanted.style)
        self._checks = [(name, CHECKS[name]()) for name in wanted.checks]
        self._seen: dict[str, int] = {}
        self._names: set[str] = set()
        self._earlier: dict[str, Any] | None = None
        self._answer: str | None = None
        self._ahead = wanted.ahead
        self._starts = 0
        self.kept: list[KeptLine] = []

    def keep(self, line: bytes) -> None:
        """Check a line of any kind; keep it if the game is to be compared."""
        self._see_prefix(line)
        if self._wanted.name is not None:
            bare = _MILLISECONDS.sub(b"", line)
            self.kept.append(KeptLine(blake2b(bare, digest_size=16).digest(), shown(bare)))

    def _see_prefix(self, line: bytes) -> None:
        if line.startswith(b"GAME_START:"):
            self._starts += 1
            if self._starts > 1:
                raise DiffersError("a second GAME_START came")
        elif self._wanted.is_quiet and not line.startswith(_PREFIXES):
            raise DiffersError(f"a log line came in a quiet game: {shown(line)}")

    def answer(self, line: bytes) -> str | None:
        """Check a decision and give the answer, or None when none is owed."""
        decision = _parsed(line)
        moment = Moment(decision, self._earlier, self._answer)
        self._names |= {player["name"] for player in moment.players}
        for name, check in self._checks:
            for fault in check(moment):
                raise DiffersError(f"decision {decision['decision_id']}, {name}: {fault}")
        count = self._seen[moment.kind] = self._seen.get(moment.kind, 0) + 1
        self._earlier = decision
        if self._wanted.style == "nothing":
            return None
        if self._ahead > 0:
            self._ahead -= 1
            self._answer = None
            return None
        garbage = self._wanted.garbage.get(moment.kind)
        if garbage is not None:
            self._answer = garbage[count % len(garbage)]
        else:
            self._answer = STYLES[self._wanted.style](decision, self._generator)
        return self._answer

    def end(self, line: bytes) -> None:
        """Check the terminal line and that what had to occur has occurred."""
        result = _RESULT.fullmatch(line.decode("utf-8", "replace"))
        if result is None:
            raise DiffersError(f"the game ended with {shown(line)}")
        if result["winner"] is not None and self._names and result["winner"] not in self._names:
            raise DiffersError(f"the winner {result['winner']!r} is none of {sorted(self._names)}")
        if self._wanted.style != "nothing" and not self._seen:
            raise DiffersError("the game ended without a DECISION")
        if missing := [kind for kind in self._wanted.sees if kind not in self._seen]:
            raise DiffersError(f"the game had no {', '.join(missing)}; it had {self._seen}")


def _parsed(line: bytes) -> dict[str, Any]:
    if not line.isascii():
        raise DiffersError("a DECISION line has a byte above 127")
    try:
        decision = json.loads(line.removeprefix(b"DECISION:"))
    except (ValueError, RecursionError) as error:
        raise DiffersError(f"a DECISION line is no JSON: {error}") from error
    for fault in field_faults(decision):
        raise DiffersError(f"a DECISION line: {fault}")
    assert isinstance(decision, dict)
    return decision


def shown(line: bytes) -> str:
    """Give the start of a line, for people."""
    text = line.decode("utf-8", "replace")
    return text if len(text) <= 80 else f"{text[:77]}..."
