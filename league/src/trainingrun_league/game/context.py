"""What a game is given to change by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trainingrun_league.game.table import Table, Turn


@dataclass(frozen=True)
class GameContext:
    """The hall's side of one game.

    Attributes:
        clock: for deadlines, in seconds since 1970.
        keep: writes how the table stands into the journal, with a turn; raises ``LeagueError``
            where it cannot.
        show: takes over how the table stands, and shows it to who watches.
    """

    clock: Callable[[], float]
    keep: Callable[[Table, Turn | None], Awaitable[None]]
    show: Callable[[Table], None]
