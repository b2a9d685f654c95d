"""The autoscaling law beside others, on two-hour traces in virtual time.

The product's own ``measure``, ``scale`` and ``plan_draining`` are called at the operator's period
with the values that they get from a live run; the world (``autoscaler_world``) obeys the roles'
contracts. Per law and trace: how long the learner starved, what was paid over the ideal, how old
the queue became, and what was killed. The ideal knows the trace; where it starves, nobody can feed.

Not here: a live run (``autoscaler/live.py``).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from trainingrun_api.spec import Autoscaling, Daemon
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES
from trainingrun_reconciler.desired.draining import DrainRules, plan_draining
from trainingrun_reconciler.desired.rates import RateMemory, Rates, measure
from trainingrun_reconciler.desired.scale import ScaleInputs
from trainingrun_reconciler.settings import Settings

from benchmarks.autoscaler.laws import Law, Look, laws
from benchmarks.autoscaler.traces import SECONDS, Trace, traces
from benchmarks.autoscaler.world import World
from benchmarks.measuring import Goal, parser, positive, report, tell

PERIOD: Final = round(Settings().active_interval)
SPEC: Final = Autoscaling(min_replicas=1, max_replicas=160)
COST_GOAL: Final = 5.0
STARVED_GOAL: Final = 3.0


@dataclass(frozen=True)
class Row:
    """One law on one trace."""

    law: str
    trace: str
    starved: float
    starved_share: float
    paid_hours: float
    age_p95: float
    overshoot: float
    events: float
    killed: float
    over_ideal: float = 0.0


class Scaled:
    """A world under one law: a look at every period, as the operator looks."""

    def __init__(self, trace: Trace, law: Law, *, seed: int) -> None:
        self.world = World(trace, seed=seed)
        self.world.ask(SPEC.min_replicas)
        self._law = law
        self._rates = RateMemory()

    def run(self, seconds: int) -> World:
        """Let time go by."""
        for _ in range(seconds):
            self.world.second()
            if self.world.now % PERIOD == 0:
                self.look()
        return self.world

    def look(self) -> None:
        """One look: measure, decide, drain."""
        world, role, signals = self.world, self.world.role(), self.world.signals()
        rates, inputs = Rates(), None
        if signals is not None:
            rates, self._rates = measure(signals, self._rates, ready_daemons=len(role.ready))
            inputs = ScaleInputs(
                at=signals.at,
                replicas=role.replicas,
                slots=world.trace.slots,
                queued=signals.ledger.queued,
                high_water=HIGH_WATER_BATCHES * world.trace.batch,
                capacity=rates.learner_capacity,
                produced_per_daemon=rates.produced_per_daemon,
                paused=rates.paused,
                busy=rates.learner_busy,
            )
        leaving = sum(
            world.published[each.name].draining
            for each in world.members
            if each.name in world.published
        )
        asked = max(0, role.replicas - leaving)
        wanted = self._law(Look(world.now, asked, len(role.ready), inputs, rates))
        if signals is None:
            world.ask(max(wanted, role.replicas))
            return
        rules = DrainRules(world.trace.slots, Daemon().drain_timeout_seconds)
        plan = plan_draining(role, signals, rules, desired=wanted, now=float(world.now))
        if self._law.drains:
            world.published = plan.slots
            world.ask(plan.replicas, plan.removable)
        else:
            world.published = dict.fromkeys(plan.slots, DaemonSlot(world.trace.slots))
            world.ask(wanted)


def row_of(law_name: str, trace: Trace, *, seeds: int, seconds: int) -> Row:
    """The medians of some seeds."""
    found = []
    for seed in range(1, seeds + 1):
        law = laws(trace, SPEC)[law_name]
        found.append(Scaled(trace, law, seed=seed).run(seconds).figures)
    median = statistics.median
    return Row(
        law=law_name,
        trace=trace.name,
        starved=median(each.starved for each in found),
        starved_share=100 * median(each.starved / each.active for each in found),
        paid_hours=median(each.paid for each in found) / 3600,
        age_p95=median(statistics.quantiles(each.ages, n=20)[-1] for each in found),
        overshoot=100 * median(each.over for each in found),
        events=median(each.events for each in found),
        killed=median(each.killed_games for each in found),
    )


def compare(*, seeds: int, seconds: int, names: Sequence[str], only: Sequence[str]) -> list[Row]:
    """All laws on all traces; each row knows what the ideal paid."""
    rows = []
    for trace in traces():
        if only and trace.name not in only:
            continue
        paid = 0.0
        for name in laws(trace, SPEC):
            if names and name not in names and name != "ideal":
                continue
            row = row_of(name, trace, seeds=seeds, seconds=seconds)
            paid = paid or row.paid_hours
            row = replace(row, over_ideal=100 * (row.paid_hours / paid - 1))
            rows.append(row)
            tell(_line(row))
    return rows


def _line(row: Row) -> str:
    return (
        f"| {row.trace} | {row.law} | {row.starved:.0f} | {row.starved_share:.1f} % |"
        f" {row.over_ideal:+.1f} % | {row.age_p95:.1f} | {row.overshoot:.0f} % |"
        f" {row.events:.0f} | {row.killed:.0f} |"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and tell."""
    options = parser(__doc__ or "", examples=["python -m benchmarks.autoscaler.compare --seeds 3"])
    options.add_argument("--seeds", type=positive, default=3, help="medians of so many (3)")
    options.add_argument("--seconds", type=positive, default=SECONDS, help="of each trace (7200)")
    options.add_argument("--law", action="append", default=[], help="only this, and the ideal")
    options.add_argument("--trace", action="append", default=[], help="only this")
    asked = options.parse_args(arguments)
    tell(
        "| trace | law | starved s | share | hours over ideal | queue age p95 s | overshoot |"
        " events | killed games |"
    )
    tell("|---|---|---|---|---|---|---|---|---|")
    rows = compare(seeds=asked.seeds, seconds=asked.seconds, names=asked.law, only=asked.trace)
    ours = [row for row in rows if row.law == "ours"]
    goals = [
        Goal("starved %, worst trace", _worst(ours, "starved_share"), most=STARVED_GOAL),
        Goal("hours over the ideal %, worst trace", _worst(ours, "over_ideal"), most=COST_GOAL),
        Goal("games killed, worst trace", _worst(ours, "killed"), most=0),
    ]
    figures: dict[str, Any] = {"seeds": asked.seeds, "rows": [_rounded(row) for row in rows]}
    return report("autoscaler", figures=figures, ratios={}, goals=goals)


def _worst(rows: Sequence[Row], name: str) -> float | None:
    return round(max((getattr(row, name) for row in rows), default=0.0), 2) if rows else None


def _rounded(row: Row) -> dict[str, Any]:
    return {
        name: round(value, 2) if isinstance(value, float) else value
        for name, value in asdict(row).items()
    }


if __name__ == "__main__":
    sys.exit(main())
