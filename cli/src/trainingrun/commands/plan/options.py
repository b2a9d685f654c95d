"""The options of ``trainingrun plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from trainingrun.commands.candidates import complete_run
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import (
    Output,
    OutputOption,
)
from trainingrun.commands.runs.target import Where
from trainingrun.commands.terminal import echo

EXAMPLES: Final = (
    "trainingrun plan -f examples/standard-ppo.yaml",
    "trainingrun plan -f run.yaml --hours 200 --provider aws --baseline forge",
    "trainingrun plan -f run.yaml --budget 150 --spot -o json",
    "trainingrun plan --from standard-ppo -n training --games 10000000",
    "trainingrun plan -f league.yaml",
)
_RATE: Final = "How fast daemons are"
_MONEY: Final = "What it costs"


def complete_provider(incomplete: str) -> list[str]:
    """Providers of the price file that comes with us, and all of them."""
    # Imported here because only completion needs it.
    from trainingrun.commands.plan.price_file import read_prices  # noqa: PLC0415

    names = [*read_prices(None).providers, "all"]
    return sorted(name for name in names if name.startswith(incomplete))


def complete_baseline(incomplete: str) -> list[str]:
    """Measured rates that a plan can begin with."""
    # Imported here because only completion needs it.
    from trainingrun.estimate.baselines import BASELINES  # noqa: PLC0415

    return sorted(name for name in BASELINES if name.startswith(incomplete))


def plan(  # noqa: PLR0913 (each option of the command is an argument to typer)
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "-f",
            "--filename",
            metavar="FILE",
            help="A TrainingRun in YAML, or a League. Default: the run of --from.",
        ),
    ] = None,
    games: Annotated[int | None, typer.Option(min=1, help="Override spec.games.")] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1e6, help="Plan to finish the games within this number of hours."
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0.01, max=1e9, help="Plan for as many games as so much money buys."),
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME",
            help="Use the rate of this run's daemons.",
            rich_help_panel=_RATE,
            autocompletion=complete_run,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="BASELINE",
            autocompletion=complete_baseline,
            help="forge or reference-engine. Default: by the spec's engine.",
            rich_help_panel=_RATE,
        ),
    ] = None,
    games_per_daemon_hour: Annotated[
        str | None,
        typer.Option(
            metavar="GAMES|LOW,LIKELY,HIGH", help="Use your own measurement.", rich_help_panel=_RATE
        ),
    ] = None,
    learner_rate: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=1e9,
            help="Transitions a second that the learner trains.",
            rich_help_panel=_RATE,
        ),
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            metavar="PROVIDER",
            autocompletion=complete_provider,
            help="aws, gcp, azure, another one of the price file, or all. Default: the prices of"
            " spec.cost where it has some, else the first provider of the price file.",
            rich_help_panel=_MONEY,
        ),
    ] = None,
    spot: Annotated[
        bool,
        typer.Option("--spot", help="Only all on spot machines.", rich_help_panel=_MONEY),
    ] = False,
    on_demand: Annotated[
        bool,
        typer.Option("--on-demand", help="Only all on demand.", rich_help_panel=_MONEY),
    ] = False,
    as_spec: Annotated[
        bool,
        typer.Option(
            "--as-spec", help="Only on spot where the spec allows it.", rich_help_panel=_MONEY
        ),
    ] = False,
    daemon_machine: Annotated[
        str | None,
        typer.Option(help="Type of the daemons' machines.", rich_help_panel=_MONEY),
    ] = None,
    learner_machine: Annotated[
        str | None, typer.Option(help="Type of the learner's machine.", rich_help_panel=_MONEY)
    ] = None,
    daemons_per_machine: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Default: by its vCPUs and memory and the spec's resources.",
            rich_help_panel=_MONEY,
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="Another price file.", rich_help_panel=_MONEY),
    ] = None,
    show_prices: Annotated[
        bool,
        typer.Option(
            "--show-prices", help="Print the price file, to edit a copy.", rich_help_panel=_MONEY
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Estimate what a run takes: daemons, machines, games an hour, days and money.

    For the games of the spec, for hours, or for a budget: on this machine, and at a provider on
    demand and on spot, with start-up, learner and Redis included, with a range and what would
    change it. Of a League: what it costs in a month by its profile.
    """
    # Imported here because no other verb needs them, and each start of the command pays for them.
    from trainingrun_api.league import LEAGUE  # noqa: PLC0415

    from trainingrun.commands.document import read_source  # noqa: PLC0415
    from trainingrun.commands.plan.league import plan_league  # noqa: PLC0415
    from trainingrun.commands.plan.price_file import shipped_text  # noqa: PLC0415
    from trainingrun.commands.plan.verb import PlanOptions, paid, plan_run  # noqa: PLC0415

    if show_prices:
        echo(shipped_text().removesuffix("\n"))
        return
    source = None if file is None else read_source(file)
    if source is not None and source.kind == LEAGUE.kind:
        plan_league(source, output)
        return
    plan_run(
        PlanOptions(
            source=source,
            place=where,
            games=games,
            hours=hours,
            budget=budget,
            provider=provider,
            paid=paid(spot=spot, on_demand=on_demand, as_spec=as_spec),
            from_run=from_run,
            baseline=baseline,
            games_per_daemon_hour=games_per_daemon_hour,
            learner_rate=learner_rate,
            prices=prices,
            daemon_machine=daemon_machine,
            learner_machine=learner_machine,
            daemons_per_machine=daemons_per_machine,
            output=output,
        )
    )


def add_plan(app: Verbs) -> None:
    """Add the verb to the command."""
    app.verb(panel=Panel.PREPARE, examples=EXAMPLES)(plan)
