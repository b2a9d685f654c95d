"""Where a tournament is: its matches by now, whether it is over, and its ranks."""

from __future__ import annotations

from collections.abc import Iterable

from trainingrun_league.matchmaker.brackets import elimination, round_robin, swiss
from trainingrun_league.matchmaker.brackets.standings import Standing, standings
from trainingrun_league.matchmaker.brackets.values import BYE, Format, Outcome, Pairing, Plan


def pairings(plan: Plan, outcomes: Iterable[Outcome]) -> tuple[Pairing, ...]:
    """Return every match that is called for by now, those that are over included."""
    by_table = {(outcome.round, outcome.table): outcome for outcome in outcomes}
    match plan.format:
        case Format.ROUND_ROBIN:
            return round_robin.pairings(plan.entrants)
        case Format.SINGLE_ELIMINATION:
            return elimination.pairings(plan, by_table)
        case Format.SWISS:
            return swiss.pairings(plan, by_table)


def is_complete(called: Iterable[Pairing], outcomes: Iterable[Outcome]) -> bool:
    """Return whether all matches that are called for are over: none follows from them then."""
    over = {(outcome.round, outcome.table) for outcome in outcomes}
    return all(each.second == BYE or (each.round, each.table) in over for each in called)


def ranking(plan: Plan, outcomes: Iterable[Outcome]) -> tuple[Standing, ...]:
    """Return the ranks by now."""
    known = tuple(outcomes)
    return standings(plan, pairings(plan, known), known)
