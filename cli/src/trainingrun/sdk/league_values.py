"""What a league says of itself, as values: models, ratings, matches, tournaments. All frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from msgspec import Struct

from trainingrun.sdk.values import STATE


class Stage(Enum):
    """Where a model stands."""

    PENDING = "pending"
    """Published; no worker has tried it."""
    VALIDATED = "validated"
    """It is rated; the gate has not decided."""
    CHAMPION = "champion"
    REJECTED = "rejected"
    RETIRED = "retired"
    """A champion that another one followed."""


class Role(Enum):
    """What a run's models are in the population, as ``leagueRef.role`` says it."""

    MAIN = "main"
    """It can become the champion."""
    MAIN_EXPLOITER = "main exploiter"
    """It is made to beat the main models, and is never promoted; nor is the next."""
    LEAGUE_EXPLOITER = "league exploiter"


class TournamentFormat(Enum):
    """Who meets whom, as a Tournament says it."""

    ROUND_ROBIN = "RoundRobin"
    SINGLE_ELIMINATION = "SingleElimination"
    SWISS = "Swiss"


@dataclass(frozen=True)
class LocalLeague:
    """A league of this machine, as ``trainingrun league up`` starts it."""

    name: str = "league"
    state: Path = STATE


@dataclass(frozen=True)
class LeagueAt:
    """A league anywhere.

    Attributes:
        services: ``host:port`` of each service by its name; ``model``, ``elo`` and so on.
        token: of the league, for services.
        authority: PEM of who signs its certificates; None trusts the system's.
        is_encrypted: False speaks without TLS.
    """

    services: dict[str, str]
    token: str = field(repr=False)
    authority: bytes | None = field(default=None, repr=False)
    is_encrypted: bool = True


LeaguePlace = LocalLeague | LeagueAt


class Model(Struct, frozen=True):
    """A published model."""

    id: str
    lineage: str
    version: int
    stage: Stage
    reason: str
    algorithm: str
    simulations: int
    training_games: int
    sha256: str
    size: int
    schema_hash: str
    published_at: datetime
    role: Role = Role.MAIN
    parent: str | None = None
    problem: str | None = None
    """Why it may not be used."""
    decisions_per_second: float | None = None
    """Of the worker that validated it."""


class StageChange(Struct, frozen=True):
    """One change of a model's stage; ``before`` is None for its publication."""

    at: datetime
    before: Stage | None
    after: Stage
    by: str
    reason: str


class ModelHistory(Struct, frozen=True):
    """A model, how it came to its stage (oldest first), and whom it descends from."""

    model: Model
    changes: tuple[StageChange, ...]
    ancestors: tuple[Model, ...]


class RankedPlayer(Struct, frozen=True):
    """A player with its rating; None where no games link it to the others."""

    id: str
    rank: int | None
    elo: float | None
    error: float | None
    games: int


class Ratings(Struct, frozen=True):
    """All players, the best first."""

    players: tuple[RankedPlayer, ...]
    fitted_at: datetime | None


class Score(Struct, frozen=True):
    """Results, seen from the first player."""

    wins: int
    draws: int
    losses: int


class PlayedMatch(Struct, frozen=True):
    """A match that was rated."""

    id: str
    at: datetime
    purpose: str
    first: str
    second: str
    score: Score


class Queue(Struct, frozen=True):
    """What the Matchmaker has before it."""

    waiting_players: int
    oldest_wait_seconds: float
    open_matches: int
    leased_matches: int
    matches_per_minute: float
    wanted_workers: int
    reported_matches: int


class Standing(Struct, frozen=True):
    """A player's place in a tournament."""

    rank: int
    player: str
    points: float
    tie_break: float
    score: Score


class Tournament(Struct, frozen=True):
    """A tournament, as far as it has come."""

    id: str
    name: str
    format: TournamentFormat
    state: str
    round: int
    rounds: int
    entrants: tuple[str, ...]
    standings: tuple[Standing, ...]
    problem: str = ""


class TournamentRequest(Struct, frozen=True):
    """A tournament to be played; None takes the league's default."""

    name: str
    format: TournamentFormat
    entrants: tuple[str, ...]
    pairs_per_match: int | None = None
    rounds: int | None = None
    seed: int = 0


class ReplayStats(Struct, frozen=True):
    """What the Replay service holds; rates in experiences a second."""

    items: int
    experiences: int
    bytes: int
    recorded: int
    sampled: int
    evicted: int
    archived: int
    samples_per_insert: float
    recorded_per_second: float
    sampled_per_second: float
    writers_held_seconds: float
    readers_held_seconds: float
    readable: int


class ReplayTable(Struct, frozen=True):
    """A replay table that has a name: as a rule that of a run, whose identity is its name.

    Attributes:
        keeper: who says when its run is over; empty: no one.
        is_used: somebody recorded, sampled or opened it a short while ago.
        ended_at: since when its run is over; None: it is not, as far as is known.
        goes_at: when it is removed by itself.
        problem: why it is not served; empty: it is.
    """

    name: str
    items: int
    experiences: int
    bytes: int
    journal_bytes: int
    keeper: str
    idle_seconds: float
    is_used: bool
    ended_at: datetime | None = None
    goes_at: datetime | None = None
    problem: str = ""


class DroppedTable(Struct, frozen=True):
    """What a table held that was dropped, and where that is archived, if it is."""

    name: str
    items: int
    experiences: int
    journal_bytes: int
    archived_at: str = ""


class ServiceHealth(Struct, frozen=True):
    """One service of a league, and whether it serves."""

    service: str
    address: str
    serves: bool
    problem: str = ""
