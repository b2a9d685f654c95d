"""The client of a place; what a place needs is imported only where it is asked for."""

from __future__ import annotations

from trainingrun.sdk.interface import TrainingRuns
from trainingrun.sdk.values import ClusterPlace, LocalPlace, Place


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
