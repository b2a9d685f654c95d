"""``training-speedup.md``: its profile, its scaling tables, its configuration, its summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import prod
from typing import Final

from trainingrun.estimate.bill import Buying
from trainingrun.estimate.fleet import daemons_on
from trainingrun.estimate.needs import Size
from trainingrun.estimate.prices import Machine, Provider

from testkit.planning.projections.claims import Claim
from testkit.planning.projections.reckoning import (
    PRICES,
    TEN_MILLION,
    plan_of,
    price_of,
)

DOCUMENT: Final = "training-speedup"
_EACH: Final = 14
_claim = partial(Claim, document=DOCUMENT)
_SINGLE: Final = ((8, 6, 21_600), (16, 14, 50_400), (32, 30, 108_000), (64, 60, 216_000))
_MULTI: Final = (
    (1, 14, 50_400, 8.3 * 24, "8.3 days"),
    (4, 56, 201_600, 2.1 * 24, "2.1 days"),
    (10, 140, 504_000, 20.0, "20 hours"),
    (20, 280, 1_008_000, 10.0, "10 hours"),
)
_TIERS: Final = ((1.3, 1.5), (1.1, 1.2), (1.2, 1.3), (1.5, 2.0))
"""JVM, connections, batches, asynchronous training: what is beside many daemons and the GPU."""


def training_speedup(providers: Mapping[str, Provider]) -> Iterator[Claim]:
    """Every figure of its tables."""
    yield from _profile()
    yield from _single()
    yield from _multi()
    yield from _configuration(providers)
    yield from _summary()


def _profile() -> Iterator[Claim]:
    claim = partial(_claim, table="Current performance baseline", row="10 workers")
    yield claim(quantity="games/s", said=1.4, ours=10 / 7.3, how="10 workers over 7.3 s a game")
    yield claim(quantity="games/h", said=5_000, ours=1.4 * 3600, how="1.4 games/s")
    yield claim(
        quantity="10M games, days", said=83, ours=TEN_MILLION / 5_040 / 24, how="5,040 an hour"
    )
    yield claim(
        row="Phase 1, before",
        quantity="games/s",
        said=7,
        ours=1.4,
        how="the profile's figure",
        against="Current performance baseline: ~1.4 games/s",
    )
    yield claim(
        row="Phase 1, after, 8 x 7",
        quantity="games/s",
        said=50,
        ours=7 * 8.0,
        how="`5-8x (7 → 35-50)`",
        against="its own factor of 8 in the same line",
    )


def _single() -> Iterator[Claim]:
    claim = partial(_claim, table="Single machine maximum")
    for vcpus, said, games in _SINGLE:
        machine = Machine(vcpus=vcpus, memory_gib=vcpus * 4.0, on_demand=0.0)
        daemons = daemons_on(machine, Size(1.0, 2.0))
        plan = plan_of(DOCUMENT, daemons, each=daemons, buying=Buying.ON_DEMAND)
        speed = plan.fleets.likely.games_per_hour
        row, how = f"{vcpus} CPUs", f"vCPUs - 2 = {daemons} daemons"
        yield claim(row=row, quantity="daemons", said=said, ours=float(daemons), how=how)
        yield claim(
            row=row, quantity="games/s", said=said, ours=speed / 3600, how=f"{how}, 1 game/s each"
        )
        yield claim(row=row, quantity="games/h", said=games, ours=speed, how=f"{how} of 3,600")
    small = Size(1.0, 4.0)
    yield claim(
        row="16 CPUs, `-Xmx4g` (tier 1)",
        quantity="daemons",
        said=14,
        ours=float(daemons_on(PRICES.machines["c5.4xlarge"], small)),
        how="32 GB less 2 for the system, 4 GB of heap each; with `-Xmx2g` (tier 2) 14 fit",
        against="c5.4xlarge has 32 GB (Recommended cloud configuration)",
    )


def _multi() -> Iterator[Claim]:
    claim = partial(_claim, table="Multi-machine scaling")
    for machines, said, games, hours, as_written in _MULTI:
        daemons = machines * _EACH
        plan = plan_of(DOCUMENT, daemons, each=_EACH, buying=Buying.ON_DEMAND)
        speed, quote = plan.fleets.likely.games_per_hour, plan.quotes[0]
        row, how = f"{machines} (16-core)", f"{machines} x 14 daemons"
        yield claim(
            row=row, quantity="daemons", said=said, ours=float(plan.fleets.likely.daemons), how=how
        )
        yield claim(row=row, quantity="games/s", said=said, ours=speed / 3600, how="1 game/s each")
        yield claim(row=row, quantity="games/h", said=games, ours=speed, how="3,600 each")
        yield claim(
            row=row,
            quantity=f"10M games, hours ({as_written})",
            said=hours,
            ours=quote.hours.likely,
            how=f"10M over {games:,} an hour",
        )


def _configuration(providers: Mapping[str, Provider]) -> Iterator[Claim]:
    claim = partial(_claim, table="Recommended cloud configuration", row="4 x c5.4xlarge")
    machine = PRICES.machines["c5.4xlarge"]
    each = daemons_on(machine, Size(1.0, 2.0))
    quote = plan_of(DOCUMENT, 56, each=each, buying=Buying.ON_DEMAND).quotes[0]
    spot = plan_of(DOCUMENT, 56, each=each, buying=Buying.SPOT).quotes[0]
    hourly = sum(part.hourly.likely for part in quote.bill.parts if part.role == "daemon")
    yield claim(quantity="daemons a machine", said=14, ours=float(each), how="vCPUs - 2")
    yield claim(quantity="daemons", said=56, ours=4.0 * each, how="4 x 14")
    yield claim(quantity="$/h", said=2.72, ours=hourly, how="4 x $0.68")
    yield claim(quantity="hours", said=50, ours=quote.hours.likely, how="10M over 201,600 an hour")
    yield claim(quantity="$", said=136, ours=price_of(quote, "daemon"), how="daemons alone, 49.6 h")
    yield claim(quantity="$/h of one on spot", said=0.27, ours=0.68 * 0.4, how="$0.68 less 60 %")
    yield claim(
        quantity="$ on spot", said=55, ours=price_of(spot, "daemon"), how="daemons alone, 49.6 h"
    )
    now = providers["aws"].machines["c5.4xlarge"].spot
    yield claim(
        quantity="$/h of one on spot, today",
        said=0.27,
        ours=None if now is None else now.likely,
        how="the middle zone",
        moved="price list, us-east-1",
    )
    yield from _against_the_other()


def _against_the_other() -> Iterator[Claim]:
    """The two documents' figures for the same machine."""
    claim = partial(_claim, table="The same machine in cloud-architecture", row="c5.4xlarge")
    other = plan_of("cloud-architecture", 16, each=4, buying=Buying.ON_DEMAND)
    against = "cloud-architecture, Scaling projections: 4 daemons of 6,000 games/h on a machine"
    rows = (
        ("daemons", 14.0, 4.0),
        ("games/h of a daemon", 3_600.0, 6_000.0),
        ("games/h of the machine", 50_400.0, 24_000.0),
        ("10M games on four, hours", 49.6, other.quotes[0].hours.likely),
    )
    for quantity, said, ours in rows:
        yield claim(
            quantity=quantity, said=said, ours=ours, how="cloud-architecture's", against=against
        )


