"""Which models of a league a run trains against, by its role in the population. Pure.

After AlphaStar (Vinyals et al. 2019, supplement): a main run and a league exploiter meet the whole
pool, a main exploiter the newest model of each main lineage. How often each is met is the
actors' matter: they draw by ``selfPlay.pfsp``, from the run's own results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun_contracts.run_config import PopulationRole

MOST: Final = 16
"""Models that are kept for the actors, as many as own snapshots."""


@dataclass(frozen=True)
class PoolModel:
    """A model that an actor can play.

    Attributes:
        id: names it in the league.
        lineage: that trains it.
        is_main: whether that lineage is a main one.
        sha256: of its bytes.
    """

    id: str
    lineage: str
    is_main: bool
    sha256: str


def opponents_of(
    models: Iterable[PoolModel], role: PopulationRole, *, lineage: str
) -> tuple[PoolModel, ...]:
    """Return whom a run meets, the newest first.

    Args:
        models: that can be played, the newest first.
        role: of the run.
        lineage: of the run; a main exploiter never meets its own.
    """
    if role == "MainExploiter":
        mains = [each for each in models if each.is_main and each.lineage != lineage]
        return tuple(_newest_of_each(mains)[:MOST])
    found = list(models)
    first = _newest_of_each(found)[:MOST]
    others = [each for each in found if each not in first]
    kept = {each.id for each in (*first, *_evenly(others, MOST - len(first)))}
    return tuple(each for each in found if each.id in kept)


def _newest_of_each(models: Sequence[PoolModel]) -> list[PoolModel]:
    newest: dict[str, PoolModel] = {}
    for each in models:
        newest.setdefault(each.lineage, each)
    return list(newest.values())


def _evenly(models: Sequence[PoolModel], count: int) -> list[PoolModel]:
    """Return this many, from all ages alike; the oldest is always one."""
    if len(models) <= count:
        return list(models)
    return [models[len(models) * (place + 1) // count - 1] for place in range(count)]
