"""The verbs ``daemons start``, ``stop``, ``status`` and ``bench``, and what they print.

asyncssh is imported when a verb needs it: it takes 0.3 s, and a cluster's image does not have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from trainingrun_protocol.lines import StatusReply
from trainingrun_reconciler.controller.daemon_status import NoStatus, ask_status

from trainingrun.commands.addresses import endpoints_in, token_from
from trainingrun.commands.durations import seconds_in
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Verbs
from trainingrun.commands.machines.inventory import RemoteMachine, read_machines
from trainingrun.commands.machines.measure import (
    BenchmarkPlan,
    Measured,
    MeasuredRate,
    measure,
    quantile,
    sum_of,
    watch,
)
from trainingrun.commands.options import Output, OutputOption, TokenFileOption
from trainingrun.commands.output import plain_table, write
from trainingrun.commands.terminal import console, console_for_tables, echo

if TYPE_CHECKING:
    from trainingrun.commands.machines.fleet import Result
    from trainingrun.commands.machines.ssh import Trust

_NONE: Final = "-"

MachinesOption = Annotated[
    Path,
    typer.Option(
        "--machines", metavar="FILE", help="Machines in YAML; see docs/guides/external-daemons.md."
    ),
]
MaybeMachinesOption = Annotated[
    Path | None,
    typer.Option("--machines", metavar="FILE", help="Machines in YAML, instead of addresses."),
]
KnownHostsOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Host keys, instead of ~/.ssh/known_hosts.")
]
AddressesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="HOST:PORT...", help="Daemons, wherever they are.")
]


def add_verbs(daemons: Verbs) -> None:
    """Give the group ``daemons`` the verbs of this module."""
    daemons.verb(examples=("trainingrun daemons start --machines machines.yaml",))(start)
    daemons.verb(examples=("trainingrun daemons stop --machines machines.yaml",))(stop)
    daemons.verb(
        examples=(
            "trainingrun daemons status --machines machines.yaml",
            "trainingrun daemons status 10.0.0.5:17171 10.0.0.6:17171",
        )
    )(status)
    daemons.verb(
        examples=(
            "trainingrun daemons bench 10.0.0.5:17171 --seconds 60",
            "trainingrun daemons bench --machines machines.yaml --passive",
        )
    )(bench)


def start(
    *,
    machines: MachinesOption,
    known_hosts: KnownHostsOption = None,
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="Time for each daemon to answer: 90s, 2m.")
    ] = "60s",
    token_file: TokenFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start the daemons of a list of machines over SSH; those that run already stay as they are.

    Each counts as started when it answers from here. Of one that does not, the end of its log is
    shown. The last line names all that answer, for `trainingrun local --daemons`. With a token they
    play only for those who have it.
    Exit code 1: a daemon did not start.
    """
    found, seconds = read_machines(machines), seconds_in(wait, option="--wait")
    trust, token = _trust(known_hosts), token_from(token_file)
    from trainingrun.commands.machines import fleet  # noqa: PLC0415 (see the module's head)

    report = _teller(output)
    wanted = _number(found)
    results = asyncio.run(fleet.start(found, trust, report, seconds=seconds, token=token))
    well = [result.name for result in results if result.is_well]
    if output.is_for_programs:
        write([_document(result) for result in results], output)
    else:
        echo(f"{len(well)} of {_daemons(wanted)} serve games")
        if well:
            echo(f"--daemons {','.join(well)}")
    raise typer.Exit(0 if len(well) == wanted else 1)


def stop(
    *,
    machines: MachinesOption,
    known_hosts: KnownHostsOption = None,
    drain: Annotated[
        str,
        typer.Option(metavar="DURATION", help="Time for running games to end; then it is killed."),
    ] = "60s",
    output: OutputOption = Output.TABLE,
) -> None:
    """Stop the daemons that `daemons start` has started, and no others.

    Exit code 1: a machine could not be asked.
    """
    found, seconds = read_machines(machines), int(seconds_in(drain, option="--drain"))
    trust = _trust(known_hosts)
    from trainingrun.commands.machines import fleet  # noqa: PLC0415 (see the module's head)

    report = _teller(output)
    results = asyncio.run(fleet.stop(found, trust, report, seconds=seconds))
    if output.is_for_programs:
        write([_document(result) for result in results], output)
    raise typer.Exit(0 if all(result.is_well for result in results) else 1)