def _summary() -> Iterator[Claim]:
    claim = partial(_claim, table="Summary, bottom line")
    least, most = (14 * prod(tier[end] for tier in _TIERS) for end in (0, 1))
    how = "14 daemons times JVM, connections, batches and asynchronous training"
    own = "its own factors in the table above it"
    table = "Single machine maximum: 16 CPUs, 14 games/s"
    yield claim(
        row="one 16-core machine, least",
        quantity="games/s",
        said=50,
        ours=least,
        how=how,
        against=f"{own}, and {table}",
    )
    yield claim(
        row="one 16-core machine, most",
        quantity="games/s",
        said=100,
        ours=most,
        how=how,
        against=f"{own}, and {table}",
    )
    yield claim(
        row="4 machines",
        quantity="games/s",
        said=200,
        ours=56.0,
        how="56 daemons of 1 game/s",
        against="Multi-machine scaling: 4 machines, 56 games/s",
    )
    quote = plan_of(DOCUMENT, 56, each=_EACH, buying=Buying.ON_DEMAND).quotes[0]
    days = quote.hours.likely / 24
    yield claim(row="4 machines", quantity="10M games, days", said=2, ours=days, how="56 games/s")
    yield claim(
        row="4 machines, at its 200 games/s",
        quantity="10M games, days",
        said=2,
        ours=TEN_MILLION / 200 / 86_400,
        how="10M over 200 a second",
        against="`~200+ games/sec` in the same sentence",
    )
    yield claim(
        row="4 machines",
        quantity="$",
        said=150,
        ours=price_of(quote, "daemon"),
        how="daemons alone; with learner and Redis $169",
        against="Recommended cloud configuration: the same run for ~$136",
    )
