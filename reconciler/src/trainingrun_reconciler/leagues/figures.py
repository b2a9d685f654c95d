"""The metrics of leagues, from the latest reconcile of each.

Of every league the same families, labelled with namespace and name. What the services count
themselves is on their own pages; here is what the operator knows better: whether all of it serves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric as Family
from trainingrun_api.conditions import ConditionStatus
from trainingrun_api.league import League
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import family
from trainingrun_contracts.metrics import Metric, Server, served_by

_Sample = tuple[Metric, tuple[str, ...], float | None]


def league_families(leagues: Iterable[League]) -> Iterator[Family]:
    """All metrics of all leagues; what is not known has no sample."""
    found: dict[Metric, dict[tuple[str, ...], float]] = defaultdict(dict)
    for league in leagues:
        owner = (league.metadata.namespace or "", league.metadata.name)
        for metric, labels, number in _samples(league):
            if number is not None:
                found[metric][*owner, *labels] = number
    for metric in served_by(Server.LEAGUES):
        yield family(metric, found[metric].items())


def _samples(league: League) -> Iterator[_Sample]:
    status = league.status
    for condition in status.conditions:
        if condition.status is not ConditionStatus.UNKNOWN:
            yield metrics.LEAGUE_CONDITION, (condition.type,), float(condition.is_true)
    yield metrics.LEAGUE_SERVICES, (), status.services
    yield metrics.LEAGUE_WORKERS_MOST, (), league.spec.workers.max_replicas
    if status.workers is not None:
        yield metrics.LEAGUE_WORKERS, ("wanted",), status.workers.wanted
        yield metrics.LEAGUE_WORKERS, ("desired",), status.workers.desired
        yield metrics.LEAGUE_WORKERS, ("ready",), status.workers.ready
