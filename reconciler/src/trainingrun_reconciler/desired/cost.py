"""What a run costs: the prices of the spec, times the members that serve, over time.

The status is the memory, so that an operator that restarts continues the sum. Between two
reconciles the members of the earlier one are counted: without an operator nothing is scaled. Over a
long gap the operator was away, and only what there was before and after it is counted. External
daemons are not: their price is somebody else's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from trainingrun_api.limits import Cost
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import CostStatus

from trainingrun_reconciler.desired.observed import Observed
from trainingrun_reconciler.desired.rates import Rates
from trainingrun_reconciler.roles import ROLES

GAP_SECONDS: Final = 300.0
"""Reconciles further apart than this had no operator between them."""
_STEP_SECONDS: Final = 10.0
_DIGITS: Final = 8
"""So that ten seconds of a cheap member are not rounded away."""


def cost_so_far(run: TrainingRun, observed: Observed, *, now: float) -> CostStatus | None:
    """The costs up to now; None where the spec has no prices. Equal values stay the same object."""
    prices, standing = run.spec.cost, run.status.cost
    if prices is None:
        return None
    hourly = round(_hourly(prices, observed), _DIGITS)
    if standing is None:
        return _status(prices, hourly, spent=0.0, now=now)
    seconds = max(0.0, int(now) - standing.at.timestamp())
    same = standing.hourly == hourly and standing.currency == prices.currency
    if same and (seconds < _STEP_SECONDS or hourly == 0):
        return standing
    counted = min(standing.hourly, hourly) if seconds > GAP_SECONDS else standing.hourly
    spent = standing.spent + counted * seconds / 3600
    return _status(prices, hourly, spent=spent, now=now)


def projected(
    run: TrainingRun, cost: CostStatus | None, rates: Rates, *, played: int
) -> CostStatus | None:
    """The costs with what they will come to when all games are played, where that can be said."""
    if cost is None:
        return None
    total = None
    if rates.games and cost.hourly:
        hours = max(0, run.spec.games - played) / rates.games / 3600
        total = round(cost.spent + cost.hourly * hours, 2)
    return cost.model_copy(update={"projected_total": total})


def _hourly(prices: Cost, observed: Observed) -> float:
    return sum(
        each.price(prices) * len(observed.roles[each.role].ready)
        for each in ROLES
        if each.price is not None and each.role in observed.roles
    )


def _status(prices: Cost, hourly: float, *, spent: float, now: float) -> CostStatus:
    return CostStatus(
        hourly=hourly,
        spent=round(spent, _DIGITS),
        currency=prices.currency,
        at=datetime.fromtimestamp(int(now), tz=UTC),
    )
