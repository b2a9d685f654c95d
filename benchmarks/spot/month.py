"""A month of spot interruptions, in virtual time: what is lost and what is paid, by way of running.

Each form lives through the same months (seeds): on demand; the product by its defaults (daemons on
spot, the learner on demand); all of it on spot; and all of it on spot where nobody listens to the
notice and the Job counts every loss (the form that one writes first). How often machines are taken
is an input: the bands that AWS publishes for its types, by month. Prices are those of the
deployment plan: c6i.2xlarge for daemons, g4dn.xlarge for the learner.

What is assumed, and not measured: half of the losses come in storms of 60 % of a pool, after which
it has no room for an hour on average; a machine takes 60 to 180 s to come, a daemon 20 to 90 s to
start on it, a learner 60 to 180 s. When the learner ends is decided by the product's own code; the
world around it is ``spot_month_world``.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.measuring import Goal, parser, positive, report, tell
from benchmarks.spot.month_world import (
    AWS,
    GCP,
    HOUR,
    MONTH,
    Cloud,
    Figures,
    Form,
    Market,
    Month,
    Prices,
)

ON_DEMAND: Final = Form("on demand", spot_daemons=False, spot_learner=False)
DEFAULT: Final = Form("daemons on spot", spot_learner=False)
ALL_SPOT: Final = Form("all on spot")
NAIVE: Final = Form(
    "nobody listens", listens=False, falls_back=False, lost_node_seconds=60.0, backoff_limit=6
)
FORMS: Final = (ON_DEMAND, DEFAULT, ALL_SPOT, NAIVE)
BANDS: Final = (0.05, 0.10, 0.20, 0.40, 0.95)
PRICES: Final = Prices(daemon=(0.34, 0.10), learner=(0.526, 0.16))
POOLS: Final = 12
_COLUMNS: Final[dict[str, Callable[[Figures], float]]] = {
    "lossesOfDaemons": lambda each: each.daemon_losses,
    "lossesOfLearner": lambda each: each.learner_losses,
    "gamesLost": lambda each: each.lost_games,
    "gamesLostPart": lambda each: each.lost_games / each.games,
    "learnerHoursLost": lambda each: each.learner_lost,
    "learnerHoursRedone": lambda each: each.redone / HOUR,
    "cost": lambda each: each.cost,
    "failed": lambda each: float(each.failed_after is not None),
}


def months(form: Form, cloud: Cloud, band: float, *, daemons: int, seeds: int) -> list[Figures]:
    """The same form in so many months."""
    return [
        Month(form, cloud, Market(band), PRICES, daemons, POOLS, seed).run()
        for seed in range(1, seeds + 1)
    ]


def row(form: Form, cloud: Cloud, band: float, found: Sequence[Figures]) -> dict[str, Any]:
    """Means over the months, and the worst month where that says more."""
    means = {
        name: round(statistics.fmean(of(each) for each in found), 9)
        for name, of in _COLUMNS.items()
    }
    worst = {
        "gamesLostWorst": max(each.lost_games for each in found),
        "learnerHoursLostWorst": round(max(each.learner_lost for each in found), 2),
    }
    return {"cloud": cloud.name, "band": band, "form": form.name, **means, **worst}


def _line(row: dict[str, Any], on_demand: float) -> str:
    saved = 1 - row["cost"] / on_demand
    return (
        f"| {row['cloud']} | {row['band']:.0%} | {row['form']} |"
        f" {row['lossesOfDaemons']:.1f} / {row['lossesOfLearner']:.2f} |"
        f" {row['gamesLost']:.1f} ({1e6 * row['gamesLostPart']:.1f} in a million) |"
        f" {row['learnerHoursLost']:.2f} ({row['learnerHoursLostWorst']:.2f}) |"
        f" {row['cost']:,.0f} | {saved:.1%} | {row['failed']:.0%} |"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the months, and tell."""
    options = parser(__doc__ or "", examples=["python -m benchmarks.spot.month --seeds 200"])
    options.add_argument("--seeds", type=positive, default=200, help="so many months (200)")
    options.add_argument("--daemons", type=positive, default=24, help="machines with one each (24)")
    asked = options.parse_args(arguments)
    tell(
        "| cloud | taken a month | form | losses, daemons / learner | games lost |"
        " learner hours lost (worst) | USD | saved | months failed |"
    )
    tell("|---|---|---|---|---|---|---|---|---|")
    rows = []
    for cloud in (AWS, GCP):
        for band in BANDS:
            for form in FORMS:
                found = months(form, cloud, band, daemons=asked.daemons, seeds=asked.seeds)
                rows.append(row(form, cloud, band, found))
                on_demand = rows[-1 - FORMS.index(form)]["cost"]
                tell(_line(rows[-1], on_demand))
    return report(
        "spot_month",
        figures={"daemons": asked.daemons, "seeds": asked.seeds, "rows": rows},
        ratios={},
        goals=_goals(rows),
    )


def _goals(rows: Sequence[dict[str, Any]]) -> list[Goal]:
    """Of the bands that AWS publishes (the last is "over 20 %"); the others are bad months."""
    ours = [
        each
        for each in rows
        if each["cloud"] == AWS.name and each["band"] <= 0.2 and each["form"] == DEFAULT.name
    ]
    spot = [
        each
        for each in rows
        if each["cloud"] == AWS.name and each["band"] <= 0.2 and each["form"] == ALL_SPOT.name
    ]
    hours = MONTH / HOUR
    return [
        Goal("games lost, part", max(each["gamesLostPart"] for each in ours), most=1e-5),
        Goal(
            "learner's time lost, part, all on spot",
            max(each["learnerHoursLost"] for each in spot) / hours,
            most=0.01,
        ),
        Goal(
            "learner hours trained twice", max(each["learnerHoursRedone"] for each in spot), most=0
        ),
        Goal("months failed", max(each["failed"] for each in spot), most=0),
    ]


if __name__ == "__main__":
    sys.exit(main())
