"""The plan for people: what it rests on, the quotes, and what would change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trainingrun.commands.plan.document import PlanDocument
from trainingrun.commands.plan.formatting import about, counted, format_hours, money, times, whole
from trainingrun.estimate.band import Band
from trainingrun.estimate.plan import Fleets, Plan, Quote
from trainingrun.estimate.this_machine import HereQuote

_NARROW: Final = 100
"""Columns below which a range stands below its likely figure."""
_FIGURE: Final[dict[str, Any]] = {"justify": "right", "no_wrap": True}
_LIMITS: Final = {
    "engine": "{part} (more {members} would be faster)",
    "learner": "learner (more {members} would not be faster)",
    "redis": "redis (more {members} would not be faster)",
}
_NOUNS: Final = {"daemon": "daemon", "actor": "actor", "selfplay": "worker"}
_PARTS: Final = {"daemon": "engine", "actor": "actors", "selfplay": "searches"}


def picture_of_plan(document: PlanDocument, *, width: int, wide: bool = False) -> RenderableType:
    """Return the whole answer for ``width`` columns; ``wide`` adds the price of each line."""
    plan = document.plan
    parts: list[RenderableType] = [
        _facts(plan, document),
        _quotes(plan, document.prices.currency, narrow=width < _NARROW, wide=wide),
        Text("What if (first quote, likely figures)", style="bold"),
        _variations(plan, document.prices.currency),
    ]
    parts += [Text(f"- {note}") for note in plan.notes]
    parts += [Text(f"! {warning}", style="yellow") for warning in document.warnings]
    return Group(*parts)


def _facts(plan: Plan, document: PlanDocument) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for title, text in _rows(plan, document):
        table.add_row(title, Text(text))
    return table


def _rows(plan: Plan, document: PlanDocument) -> Iterator[tuple[str, str]]:
    fleets, rate = plan.fleets, plan.rate
    fleet = fleets.likely
    yield "run", f"{plan.run}: {_goal(plan)}"
    yield (
        "rate",
        f"{_range(rate.games_per_daemon_hour, about)} games an hour of one {_NOUNS[plan.player]}",
    )
    yield "", f"{rate.source}; range: {rate.spread}"
    speed = Band(fleets.slow.games_per_hour, fleet.games_per_hour, fleets.fast.games_per_hour)
    yield (
        "fleet",
        f"{_players(plan)}: {_range(speed, about)} games/h",
    )
    yield "limited by", _limited(plan)
    for limit in plan.limits:
        games = limit.transitions_per_second * 3600 / rate.transitions_per_game
        yield (
            f"  {limit.role}",
            f"{limit.transitions_per_second:,.0f} transitions/s, {about(games)} games/h of"
            f" {rate.transitions_per_game:.3g}: {limit.source}",
        )
    if plan.here is not None:
        yield "this machine", _here(plan.here)
    if plan.start_hours.likely:
        yield "start-up", f"{_range(plan.start_hours, format_hours)} of new machines, included"
    if plan.evaluation_share:
        yield "evaluations", f"{plan.evaluation_share:.0%} more games, included"
    yield from _interruptions(plan)
    yield "prices", f"{document.prices.file}, {document.prices.as_of}, {document.prices.currency}"


def _here(here: HereQuote) -> str:
    return (
        f"{_range(here.games_per_hour, about)} games/h on {counted(int(here.cores), 'core')},"
        f" limited by {here.limited_by}"
    )


def _interruptions(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield what is expected of the quote with the most of them."""
    most = max(plan.quotes, key=lambda quote: quote.interruptions.likely)
    if most.bill.spot_machines:
        yield (
            "interruptions",
            f"{_range(most.interruptions, times)} on"
            f" {counted(most.bill.spot_machines, 'spot machine')}, as the price file assumes;"
            " interrupted games are played again",
        )


def _limited(plan: Plan) -> str:
    return _LIMITS[plan.fleets.likely.limited_by].format(
        part=_PARTS[plan.player], members=f"{_NOUNS[plan.player]}s"
    )


