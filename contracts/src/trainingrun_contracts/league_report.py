"""What a league says of itself to its operator, as JSON over HTTP.

Belongs here: the values of ``/operator/…``, which the league's process serves
and the operator reads. Does not belong here: what players and workers say (``league``, by gRPC); a
host that only follows a league needs no gRPC, and the operator has none.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

OPERATOR_PATH: Final = "/operator"
STATUS_PATH: Final = f"{OPERATOR_PATH}/status"
TOURNAMENTS_PATH: Final = f"{OPERATOR_PATH}/tournaments/"
"""Followed by a key to ask for one (PUT: it is made unless it is there), or by its id (GET)."""
TABLES_PATH: Final = f"{OPERATOR_PATH}/tables"
"""PUT: which runs of the operator's are over (``TableMarks``)."""
OPERATOR_KEEPER: Final = "operator"
"""How the operator is called where a replay table says who knows its run's end."""
LONGEST_KEEPER: Final = 256
"""Characters of such a name."""
REPORT_BYTES: Final = 256 * 1024
"""Of the largest answer."""
ORDER_BYTES: Final = 64 * 1024
"""Of the largest request."""

Count = Annotated[int, Meta(ge=0)]
Text = Annotated[str, Meta(max_length=1024)]
Player = Annotated[str, Meta(min_length=1, max_length=200)]


class QueueReport(Struct, frozen=True, rename="camel"):
    """What waits in the Matchmaker."""

    players: Count = 0
    """That wait for an opponent."""
    open_matches: Count = 0
    leased_matches: Count = 0
    wanted_workers: Count = 0
    """Workers that would play what is open within a minute."""
    reported_matches: Count = 0


class TableReport(Struct, frozen=True, rename="camel"):
    """A replay table of a run that the operator has."""

    name: Annotated[str, Meta(max_length=128)]
    ended: bool = False
    """Whether the service knows its run to be over."""


class TableMarks(Struct, frozen=True, rename="camel"):
    """Tables whose runs are over, and those whose runs are not."""

    ended: tuple[str, ...] = ()
    live: tuple[str, ...] = ()


class TablesMarked(Struct, frozen=True, rename="camel"):
    """The answer."""

    changed: Count = 0


class LeagueReport(Struct, frozen=True, rename="camel"):
    """A league as it is now; what is not known is absent."""

    models: Count | None = None
    champion: Text | None = None
    games: Count | None = None
    queue: QueueReport | None = None
    tables: Annotated[tuple[TableReport, ...], Meta(max_length=1024)] = ()
    """Replay tables of the operator's runs."""
    problem: Text | None = None
    """Why something is not known, for people."""


class TournamentFormat(Enum):
    """By which plan players meet."""

    ROUND_ROBIN = "RoundRobin"
    SINGLE_ELIMINATION = "SingleElimination"
    SWISS = "Swiss"


class TournamentOrder(Struct, frozen=True, rename="camel"):
    """A tournament as it is asked for."""

    name: Text
    entrants: Annotated[tuple[Player, ...], Meta(min_length=2, max_length=64)]
    format: TournamentFormat
    pairs_per_match: Annotated[int, Meta(ge=1, le=1000)] = 1
    rounds: Annotated[int, Meta(ge=0, le=63)] = 0
    """Of a Swiss tournament; 0: enough to find one winner."""
    seed: Count = 1


class TournamentState(Enum):
    """How far a tournament is."""

    RUNNING = "Running"
    COMPLETE = "Complete"
    FAILED = "Failed"


class StandingReport(Struct, frozen=True, rename="camel"):
    """A player's place."""

    player: Player
    rank: Count
    points: float = 0.0
    tie_break: float = 0.0
    wins: Count = 0
    draws: Count = 0
    losses: Count = 0


class TournamentReport(Struct, frozen=True, rename="camel"):
    """A tournament as it is now."""

    id: Text
    state: TournamentState
    round: Count = 0
    rounds: Count = 0
    standings: Annotated[tuple[StandingReport, ...], Meta(max_length=64)] = ()
    problem: Text = ""


class Refusal(Struct, frozen=True):
    """Why a request was refused, for people; the body of every answer that is not 200."""

    problem: Text
