"""The seam to a league that runs: its Secret, and what it says of itself.

One Protocol; ``operator.kube.leagues`` implements it over the API server and HTTPS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trainingrun_contracts.league_report import (
    LeagueReport,
    TableMarks,
    TournamentOrder,
    TournamentReport,
)

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

    async def entries(self, league: LeagueAddress, secret: str) -> frozenset[str] | None:
        """The entries of a Secret in a league's namespace that are not empty; None where there is
        no such Secret.

        Raises:
            BackendError: refused.
        """

    async def report(self, league: LeagueAddress) -> LeagueReport:
        """What it says of itself.

        Raises:
            LeagueSilent: there is no answer.
        """

    async def order(
        self, league: LeagueAddress, key: str, order: TournamentOrder
    ) -> TournamentReport:
        """The tournament of a key, made unless it is there.

        Raises:
            LeagueSilent: there is no answer.
            LeagueRefused: it cannot be.
        """

    async def tournament(self, league: LeagueAddress, id: str) -> TournamentReport:
        """A tournament that was made.

        Raises:
            LeagueSilent: there is no answer.
            LeagueRefused: it is not there.
        """

    async def mark_tables(self, league: LeagueAddress, marks: TableMarks) -> None:
        """Say which runs are over and which are not.

        Raises:
            LeagueSilent: there is no answer.
            LeagueRefused: it is of a version that does not know of this.
        """

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a league that is gone."""

    async def close(self) -> None:
        """Close connections."""
