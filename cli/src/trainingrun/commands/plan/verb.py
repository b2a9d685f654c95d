"""The verb: from options, files and a run to a question, and from its plan to an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.roles.workload import Role

from trainingrun.commands.document import Source, run_of
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output, write
from trainingrun.commands.plan.document import SCHEMA, PlanDocument, PricesUsed
from trainingrun.commands.plan.host import cores, this_machine
from trainingrun.commands.plan.picture import picture_of_plan
from trainingrun.commands.plan.price_file import (
    read_engine_rates,
    read_prices,
    read_search_rates,
    where,
)
from trainingrun.commands.runs.target import Where, place_of, runs_at
from trainingrun.commands.terminal import SafeConsole, echo
from trainingrun.estimate.baselines import FORGE, REFERENCE, baseline
from trainingrun.estimate.bill import Buying, Choice, Shop
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.interruptions import interruptions_of
from trainingrun.estimate.limits import limits_of
from trainingrun.estimate.needs import Needs, has_reference_engine, members, needs_of, player_of
from trainingrun.estimate.plan import Goal, Question, make_plan
from trainingrun.estimate.prices import PriceList, age_warning, chosen, start_hours
from trainingrun.estimate.rate import (
    Rate,
    daemons_of,
    rate_of_baseline,
    rate_of_engine,
    rate_of_figures,
    rate_of_players,
    rate_of_run,
)
from trainingrun.estimate.search_rates import played_game
from trainingrun.estimate.this_machine import HereQuote, again_here, run_here
from trainingrun.sdk import LocalPlace


class Paid(StrEnum):
    """The ways of buying that are shown."""

    ALL = "all"
    ON_DEMAND = "on-demand"
    SPEC = "spec"
    SPOT = "spot"


def paid(*, spot: bool, on_demand: bool, as_spec: bool) -> Paid:
    """Return the ways of buying that three options leave.

    Raises:
        UserError: more than one of them is given.
    """
    given = {Paid.SPOT: spot, Paid.ON_DEMAND: on_demand, Paid.SPEC: as_spec}
    wanted = [each for each, asked in given.items() if asked]
    if len(wanted) > 1:
        raise UserError(
            "--spot, --on-demand and --as-spec each leave one way of buying: give one, or none"
            " to see them all"
        )
    return wanted[0] if wanted else Paid.ALL


@dataclass(frozen=True)
class PlanOptions:
    """The options of ``trainingrun plan``."""

    source: Source | None
    place: Where
    games: int | None = None
    hours: float | None = None
    budget: float | None = None
    provider: str | None = None
    paid: Paid = Paid.ALL
    from_run: str | None = None
    baseline: str | None = None
    games_per_daemon_hour: str | None = None
    learner_rate: float | None = None
    prices: Path | None = None
    daemon_machine: str | None = None
    learner_machine: str | None = None
    daemons_per_machine: int | None = None
    output: Output = Output.TABLE


def plan_run(options: PlanOptions) -> None:
    """Show what a run will take.

    Raises:
        UserError: it cannot be planned; the sentence says why and what to do.
    """
    prices = read_prices(options.prices)
    try:
        document = _document(options, prices, now=datetime.now(UTC))
    except PlanError as error:
        raise UserError(str(error)) from error
    if options.output.is_for_programs:
        write(document, options.output)
        for warning in document.warnings:
            echo(f"trainingrun: {warning}", err=True)
        return
    console = SafeConsole()
    console.print(
        picture_of_plan(document, width=console.width, wide=options.output is Output.WIDE)
    )


def _document(options: PlanOptions, prices: PriceList, *, now: datetime) -> PlanDocument:
    question = _question(options, prices, now=now)
    old = age_warning(prices, today=now.date(), where=where(options.prices))
    currency = prices.currency
    if question.with_spec_prices and question.needs.cost is not None:
        currency = question.needs.cost.currency
    return PlanDocument(
        schema=SCHEMA,
        plan=make_plan(question),
        prices=PricesUsed(
            "spec.cost" if question.with_spec_prices else where(options.prices),
            prices.as_of.isoformat(),
            currency,
        ),
        warnings=() if old is None else (old,),
    )


def _question(options: PlanOptions, prices: PriceList, *, now: datetime) -> Question:
    live = _live_run(options)
    run = _run(options, live)
    needs = needs_of(run, games=options.games)
    rate = _rate(options, run, live, now=now)
    by_spec = needs.cost is not None and options.provider is None
    choice = Choice(options.daemon_machine, options.learner_machine, options.daemons_per_machine)
    names = {} if by_spec else chosen(prices, options.provider)
    return Question(
        needs=needs,
        goal=_goal(options, needs),
        rate=rate,
        limits=limits_of(needs, rate, given=options.learner_rate),
        shops=[Shop(name, provider, choice) for name, provider in names.items()],
        buyings=_buyings(options.paid, needs),
        interruptions=interruptions_of(prices),
        with_spec_prices=by_spec,
        start_hours=start_hours(prices),
        here=_here(options, needs, rate, live),
    )


def _here(
    options: PlanOptions, needs: Needs, rate: Rate, live: TrainingRun | None
) -> HereQuote | None:
    """Return the run on this machine: as it went here before, or computed; None where it cannot
    be."""
    daemons = (
        daemons_of(live.status, needs.player) if live is not None and _was_local(options) else 0
    )
    if daemons:
        return again_here(cores(), rate, daemons=daemons, games=needs.games)
    if rate.engine_seconds is None or not needs.is_local or needs.gpus:
        return None
    measured = read_engine_rates() if needs.has_daemons else read_search_rates()
    return run_here(
        needs,
        this_machine(measured.loop_milliseconds),
        rate,
        engine_seconds=rate.engine_seconds,
        games=needs.games,
    )


def _was_local(options: PlanOptions) -> bool:
    """Return whether the run of ``--from`` is one of this machine."""
    return isinstance(place_of(options.place, options.from_run), LocalPlace)


def _live_run(options: PlanOptions) -> TrainingRun | None:
    if options.from_run is None:
        return None
    with runs_at(options.place, options.from_run) as runs:
        return runs.get(options.from_run)


def _run(options: PlanOptions, live: TrainingRun | None) -> TrainingRun:
    """Return the run that is planned: the file's, else the one that is measured."""
    if options.source is not None:
        return run_of(options.source)
    if live is None:
        raise UserError("plan: nothing to plan: give a TrainingRun with -f, or a run with --from")
    return live


