"""The client of a place; what a place needs is imported only where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from trainingrun_api.resource import Resource, ResourceDefinition

from trainingrun.sdk.interface import TrainingRuns
from trainingrun.sdk.league_values import LeaguePlace
from trainingrun.sdk.values import ClusterPlace, LocalPlace, Place

if TYPE_CHECKING:
    from trainingrun.sdk.leagues import League
    from trainingrun.sdk.resources import ClusterResources

R = TypeVar("R", bound=Resource)


def connect(place: Place | None = None) -> TrainingRuns:
    """Return the client of a place; by default of this machine.

    Raises:
        NotReachable: the place gives no access.
    """
    match place:
        case None | LocalPlace():
            from trainingrun.sdk.local import LocalRuns  # noqa: PLC0415

            return LocalRuns(place or LocalPlace())
        case ClusterPlace():
            from trainingrun.sdk.cluster import ClusterRuns  # noqa: PLC0415

            return ClusterRuns(place)


def connect_to(
    definition: ResourceDefinition[R], place: ClusterPlace | None = None
) -> ClusterResources[R]:
    """Return the client of the resources of one kind on a cluster.

    Raises:
        NotReachable: the place gives no access.
    """
    from trainingrun.sdk.resources import ClusterResources  # noqa: PLC0415

    return ClusterResources(definition, place or ClusterPlace())


def connect_to_league(place: LeaguePlace | None = None) -> League:
    """Return the client of a league; by default of this machine's.

    Raises:
        NotFound: this machine has no such league.
        NotReachable: it is not up.
    """
    from trainingrun.sdk.leagues import league_of  # noqa: PLC0415

    return league_of(place)
