"""The plan: a goal, a rate and prices make quotes, one for each provider and way of buying.

Ranges: the low end has the fastest daemons and the lowest prices, the high end the slowest daemons,
the highest prices and the most interruptions. At each end there are as many daemons as the
autoscaler would then settle on; where hours are asked for, as many as the likely rate needs, since
which end is true is not known yet when ``maxReplicas`` is set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from msgspec import Struct

from trainingrun.estimate.band import Band, exactly
from trainingrun.estimate.bill import Bill, Buying, Shop, bill_of_spec
from trainingrun.estimate.errors import PlanError, QuoteError
from trainingrun.estimate.fleet import Fleet, fleet_of
from trainingrun.estimate.interruptions import Interruptions
from trainingrun.estimate.limits import Limit, tightest, unknown
from trainingrun.estimate.needs import Needs, members
from trainingrun.estimate.prices import HOURS_A_MONTH
from trainingrun.estimate.rate import Rate
from trainingrun.estimate.this_machine import HereQuote

SPEC: Final = "spec.cost"
"""The provider's place in a quote that is computed with the prices of the spec."""
_SPEEDS: Final = (
    ("{members} half as fast", 0.5),
    ("as planned", 1.0),
    ("{members} twice as fast", 2.0),
)
_MOST: Final = "spec.daemon.autoscaling.maxReplicas"
_REPLICAS: Final = "spec.actor.replicas"


NOT_INCLUDED: Final = (
    "not included: storage, traffic, the cluster's own control plane, taxes, and your time"
)
ROLES: Final = {"learner": "one learner", "redis": "one Redis"}


NO_TIME: Final = exactly(0.0)


class Goal(Struct, frozen=True):
    """What is asked: games alone, games within hours, or as many games as money buys."""

    games: int
    hours: float | None = None
    budget: float | None = None


class Quote(Struct, frozen=True):
    """One way to buy the run. ``hours``, ``cost`` and ``games`` are of the whole run, the start of
    its machines included; ``bill`` and ``machines`` are those of the likely fleet;
    ``interruptions`` are of its spot machines, during the whole run."""

    provider: str
    buying: str
    bill: Bill
    hourly: Band
    machines: int
    hours: Band
    cost: Band
    games: Band
    interruptions: Band


class Fleets(Struct, frozen=True):
    """The fleet with the slowest, the likely and the fastest daemons."""

    slow: Fleet
    likely: Fleet
    fast: Fleet


class Variation(Struct, frozen=True):
    """The plan if something were otherwise: the first quote's likely figures."""

    title: str
    daemons: int
    games_per_hour: float
    hours: float
    cost: float
    games: float
    limited_by: str


