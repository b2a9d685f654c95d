"""Finding the client of a place among the installed packages."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final, cast

from trainingrun_contracts.client.errors import NotReachable
from trainingrun_contracts.client.interface import TrainingRuns
from trainingrun_contracts.client.values import LocalPlace, Place

GROUP: Final = "trainingrun.clients"


def connect(place: Place | None = None) -> TrainingRuns:
    """The client of a place; by default of this machine.

    Raises:
        NotReachable: no installed package knows such places, or this one gives no access.
    """
    wanted = place if place is not None else LocalPlace()
    found = list(entry_points(group=GROUP, name=wanted.kind))
    if not found:
        raise NotReachable(
            f"no client for a {wanted.kind} place is installed: install trainingrun-operator"
        )
    make = cast(Callable[[Place], TrainingRuns], found[0].load())
    return make(wanted)
