"""The planner with the documents' assumptions: their rates, their prices, no actors, no limits."""

from __future__ import annotations

from typing import Final

from trainingrun.estimate.band import exactly
from trainingrun.estimate.bill import Buying, Choice, Shop
from trainingrun.estimate.interruptions import Interruptions
from trainingrun.estimate.limits import Limit
from trainingrun.estimate.needs import Needs, Size
from trainingrun.estimate.plan import Goal, Plan, Question, Quote, make_plan
from trainingrun.estimate.prices import Machine, Provider, SpotPrice
from trainingrun.estimate.rate import Rate

TEN_MILLION: Final = 10_000_000
PER_DAEMON: Final = {"cloud-architecture": 6_000.0, "training-speedup": 3_600.0}
"""Games of a daemon in an hour, by the two documents with tables of games."""
_NO_LIMIT: Final = (Limit("none", 1e12, "the documents bound nothing"),)


def _machine(vcpus: float, gib: float, on_demand: float, spot: float | None = None) -> Machine:
    price = None if spot is None else SpotPrice(spot, spot, spot)
    return Machine(vcpus=vcpus, memory_gib=gib, on_demand=on_demand, gpus=1, spot=price)


PRICES: Final = Provider(
    region="us-east-1",
    daemons="c5.4xlarge",
    learner="g4dn.xlarge",
    cpu_learner="g4dn.xlarge",
    redis="cache.r5.large",
    machines={
        "c5.4xlarge": _machine(16, 32, 0.68, 0.27),
        "c6i.2xlarge": _machine(8, 16, 0.34, 0.10),
        "c5.xlarge": _machine(4, 8, 0.17, 0.05),
        "g4dn.xlarge": _machine(4, 16, 0.526, 0.16),
        "p3.2xlarge": _machine(8, 61, 3.06, 0.92),
        "cache.r5.large": _machine(2, 13, 0.166),
    },
)
"""The documents' prices. c5.xlarge, which they do not price, is taken as their c6i.xlarge."""


def plan_of(document: str, daemons: int, *, each: int, buying: Buying) -> Plan:
    """Ten million games on this many daemons, ``each`` of them on a c5.4xlarge."""
    rate = Rate(exactly(PER_DAEMON[document]), 1.0, document, "")
    return make_plan(
        Question(
            needs=_needs(daemons),
            goal=Goal(TEN_MILLION),
            rate=rate,
            limits=_NO_LIMIT,
            shops=[Shop("documents", PRICES, Choice(daemons="c5.4xlarge", each=each))],
            buyings=[buying],
            interruptions=Interruptions(exactly(0.0), exactly(0.0)),
        )
    )


def price_of(quote: Quote, *roles: str) -> float:
    """The whole price of a quote, of these roles only; of all where none is named."""
    parts = [part for part in quote.bill.parts if not roles or part.role in roles]
    return sum(part.hourly.likely for part in parts) * quote.hours.likely


def _needs(daemons: int) -> Needs:
    return Needs(
        name="documents",
        games=TEN_MILLION,
        fewest=daemons,
        most=daemons,
        external=False,
        slots=1,
        daemon=Size(1.0, 2.0),
        actors_per_daemon=0.0,
        actors_fixed=0,
        actor_cores=None,
        gpus=1,
        learner_cores=None,
        learner_gib=None,
        epochs=2,
        network="mlp",
        evaluation_share=0.0,
        daemon_spot=True,
        actor_spot=True,
        learner_spot=True,
        cost=None,
        is_local=False,
    )
