"""``rl-services.md``: what its three set-ups cost in a month."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from trainingrun.estimate.prices import HOURS_A_MONTH

from testkit.planning.projections.claims import Claim
from testkit.planning.projections.reckoning import PRICES

DOCUMENT: Final = "rl-services"
_claim = partial(Claim, document=DOCUMENT, table="Cost optimization, a month")
_AGAINST: Final = (
    "deployment-plan, Instance prices: p3.2xlarge ~$0.92 on spot; only with its g4dn.xlarge"
    " (`Best starting point`; p3 is `Overkill`) the same machines cost ${cheaper:.0f}"
)


def rl_services() -> Iterator[Claim]:
    """Every figure of its profiles."""
    yield from _production()
    yield from _development()
    yield from _hobby()
    yield _claim(
        row="training cluster",
        quantity="saved by spot, %",
        said=70,
        ours=(1 - _spot("g4dn.xlarge") / PRICES.machines["g4dn.xlarge"].on_demand) * 100,
        how="g4dn.xlarge in deployment-plan",
    )


def _production() -> Iterator[Claim]:
    ends = (("least", 500, 2, 5), ("most", 1000, 3, 10))
    for end, said, learners, actors in ends:
        workers = actors * _spot("c5.xlarge")
        ours = (learners * _spot("p3.2xlarge") + workers) * HOURS_A_MONTH
        cheaper = (learners * _spot("g4dn.xlarge") + workers) * HOURS_A_MONTH
        yield _claim(
            row=f"Production, {end}",
            quantity="$",
            said=said,
            ours=ours,
            how=f"{learners} p3.2xlarge and {actors} c5.xlarge on spot all month, no services",
            against=_AGAINST.format(cheaper=cheaper),
        )


def _development() -> Iterator[Claim]:
    gpu, actor = PRICES.machines["g4dn.xlarge"].on_demand, PRICES.machines["c5.xlarge"].on_demand
    for end, said, actors in (("least", 50, 2), ("most", 100, 3)):
        hours = said / (gpu + actors * actor)
        yield _claim(
            row=f"Development, {end}",
            quantity="$",
            said=said,
            ours=None,
            how=f"buys {hours:.0f} h of a g4dn.xlarge and {actors} c5.xlarge on demand",
            lacking="how many hours the machines run is not said",
        )


def _hobby() -> Iterator[Claim]:
    for end, said in (("least", 20), ("most", 30)):
        yield _claim(
            row=f"Personal, {end}",
            quantity="$",
            said=said,
            ours=None,
            how=f"is ${said / HOURS_A_MONTH:.3f} an hour, all month",
            lacking="neither the instance nor its hours are said",
        )


def _spot(name: str) -> float:
    spot = PRICES.machines[name].spot
    return 0.0 if spot is None else spot.likely