def status(
    addresses: AddressesArgument = None,
    *,
    machines: MaybeMachinesOption = None,
    known_hosts: KnownHostsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show whether daemons run, and their games.

    Exit code 1: one does not serve games.
    """
    report = _teller(output)
    if machines is None:
        all_answer = asyncio.run(_ask_all(_addresses(addresses), output))
        raise typer.Exit(0 if all_answer else 1)
    _only_one(addresses)
    found, trust = read_machines(machines), _trust(known_hosts)
    from trainingrun.commands.machines import fleet  # noqa: PLC0415 (see the module's head)

    results = asyncio.run(fleet.check(found, trust, report))
    well = sum(result.is_well for result in results)
    if output.is_for_programs:
        write([_document(result) for result in results], output)
    else:
        echo(f"{well} of {_daemons(_number(found))} run and serve games")
    raise typer.Exit(0 if well == _number(found) else 1)


def bench(  # noqa: PLR0913 (each option of the command is an argument to typer)
    addresses: AddressesArgument = None,
    *,
    machines: MaybeMachinesOption = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time over which games are counted.")] = 30,
    warmup: Annotated[float, typer.Option(min=0, help="Seconds before counting begins.")] = 5,
    games: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Games at once. Default: what each serves."),
    ] = None,
    decks: Annotated[
        str, typer.Option(metavar="DECK,DECK", help="Decks of the two players.")
    ] = "test_red,test_blue",
    passive: Annotated[
        bool, typer.Option("--passive", help="Play nothing: watch their counters rise.")
    ] = False,
    token_file: TokenFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Measure how many games daemons play: each one and all together, with 95 % intervals.

    Fills every daemon with games of the engine's own players. Beside it stands the rise of its own
    counter (STATUS), with everybody's games. Exit code 1: a daemon could not be measured.
    """
    if machines is not None:
        _only_one(addresses)
        names = [place.endpoint for each in read_machines(machines) for place in each.places]
    else:
        names = list(_addresses(addresses))
    first, comma, second = (word.strip() for word in decks.partition(","))
    if not (comma and first and second) or any(" " in each for each in (first, second)):
        raise UserError(f"--decks {decks!r}: name two decks: test_red,test_blue")
    plan = BenchmarkPlan((first, second), seconds, warmup, games, token=token_from(token_file))
    mode = "watching" if passive else f"playing, {warmup:g} s unmeasured, then"
    echo(f"{_daemons(len(names))}: {mode} {seconds:g} s …", err=True)
    found = asyncio.run((watch if passive else measure)(names, plan))
    if output.is_for_programs:
        write([_measured(each) for each in found], output)
    else:
        out = console_for_tables()
        out.print(_table(found))
        for each in found:
            if each.problem:
                out.print(Text(f"{each.endpoint}: {each.problem}"), soft_wrap=True)
    raise typer.Exit(1 if any(each.problem for each in found) else 0)


def _trust(known_hosts: Path | None) -> Trust:
    if find_spec("asyncssh") is None:
        raise UserError("daemons: asyncssh not installed: install trainingrun[local]")
    if known_hosts is not None and not known_hosts.is_file():
        raise UserError(f"--known-hosts {known_hosts}: no such file: make it with ssh-keyscan")
    from trainingrun.commands.machines.ssh import Trust  # noqa: PLC0415 (see the module's head)

    return Trust(known_hosts)


def _addresses(addresses: Sequence[str] | None) -> tuple[str, ...]:
    if not addresses:
        raise UserError("daemons: which? Give addresses (10.0.0.5:17171), or --machines FILE")
    return endpoints_in(",".join(addresses), where="daemons")


def _only_one(addresses: Sequence[str] | None) -> None:
    if addresses:
        raise UserError("daemons: give either addresses or --machines, not both")


def _number(machines: Sequence[RemoteMachine]) -> int:
    return sum(len(machine.places) for machine in machines)


def _daemons(count: int) -> str:
    return f"{count} daemon{'' if count == 1 else 's'}"


def _teller(output: Output) -> Callable[[Result], None]:
    """Prints a line as soon as a result is there; for programs, all are written at the end."""
    out = console()

    def report(result: Result) -> None:
        if not output.is_for_programs:
            _print_result(out, result)

    return report


def _document(result: Result) -> dict[str, object]:
    said = result.status
    return {
        "daemon": result.name,
        "ok": result.is_well,
        "message": result.summary,
        "status": None if said is None else _status(said),
        "log": result.log,
    }


def _status(said: StatusReply) -> dict[str, object]:
    return {
        "games": said.active,
        "slots": said.max_concurrent,
        "queued": said.queued,
        "played": said.total,
        "uptime_seconds": said.uptime_seconds,
    }


def _measured(each: Measured) -> dict[str, object]:
    rates = {"games_per_second": each.played, "games_per_second_by_status": each.risen}
    return {
        "daemon": each.endpoint,
        "slots": each.slots,
        **{name: None if rate is None else _rate(rate) for name, rate in rates.items()},
        "median_seconds": quantile(each.durations, 0.5) if each.durations else None,
        "p95_seconds": quantile(each.durations, 0.95) if each.durations else None,
        "message": each.problem,
    }


def _rate(rate: MeasuredRate) -> dict[str, object]:
    return {"games": rate.games, "rate": rate.value, "low": rate.low, "high": rate.high}


def _print_result(console: Console, result: Result) -> None:
    """One line as soon as a result is there, with the log of what went wrong."""
    line = f"{result.name:<24} {result.summary}"
    said = result.status
    if said is not None:
        line += f"  games {said.active}/{said.max_concurrent}, played {_shown(said.total)}"
    console.print(line, markup=False, soft_wrap=True)
    for each in result.log.splitlines():
        console.print(f"    | {each}", markup=False, soft_wrap=True)


async def _ask_all(names: Sequence[str], output: Output) -> bool:
    """Show what each says of itself; gives whether all answer."""

    async def ask(name: str) -> dict[str, object]:
        try:
            said = await ask_status(name)
        except NoStatus as error:
            if not output.is_for_programs:
                echo(f"{name:<24} {error}")
            return {"daemon": name, "ok": False, "message": str(error), "status": None}
        if not output.is_for_programs:
            echo(
                f"{name:<24} games {said.active}/{said.max_concurrent}, queued"
                f" {_shown(said.queued)}, played {_shown(said.total)}, up"
                f" {_shown(said.uptime_seconds)} s"
            )
        return {"daemon": name, "ok": True, "message": "", "status": _status(said)}

    found = await asyncio.gather(*(ask(name) for name in names))
    if output.is_for_programs:
        write(found, output)
    return all(each["ok"] for each in found)


def _shown(number: int | None) -> str:
    return _NONE if number is None else str(number)


def _table(found: Sequence[Measured]) -> Table:
    table = plain_table("daemon")
    for title in ("slots", "games", "games/s", "95 %", "by STATUS", "median s", "p95 s"):
        table.add_column(title.upper(), justify="right", no_wrap=True)
    for each in found:
        table.add_row(each.endpoint, *_cells(each))
    if len(found) > 1:
        durations = tuple(seconds for each in found for seconds in each.durations)
        total = Measured(
            "all",
            slots=sum(each.slots for each in found),
            played=sum_of([each.played for each in found if each.played is not None]),
            risen=sum_of([each.risen for each in found if each.risen is not None]),
            durations=durations,
            failures=sum(each.failures for each in found),
        )
        table.add_row("all", *_cells(total))
    return table


def _cells(each: Measured) -> list[str]:
    played = each.played
    shown = played or each.risen
    return [
        str(each.slots),
        _NONE if shown is None else str(shown.games),
        _NONE if played is None else f"{played.value:.2f}",
        _NONE if shown is None else _interval(shown),
        _NONE if each.risen is None else f"{each.risen.value:.2f}",
        f"{quantile(each.durations, 0.5):.2f}" if each.durations else _NONE,
        f"{quantile(each.durations, 0.95):.2f}" if each.durations else _NONE,
    ]


def _interval(rate: MeasuredRate) -> str:
    return f"{rate.low:.2f}-{rate.high:.2f}"