class Plan(Struct, frozen=True):
    """Everything that is known before a run is started."""

    run: str
    goal: Goal
    player: str
    """The role whose members play the games: what ``daemons`` counts."""
    rate: Rate
    limits: tuple[Limit, ...]
    fleets: Fleets
    evaluation_share: float
    start_hours: Band
    """Until the first game on machines that have to be booted and images that have to be pulled."""
    here: HereQuote | None
    """The run on this machine, where it can be one."""
    quotes: tuple[Quote, ...]
    sensitivity: tuple[Variation, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """All that a plan is made of."""

    needs: Needs
    goal: Goal
    rate: Rate
    limits: tuple[Limit, ...]
    shops: Sequence[Shop]
    buyings: Sequence[Buying]
    interruptions: Interruptions
    """Of spot machines."""
    with_spec_prices: bool = False
    start_hours: Band = NO_TIME
    here: HereQuote | None = None

    @property
    def evaluation_share(self) -> float:
        """Games of evaluations for each training game, where the rate does not hold them."""
        return 0.0 if self.rate.with_evaluation else self.needs.evaluation_share


def make_plan(question: Question) -> Plan:
    """Return the plan.

    Raises:
        PlanError: the goal cannot be reached, or something has no price.
    """
    fleets = _fleets(question)
    quotes, left_out = _quotes(question, fleets)
    return Plan(
        run=question.needs.name,
        goal=question.goal,
        player=question.needs.player.value,
        rate=question.rate,
        limits=question.limits,
        fleets=fleets,
        evaluation_share=question.evaluation_share,
        start_hours=question.start_hours,
        here=question.here,
        quotes=quotes,
        sensitivity=tuple(_variations(question, quotes[0])),
        notes=(*_notes(question, fleets, quotes), *left_out),
    )


def _fleets(question: Question) -> Fleets:
    hours, band = question.goal.hours, question.rate.games_per_daemon_hour
    daemons = None if hours is None else _daemons_within(question, hours)
    slow, likely, fast = (
        fleet_of(question.needs, question.rate, question.limits, each=each, daemons=daemons)
        for each in (band.low, band.likely, band.high)
    )
    return Fleets(slow, likely, fast)


def _daemons_within(question: Question, hours: float) -> int:
    """Return the fewest daemons that play the goal's games within ``hours``.

    Raises:
        PlanError: the learner or ``maxReplicas`` does not allow it.
    """
    needs, rate, limit = question.needs, question.rate, tightest(question.limits)
    left = hours - question.start_hours.likely
    if left <= 0:
        raise PlanError(
            f"--hours {hours:g}: machines and images take {question.start_hours.likely * 60:.0f}"
            " minutes before the first game: allow more"
        )
    wanted = _total(question) / left
    most = limit.transitions_per_second * 3600 / rate.transitions_per_game
    if wanted > most:
        raise PlanError(
            f"--hours {hours:g}: {wanted:,.0f} games/h are needed, and {ROLES[limit.role]} takes"
            f" {most:,.0f} ({limit.source}): allow {_at_least(question, most)} or more, or fewer"
            " games (--games)"
        )
    daemons = math.ceil(wanted / rate.games_per_daemon_hour.likely)
    if daemons > needs.most:
        least = _at_least(question, rate.games_per_daemon_hour.likely * needs.most)
        raise PlanError(
            f"--hours {hours:g}: {daemons} {members(needs.player)} are needed, and"
            f" {_bound(needs)}: allow {least} or more, or {_more(needs, daemons)}"
        )
    return max(needs.fewest, daemons)


def _at_least(question: Question, games_per_hour: float) -> str:
    """Return the hours at this rate, rounded up so that they are enough."""
    hours = question.start_hours.likely + _total(question) / games_per_hour
    digits = max(1, 1 - math.floor(math.log10(hours)))
    return f"{math.ceil(hours * 10**digits) / 10**digits:,.{digits}f} hours"


def _bound(needs: Needs) -> str:
    if needs.external:
        return f"spec.daemon.external has {needs.most}"
    if not needs.has_daemons:
        return f"{_REPLICAS} is {needs.most}"
    return f"{_MOST} is {needs.most}"


def _more(needs: Needs, daemons: int) -> str:
    if needs.external:
        return f"name {daemons} endpoints"
    return f"raise {'maxReplicas' if needs.has_daemons else 'it'} to {daemons}"


def _total(question: Question) -> float:
    """Games that are played, those of the evaluations included."""
    return question.goal.games * (1 + question.evaluation_share)


def _quotes(question: Question, fleets: Fleets) -> tuple[tuple[Quote, ...], tuple[str, ...]]:
    """Return every way to buy that the goal allows, and why another is left out.

    Raises:
        PlanError: no way is left.
    """
    quotes, left_out = [], []
    for provider, buying, bill_of in _ways(question):
        try:
            quotes.append(_quote(question, fleets, provider, buying, bill_of))
        except QuoteError as error:
            left_out.append(str(error))
    if not quotes:
        raise PlanError("; ".join(dict.fromkeys(left_out)))
    return tuple(quotes), tuple(dict.fromkeys(left_out))


def _ways(question: Question) -> Iterator[tuple[str, str, Callable[[Fleet], Bill]]]:
    if question.with_spec_prices:
        yield SPEC, SPEC, partial(bill_of_spec, question.needs)
    for shop in question.shops:
        for buying in question.buyings:
            yield shop.name, buying.value, partial(shop.bill, question.needs, buying=buying)


def _quote(
    question: Question, fleets: Fleets, provider: str, buying: str, bill_of: Callable[[Fleet], Bill]
) -> Quote:
    """Return one way to buy: computed at the fast, the likely and the slow end."""
    bill = bill_of(fleets.likely)
    often = question.interruptions
    away = often.part_away if bill.spot_machines else exactly(0.0)
    fast, slow = bill_of(fleets.fast).hourly, bill_of(fleets.slow).hourly
    prices = (fast.low, bill.hourly.likely, slow.high)
    speeds = (
        fleets.fast.games_per_hour * (1 - away.low),
        fleets.likely.games_per_hour * (1 - away.likely),
        fleets.slow.games_per_hour * (1 - away.high),
    )
    if question.goal.budget is None:
        hours, cost, games = _for_games(question, prices, speeds)
    else:
        _check_budget(question, question.goal.budget, bill.hourly, provider, buying)
        hours, cost, games = _for_budget(question, question.goal.budget, prices, speeds)
    rates = (fast, bill.hourly, slow)
    machine_months = hours.likely / HOURS_A_MONTH * bill.spot_machines
    return Quote(
        provider=provider,
        buying=buying,
        bill=bill,
        hourly=Band(
            min(hourly.low for hourly in rates),
            bill.hourly.likely,
            max(hourly.high for hourly in rates),
        ),
        machines=bill.machines,
        hours=hours,
        cost=cost,
        games=games,
        interruptions=often.a_month.each(lambda times: times * machine_months),
    )


def _for_games(
    question: Question, prices: Sequence[float], speeds: Sequence[float]
) -> tuple[Band, Band, Band]:
    """Hours, cost and games of a run of this length; prices and speeds by their ends."""
    starts = question.start_hours.ends
    hours = [each + _total(question) / speed for each, speed in zip(starts, speeds, strict=True)]
    costs = [each * price for each, price in zip(hours, prices, strict=True)]
    return _in_order(hours), _in_order(costs), exactly(float(question.goal.games))


def _for_budget(
    question: Question, budget: float, prices: Sequence[float], speeds: Sequence[float]
) -> tuple[Band, Band, Band]:
    """Hours, cost and games that a budget buys; prices and speeds by their ends."""
    hours = [budget / price if price else math.inf for price in prices]
    share, starts = 1 + question.evaluation_share, question.start_hours.ends
    games = [
        max(0.0, each - begin) * speed / share
        for each, begin, speed in zip(hours, starts, speeds, strict=True)
    ]
    return _in_order(hours), exactly(budget), _in_order(games)


def _in_order(ends: Sequence[float]) -> Band:
    """Return a band of three figures of which the second is the likely one."""
    return Band(min(ends), ends[1], max(ends))


def _check_budget(
    question: Question, budget: float, hourly: Band, provider: str, buying: str
) -> None:
    lower = _MOST if question.needs.has_daemons else _REPLICAS
    if budget < hourly.likely:
        raise QuoteError(
            f"--budget {budget:g}: an hour of the run's machines costs {hourly.likely:,.2f}"
            f" ({provider}, {buying}): give at least as much, or lower {lower}"
        )


def _variations(question: Question, planned: Quote) -> Iterator[Variation]:
    """Yield the first quote with slower and faster daemons, and with a faster learner."""
    same = _only(question, planned)
    for title, factor in _SPEEDS:
        named = title.format(members=members(question.needs.player))
        yield _variation(replace(same, rate=question.rate.scaled(factor)), named)
    if any(limit.role == "learner" for limit in question.limits):
        faster = tuple(
            limit.scaled(2.0) if limit.role == "learner" else limit for limit in question.limits
        )
        yield _variation(replace(same, limits=faster), "a learner twice as fast")


def _only(question: Question, planned: Quote) -> Question:
    """Return the question about this way to buy alone."""
    if question.with_spec_prices:
        return replace(question, shops=())
    shops = [shop for shop in question.shops if shop.name == planned.provider]
    return replace(question, shops=shops, buyings=[Buying(planned.buying)])


def _variation(question: Question, title: str) -> Variation:
    """Return what would be: daemons are chosen anew, within the bounds of the spec.

    What is not possible within the hours or the budget is shown without them.
    """
    try:
        fleets = _fleets(question)
        quote = _quotes(question, fleets)[0][0]
    except PlanError:
        easy = replace(question, goal=Goal(question.goal.games))
        fleets = _fleets(easy)
        quote = _quotes(easy, fleets)[0][0]
    fleet = fleets.likely
    return Variation(
        title,
        fleet.daemons,
        fleet.games_per_hour,
        quote.hours.likely,
        quote.cost.likely,
        quote.games.likely,
        fleet.limited_by,
    )


def _notes(question: Question, fleets: Fleets, quotes: Sequence[Quote]) -> Iterator[str]:
    """Yield what a reader should know beside the figures, each once."""
    learner = unknown(question.needs, question.rate, question.limits)
    if learner is not None:
        yield learner
    if question.needs.external:
        yield "the daemons are external: their machines are somebody else's, and cost nothing here"
    yield from _about_servers(question.needs)
    yield from dict.fromkeys(note for quote in quotes for note in quote.bill.notes)
    yield from _about_budget(question, quotes)
    yield from _about_hours(question, fleets)
    yield NOT_INCLUDED


def _about_servers(needs: Needs) -> Iterator[str]:
    """Yield what is not known of inference servers."""
    servers = needs.run.spec.inference if needs.run is not None else None
    if servers is None:
        return
    grow = (
        ""
        if servers.max_replicas == servers.min_replicas
        else f" (up to {servers.max_replicas} while searches wait)"
    )
    yield (
        f"{servers.min_replicas} inference servers are counted{grow}, and workers as if they valued"
        " positions themselves: how much faster they are with servers was not measured on a GPU;"
        " plan --from a run that has them"
    )


def _about_hours(question: Question, fleets: Fleets) -> Iterator[str]:
    """Yield whether the slow end comes too late."""
    hours, slowest = question.goal.hours, question.rate.games_per_daemon_hour.low
    if hours is None:
        return
    late = question.start_hours.likely + _total(question) / fleets.slow.games_per_hour
    if late <= hours:
        return
    enough = math.ceil(_total(question) / (hours - question.start_hours.likely) / slowest)
    many = members(question.needs.player)
    field = "maxReplicas" if question.needs.has_daemons else _REPLICAS
    yield (
        f"with the slowest {many} of the range it takes {late:,.1f} h: {enough} {many} ({field})"
        f" would be in time then, if {ROLES[tightest(question.limits).role]} keeps up"
    )


def _about_budget(question: Question, quotes: Sequence[Quote]) -> Iterator[str]:
    cost = question.needs.cost
    limit = cost.budget if cost is not None else None
    if limit is None or question.goal.budget is not None:
        return
    first = quotes[0]
    if first.cost.likely > limit:
        yield (
            f"spec.cost.budget is {limit:g}: it is spent after"
            f" {limit / first.cost.likely:.0%} of the run ({first.provider}, {first.buying}); the"
            " run is saved and stopped then"
        )
