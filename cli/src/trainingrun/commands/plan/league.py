"""What a League costs in a month, for people and for programs."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from rich.table import Table
from trainingrun_api.league import LEAGUE

from trainingrun.commands.document import Source
from trainingrun.commands.output import Output, write
from trainingrun.commands.plan.formatting import money
from trainingrun.commands.terminal import console_for_tables, echo
from trainingrun.estimate.league import ASKED_FOR, Bill, Prices, Profile, bill

SCHEMA: Final = "trainingrun.league-plan/1"


class LeagueLine(Struct, frozen=True):
    """One part, in dollars a month."""

    what: str
    dollars: float


class LeaguePlan(Struct, frozen=True):
    """What a league costs in a month, what is trained for it included."""

    schema: str
    league: str
    profile: str
    lines: tuple[LeagueLine, ...]
    dollars: float
    asked_for: tuple[float, float]
    """What the profile is meant to cost: the least and the most, in dollars a month."""
    prices_as_of: str


def plan_league(source: Source, output: Output) -> None:
    """Show what the League of a file costs in a month.

    Raises:
        UserError: it is not valid.
    """
    league = source.read(LEAGUE)
    profile = Profile(league.spec.profile)
    found = _plan(league.metadata.name, bill(profile), Prices())
    if output.is_for_programs:
        write(found, output)
        return
    console_for_tables().print(_table(found))
    least, most = found.asked_for
    echo(
        f"league {found.league}, profile {found.profile}: about ${money(found.dollars)} a month on"
        f" AWS; the profile is meant for ${least:.0f} to ${most:.0f}"
    )
    echo(f"prices of us-east-1, {found.prices_as_of}; traffic and requests are left out")


def _plan(name: str, found: Bill, prices: Prices) -> LeaguePlan:
    return LeaguePlan(
        schema=SCHEMA,
        league=name,
        profile=found.profile.value,
        lines=tuple(LeagueLine(each.what, round(each.dollars, 2)) for each in found.lines),
        dollars=round(found.dollars, 2),
        asked_for=ASKED_FOR[found.profile],
        prices_as_of=prices.as_of.isoformat(),
    )


def _table(found: LeaguePlan) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("PART")
    table.add_column("DOLLARS A MONTH", justify="right")
    for each in found.lines:
        table.add_row(each.what, money(each.dollars))
    table.add_row("all of it", money(found.dollars), style="bold")
    return table