def _players(plan: Plan) -> str:
    """Return who plays: daemons with the actors beside them, or those that need none."""
    fleet = plan.fleets.likely
    players = _daemons(plan.fleets, _NOUNS[plan.player])
    if plan.player != "daemon":
        return players
    return f"{players}, {counted(fleet.actors, 'actor')} ({fleet.actor_cores:.1f} cores)"


def _daemons(fleets: Fleets, noun: str) -> str:
    counts = {fleets.slow.daemons, fleets.likely.daemons, fleets.fast.daemons}
    likely = counted(fleets.likely.daemons, noun)
    return likely if len(counts) == 1 else f"{likely} ({min(counts)} to {max(counts)})"


def _goal(plan: Plan) -> str:
    goal = plan.goal
    if goal.budget is not None:
        return f"the games that {goal.budget:,.2f} buys (the run asks for {whole(goal.games)})"
    within = "" if goal.hours is None else f" within {goal.hours:g} hours"
    return f"{whole(goal.games)} games{within}"


def _quotes(plan: Plan, currency: str, *, narrow: bool, wide: bool) -> Table:
    budget = plan.goal.budget is not None
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("where")
    table.add_column("machines", overflow="fold")
    table.add_column(f"{currency}/h", justify="right", no_wrap=True)
    for title in ("time", "games" if budget else currency):
        table.add_column(f"{title}\nlikely" if narrow else f"{title}, likely", **_FIGURE)
        if not narrow:
            table.add_column("low to high", **_FIGURE)
    if plan.here is not None and not budget:
        figures = _cells(plan.here.hours, format_hours, narrow=narrow)
        free = ("-",) if narrow else ("-", "")
        cores = counted(int(plan.here.cores), "core")
        table.add_row("this machine", cores, "-", *figures, *free)
    for quote in plan.quotes:
        last = (quote.games, about) if budget else (quote.cost, money)
        table.add_row(
            Text(f"{quote.provider}\n{_bought(quote)}"),
            Text(_machines(quote, wide=wide)),
            money(quote.hourly.likely),
            *_cells(quote.hours, format_hours, narrow=narrow),
            *_cells(*last, narrow=narrow),
        )
    return table


def _bought(quote: Quote) -> str:
    return {"spec": "spot as in spec", "spot": "all on spot", "spec.cost": "its prices"}.get(
        quote.buying, quote.buying
    )


def _machines(quote: Quote, *, wide: bool) -> str:
    """Return each line of the bill: ``4 c6i.4xlarge (daemon, 14 each)``."""
    lines = []
    for part in quote.bill.parts:
        each = quote.bill.daemons_each
        several = f", {each} each" if part.role in _NOUNS and each else ""
        spot = ", spot" if part.purchase == "spot" else ""
        kind = "" if part.machine == "-" else f" {part.machine}"
        price = f" {part.hourly.likely:.3f}/h" if wide else ""
        lines.append(f"{part.count}{kind} ({part.role}{several}{spot}){price}")
    return "\n".join(lines)


def _cells(band: Band, form: Callable[[float], str], *, narrow: bool) -> tuple[Text, ...]:
    """Return the likely figure, and its range in a column of its own or, where it is narrow,
    below."""
    likely = Text(form(band.likely), style="bold")
    ends = f"{form(band.low)} to {form(band.high)}"
    ends = "" if form(band.low) == form(band.high) else ends
    if not narrow:
        return likely, Text(ends)
    below = ends.replace(" to ", "\nto ")
    return (likely.append(f"\n{below}", style="not bold") if ends else likely,)


def _range(band: Band, form: Callable[[float], str]) -> str:
    if form(band.low) == form(band.high):
        return form(band.likely)
    return f"{form(band.likely)} ({form(band.low)} to {form(band.high)})"


def _variations(plan: Plan, currency: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("if")
    budget = plan.goal.budget is not None
    for title in (f"{_NOUNS[plan.player]}s", "games/h", "time", "games" if budget else currency):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("limited by", no_wrap=True)
    for each in plan.sensitivity:
        table.add_row(
            each.title,
            str(each.daemons),
            about(each.games_per_hour),
            format_hours(each.hours),
            about(each.games) if budget else money(each.cost),
            each.limited_by,
        )
    return table
