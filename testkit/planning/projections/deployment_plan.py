"""``deployment-plan.md``: its instance prices, its two options, its month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from trainingrun.estimate.prices import HOURS_A_MONTH, Provider

from testkit.planning.projections.claims import Claim

DOCUMENT: Final = "deployment-plan"
_claim = partial(Claim, document=DOCUMENT)
_SPOT_PART: Final = 0.3
"""Of the price on demand: `spot price ~70% cheaper`."""
_INSTANCES: Final = (
    ("g4dn.xlarge", 0.526, 0.16),
    ("g4dn.2xlarge", 0.752, 0.23),
    ("g5.xlarge", 1.006, 0.30),
    ("p3.2xlarge", 3.06, 0.92),
    ("c6i.xlarge", 0.17, 0.05),
    ("c6i.2xlarge", 0.34, 0.10),
    ("c6i.4xlarge", 0.68, 0.20),
)
_LISTED: Final = ("g4dn.xlarge", "c6i.4xlarge")
"""Of these the price list has prices that are not the document's own."""
_GPU, _GPU_SPOT, _DAEMON, _DAEMON_SPOT = 0.526, 0.16, 0.34, 0.10


def deployment_plan(providers: Mapping[str, Provider]) -> Iterator[Claim]:
    """Every figure of its tables."""
    yield from _instances(providers)
    yield from _options()
    yield from _month()


def _instances(providers: Mapping[str, Provider]) -> Iterator[Claim]:
    claim = partial(_claim, table="Instance prices")
    for name, on_demand, spot in _INSTANCES:
        yield claim(
            row=name,
            quantity="$/h on spot",
            said=spot,
            ours=on_demand * _SPOT_PART,
            how=f"${on_demand} less 70 %",
        )
    for name, on_demand, spot in _INSTANCES:
        if name in _LISTED:
            machine = providers["aws"].machines[name]
            where = f"price list, {providers['aws'].region}"
            yield claim(
                row=name,
                quantity="$/h on demand",
                said=on_demand,
                ours=machine.on_demand,
                how=where,
            )
            yield claim(
                row=name,
                quantity="$/h on spot, today",
                said=spot,
                ours=None if machine.spot is None else machine.spot.likely,
                how="the middle zone",
                moved=where,
            )
    yield claim(
        row="c6i.4xlarge",
        quantity="$/h on spot, the same size",
        said=0.20,
        ours=0.27,
        how="training-speedup's c5.4xlarge, $0.68 on demand too",
        against="training-speedup, Recommended cloud configuration: 60 % off and not 70 %",
    )


def _options() -> Iterator[Claim]:
    claim = partial(_claim, table="Architecture options", quantity="$/h on spot")
    yield claim(row="A: one g4dn.xlarge", said=0.16, ours=_GPU * _SPOT_PART, how="$0.526 less 70 %")
    yield claim(
        row="B: g4dn.xlarge and c6i.2xlarge",
        said=0.26,
        ours=(_GPU + _DAEMON) * _SPOT_PART,
        how="$0.526 + $0.34 less 70 %",
    )


def _month() -> Iterator[Claim]:
    claim = partial(_claim, table="Cost comparison, a month")
    rows = (
        ("g4dn.xlarge 24/7", "$ on demand", 378, _GPU * HOURS_A_MONTH),
        ("g4dn.xlarge 24/7", "$ on spot", 115, _GPU_SPOT * HOURS_A_MONTH),
        ("g4dn.xlarge 12 h a day", "$ on demand", 189, _GPU * HOURS_A_MONTH / 2),
        ("g4dn.xlarge 12 h a day", "$ on spot", 58, _GPU_SPOT * HOURS_A_MONTH / 2),
        ("with c6i.2xlarge daemon", "$ more on demand", 245, _DAEMON * HOURS_A_MONTH),
        ("with c6i.2xlarge daemon", "$ more on spot", 72, _DAEMON_SPOT * HOURS_A_MONTH),
        ("g4dn.xlarge 24/7", "saved, %", 70, (1 - _GPU_SPOT / _GPU) * 100),
        ("g4dn.xlarge 12 h a day", "saved, %", 70, (1 - _GPU_SPOT / _GPU) * 100),
        ("with c6i.2xlarge daemon", "saved, %", 70, (1 - _DAEMON_SPOT / _DAEMON) * 100),
    )
    for row, quantity, said, ours in rows:
        yield claim(row=row, quantity=quantity, said=said, ours=ours, how="30 days of 24 hours")
