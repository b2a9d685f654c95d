"""``cloud-architecture.md``: its prices, its estimate of ten million games, its projections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from trainingrun.estimate.bill import Buying
from trainingrun.estimate.prices import Provider

from testkit.planning.projections.claims import Claim
from testkit.planning.projections.reckoning import plan_of, price_of

DOCUMENT: Final = "cloud-architecture"
_EACH: Final = 4
_claim = partial(Claim, document=DOCUMENT)
_PRICED: Final = (
    ("aws", "c5.4xlarge", 0.68),
    ("gcp", "n2-standard-8", 0.39),
    ("azure", "Standard_D8s_v3", 0.384),
    ("azure", "Standard_NC4as_T4_v3", 0.526),
    ("aws", "g4dn.xlarge", 0.526),
)
_TAKEN_OVER: Final = (
    ("aws", "cache.r5.large", 0.166),
    ("gcp", "n1-standard-4 + T4", 0.55),
    ("gcp", "Memorystore, a GB", 0.049),
)
_ROWS: Final = (
    ("1 machine, 4 daemons", 4, 24_000, 17 * 24.0, "17 days"),
    ("4 machines, 16 daemons", 16, 96_000, 4.3 * 24, "4.3 days"),
    ("10 machines, 40 daemons", 40, 240_000, 1.7 * 24, "1.7 days"),
    ("20 machines, 80 daemons", 80, 480_000, 21.0, "21 hours"),
    ("K8s cluster, 160 daemons", 160, 960_000, 10.0, "10 hours"),
)
_SAME_MACHINE_HOURS: Final = (
    "the rows for 4, 10 and 20 machines among themselves: all are 417 machine-hours, at $0.68"
    " $283, and only the hours of the learner and Redis differ"
)
_COSTS: Final = (
    ("4 machines, 16 daemons", 16, 260.0, Buying.ON_DEMAND, _SAME_MACHINE_HOURS),
    ("10 machines, 40 daemons", 40, 300.0, Buying.ON_DEMAND, ""),
    ("20 machines, 80 daemons", 80, 340.0, Buying.ON_DEMAND, _SAME_MACHINE_HOURS),
    (
        "K8s cluster, 160 daemons",
        160,
        200.0,
        Buying.SPOT,
        "the spot price of c5.4xlarge, $0.27 (training-speedup, recommended configuration)",
    ),
)


def cloud_architecture(providers: Mapping[str, Provider]) -> Iterator[Claim]:
    """Every figure of its tables."""
    yield from _prices(providers)
    yield from _estimate()
    yield from _projections()
    yield from _speedups()


def _prices(providers: Mapping[str, Provider]) -> Iterator[Claim]:
    claim = partial(_claim, table="Cloud provider recommendations", quantity="$/h on demand")
    for provider, name, said in _PRICED:
        ours = providers[provider].machines[name].on_demand
        how = f"price list, {providers[provider].region}"
        yield claim(row=f"{provider} {name}", said=said, ours=ours, how=how)
    for provider, name, said in _TAKEN_OVER:
        lacking = "the price list takes the document's own figure over; not checked"
        yield claim(row=f"{provider} {name}", said=said, ours=None, how="", lacking=lacking)


def _estimate() -> Iterator[Claim]:
    claim = partial(_claim, table="10M games estimate", row="4 daemon servers, 16 daemons")
    asked = plan_of(DOCUMENT, 16, each=_EACH, buying=Buying.ON_DEMAND)
    quote = asked.quotes[0]
    yield claim(
        quantity="games/h",
        said=100_000,
        ours=asked.fleets.likely.games_per_hour,
        how="16 daemons of 6,000",
    )
    yield claim(quantity="hours", said=100, ours=quote.hours.likely, how="10M over 96,000 an hour")
    yield claim(
        quantity="$",
        said=400,
        ours=price_of(quote),
        how="4 x $0.68 + $0.526 + $0.166 for 104.2 h",
        against="its own price table above it, and `4 machines: $260` in its projections",
    )
    spot = plan_of(DOCUMENT, 16, each=_EACH, buying=Buying.SPOT).quotes[0]
    yield claim(
        quantity="$ on spot",
        said=150,
        ours=price_of(spot),
        how="4 x $0.27 + $0.16 + $0.166 for 104.2 h",
    )


def _projections() -> Iterator[Claim]:
    claim = partial(_claim, table="Scaling projections")
    for row, daemons, games, hours, as_written in _ROWS:
        plan = plan_of(DOCUMENT, daemons, each=_EACH, buying=Buying.ON_DEMAND)
        yield claim(
            row=row,
            quantity="games/h",
            said=games,
            ours=plan.fleets.likely.games_per_hour,
            how=f"{daemons} daemons of 6,000",
        )
        yield claim(
            row=row,
            quantity=f"10M games, hours ({as_written})",
            said=hours,
            ours=plan.quotes[0].hours.likely,
            how=f"10M over {games:,} an hour",
        )
    yield claim(row="1 machine, 4 daemons", quantity="$", said=0, ours=0.0, how="a machine at hand")
    for row, daemons, said, buying, against in _COSTS:
        quote = plan_of(DOCUMENT, daemons, each=_EACH, buying=buying).quotes[0]
        alone = price_of(quote, "daemon")
        hours = quote.hours.likely
        how = f"its prices with learner and Redis for {hours:.1f} h; daemons ${alone:.0f}"
        yield claim(
            row=row, quantity="$", said=said, ours=price_of(quote), how=how, against=against
        )


def _speedups() -> Iterator[Claim]:
    """Two documents give the same measures different effects."""
    claim = partial(_claim, table="Speedup strategies")
    rows = (
        ("JVM options", "least", 1.1, 1.3),
        ("JVM options", "most", 1.2, 1.5),
        ("batched requests", "least", 1.2, 1.2),
        ("batched requests", "most", 1.5, 1.3),
        ("connections kept", "most", 1.1, 1.2),
        ("asynchronous training", "least", 1.5, 1.5),
        ("asynchronous training", "most", 2.0, 2.0),
        ("mixed precision", "least", 1.5, 1.5),
        ("mixed precision", "most", 2.0, 2.0),
    )
    for row, end, said, other in rows:
        yield claim(
            row=row,
            quantity=f"times as fast, {end}",
            said=said,
            ours=other,
            how="training-speedup's figure for the same measure",
            against="training-speedup, Summary",
        )