def _rate(
    options: PlanOptions, run: TrainingRun, live: TrainingRun | None, *, now: datetime
) -> Rate:
    """Return how fast a daemon is, from the one source that is asked for or the run's own
    engine."""
    given = [options.from_run, options.baseline, options.games_per_daemon_hour]
    if sum(each is not None for each in given) > 1:
        raise UserError(
            "--from, --baseline and --games-per-daemon-hour each say how fast daemons are: give one"
        )
    player = player_of(run.spec)
    if live is not None:
        if player_of(live.spec) is not player:
            raise UserError(
                f"--from {options.from_run}: its {members(player_of(live.spec))} play, and this"
                f" run's {members(player)} do: give a run whose games are played alike"
            )
        return rate_of_run(live, now=now, player=player)
    if options.games_per_daemon_hour is not None:
        return rate_of_figures(_figures(options.games_per_daemon_hour))
    game = played_game(run, read_search_rates()) if player is not Role.DAEMON else None
    if game is not None and options.baseline is None:
        return rate_of_players(game, read_search_rates())
    if not run.spec.environment.is_magic:
        raise UserError(
            "plan: what a game of this environment takes was not measured: start it (trainingrun"
            " local -f), and while it plays give that run with --from"
        )
    name = options.baseline or _usual(run)
    if name == REFERENCE:
        return rate_of_engine(run, read_engine_rates(), games=options.games or run.spec.games)
    return rate_of_baseline(baseline(name), slots=run.spec.daemon.games_per_daemon)


def _usual(run: TrainingRun) -> str:
    """Return the baseline of the engine that a run has."""
    return REFERENCE if has_reference_engine(run.spec) else FORGE


def _figures(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(
            f"--games-per-daemon-hour {text}: not a figure: give 3600, or LOW,LIKELY,HIGH"
        ) from error


def _goal(options: PlanOptions, needs: Needs) -> Goal:
    if options.hours is not None and options.budget is not None:
        raise UserError("--hours and --budget are two goals: give one of them")
    return Goal(needs.games, options.hours, options.budget)


def _buyings(paid: Paid, needs: Needs) -> Sequence[Buying]:
    """Return all ways that differ, or the one that is asked for."""
    if paid is not Paid.ALL:
        return (Buying(paid.value),)
    allowed = (needs.daemon_spot, needs.actor_spot, needs.learner_spot)
    if all(allowed) or not any(allowed):
        return (Buying.ON_DEMAND, Buying.SPOT)
    return (Buying.ON_DEMAND, Buying.AS_WRITTEN, Buying.SPOT)
