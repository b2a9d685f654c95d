"""How many calls run at once: in all, and of one caller."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Admission:
    """Counts the calls that run.

    Attributes:
        most: at once.
        most_of_one: at once of one caller who is counted.
    """

    most: int
    most_of_one: int
    _running: int = field(default=0, init=False)
    _of: Counter[str] = field(default_factory=Counter, init=False)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for any call."""
        return self._running >= self.most

    def enter(self, who: str) -> bool:
        """Let a call in, and return whether there was room; an empty name is counted in all alone.

        Each call that was let in has to leave.
        """
        if self.is_full or (who and self._of[who] >= self.most_of_one):
            return False
        self._running += 1
        if who:
            self._of[who] += 1
        return True

    def leave(self, who: str) -> None:
        """Note the end of a call that was let in."""
        self._running -= 1
        if who:
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]
