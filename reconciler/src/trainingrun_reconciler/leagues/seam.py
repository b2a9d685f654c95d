"""The seam to a league that runs: its Secret, and what it says of itself.

One Protocol; ``operator.kube.leagues`` implements it over HTTP, ``memory`` is the fake that tests
use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from trainingrun_contracts.league_report import LeagueReport, TournamentOrder, TournamentReport

from trainingrun_reconciler.owner import Owner


class LeagueSilent(Exception):
    """It gives no answer now; the message says why, and no more than people may read."""


class LeagueRefused(Exception):
    """It refuses what was asked, whenever it is asked; the message is its own sentence."""


@dataclass(frozen=True)
class LeagueAddress:
    """Which league: its name and namespace say where it is."""

    namespace: str
    name: str


class Leagues(Protocol):
    """Leagues that run."""

    async def prepare(self, owner: Owner, certificate: str | None) -> None:
        """Make the Secret of a league unless it is there; ``certificate`` names the Secret whose
        authority is trusted besides.

        Raises:
            BackendError: refused.
        """

    async def report(self, league: LeagueAddress) -> LeagueReport:
        """What it says of itself.

        Raises:
            LeagueSilent: there is no answer.
        """

    async def tournament(
        self, league: LeagueAddress, key: str, order: TournamentOrder
    ) -> TournamentReport:
        """The tournament of a key, made unless it is there.

        Raises:
            LeagueSilent: there is no answer.
            LeagueRefused: it cannot be.
        """

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a league that is gone."""

    async def close(self) -> None:
        """Close connections."""


@dataclass
class MemoryLeagues:
    """Leagues in memory: what they answer is put there."""

    reports: dict[LeagueAddress, LeagueReport] = field(default_factory=dict)
    tournaments: dict[str, TournamentReport | LeagueRefused] = field(default_factory=dict)
    prepared: list[str] = field(default_factory=list)
    ordered: dict[str, TournamentOrder] = field(default_factory=dict)

    async def prepare(self, owner: Owner, certificate: str | None) -> None:  # noqa: ARG002
        """Remember it."""
        self.prepared.append(owner.uid)

    async def report(self, league: LeagueAddress) -> LeagueReport:
        """What was put there."""
        try:
            return self.reports[league]
        except KeyError as error:
            raise LeagueSilent("it cannot be reached") from error

    async def tournament(
        self, league: LeagueAddress, key: str, order: TournamentOrder
    ) -> TournamentReport:
        """What was put there."""
        if league not in self.reports or key not in self.tournaments:
            raise LeagueSilent("it cannot be reached")
        self.ordered.setdefault(key, order)
        found = self.tournaments[key]
        if isinstance(found, LeagueRefused):
            raise found
        return found

    def forget(self, uid: str) -> None:
        """Nothing is remembered."""

    async def close(self) -> None:
        """Nothing is open."""
