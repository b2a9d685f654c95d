"""The verbs ``daemons start``, ``stop``, ``status`` and ``bench``, and what they print.

asyncssh is imported when a verb needs it: it takes 0.3 s, and a cluster's image does not have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from trainingrun_operator.cli.addresses import endpoints_in
from trainingrun_operator.cli.durations import seconds_in
from trainingrun_operator.cli.errors import UserError
from trainingrun_operator.cli.machines.inventory import Machine, read_machines
from trainingrun_operator.cli.machines.measure import (
    Measured,
    Plan,
    Rate,
    measure,
    quantile,
    sum_of,
    watch,
)
from trainingrun_operator.controller.daemon_status import NoStatus, ask_status

if TYPE_CHECKING:
    from trainingrun_operator.cli.machines.fleet import Result
    from trainingrun_operator.cli.machines.ssh import Trust

_NONE: Final = "-"

MachinesOption = Annotated[
    Path, typer.Option("--machines", help="Machines in YAML; see docs/guides/external-daemons.md.")
]
MaybeMachinesOption = Annotated[
    Path | None, typer.Option("--machines", help="In place of addresses: machines in YAML.")
]
KnownHostsOption = Annotated[
    Path | None, typer.Option(help="Host keys in place of ~/.ssh/known_hosts.")
]
AddressesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="HOST:PORT…", help="Daemons, wherever they are.")
]


def add_verbs(daemons: typer.Typer) -> None:
    """Give the group ``daemons`` the verbs of this module."""
    daemons.command(epilog="Example: trainingrun daemons start --machines machines.yaml")(start)
    daemons.command(epilog="Example: trainingrun daemons stop --machines machines.yaml")(stop)
    daemons.command(
        epilog="Examples:\n\ntrainingrun daemons status --machines machines.yaml\n\n"
        "trainingrun daemons status 10.0.0.5:17171 10.0.0.6:17171"
    )(status)
    daemons.command(
        epilog="Examples:\n\ntrainingrun daemons bench 10.0.0.5:17171 --seconds 60\n\n"
        "trainingrun daemons bench --machines machines.yaml --passive"
    )(bench)


def start(
    *,
    machines: MachinesOption,
    known_hosts: KnownHostsOption = None,
    wait: Annotated[str, typer.Option(help="Time for each daemon to answer: 90s, 2m.")] = "60s",
) -> None:
    """Start the daemons of a list of machines over SSH; those that run already stay as they are.

    Each counts as started when it answers from here. Of one that does not, the end of its log is
    shown. The last line names all that answer, for `trainingrun local --daemons`.
    Exit code 1: a daemon did not start.
    """
    found, seconds = read_machines(machines), seconds_in(wait, option="--wait")
    trust = _trust(known_hosts)
    from trainingrun_operator.cli.machines import fleet  # noqa: PLC0415 (see the module's head)

    console = Console(highlight=False)
    wanted = _number(found)
    results = asyncio.run(
        fleet.start(found, trust, lambda result: _tell(console, result), seconds=seconds)
    )
    well = [result.name for result in results if result.is_well]
    typer.echo(f"{len(well)} of {wanted} daemons serve games")
    if well:
        typer.echo(f"--daemons {','.join(well)}")
    raise typer.Exit(0 if len(well) == wanted else 1)


def stop(
    *,
    machines: MachinesOption,
    known_hosts: KnownHostsOption = None,
    drain: Annotated[
        str, typer.Option(help="Time for running games to end; then it is killed.")
    ] = "60s",
) -> None:
    """Stop the daemons that `daemons start` has started, and no others.

    Exit code 1: a machine could not be asked.
    """
    found, seconds = read_machines(machines), int(seconds_in(drain, option="--drain"))
    trust = _trust(known_hosts)
    from trainingrun_operator.cli.machines import fleet  # noqa: PLC0415 (see the module's head)

    console = Console(highlight=False)
    results = asyncio.run(
        fleet.stop(found, trust, lambda result: _tell(console, result), seconds=seconds)
    )
    raise typer.Exit(0 if all(result.is_well for result in results) else 1)


def status(
    addresses: AddressesArgument = None,
    *,
    machines: MaybeMachinesOption = None,
    known_hosts: KnownHostsOption = None,
) -> None:
    """Show how daemons stand: whether they run, and their games.

    Exit code 1: one does not serve games.
    """
    console = Console(highlight=False)
    if machines is None:
        all_answer = asyncio.run(_ask_all(_addresses(addresses), console))
        raise typer.Exit(0 if all_answer else 1)
    _only_one(addresses)
    found, trust = read_machines(machines), _trust(known_hosts)
    from trainingrun_operator.cli.machines import fleet  # noqa: PLC0415 (see the module's head)

    results = asyncio.run(fleet.look(found, trust, lambda result: _tell(console, result)))
    well = sum(result.is_well for result in results)
    typer.echo(f"{well} of {_number(found)} daemons run and serve games")
    raise typer.Exit(0 if well == _number(found) else 1)


def bench(
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
        bool, typer.Option("--passive", help="Play nothing: see how their counters rise.")
    ] = False,
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
    plan = Plan((first, second), seconds, warmup, games)
    told = "watching" if passive else f"playing, {warmup:g} s unmeasured, then"
    typer.echo(f"{len(names)} daemons: {told} {seconds:g} s …", err=True)
    found = asyncio.run((watch if passive else measure)(names, plan))
    Console(highlight=False, width=None).print(_table(found))
    raise typer.Exit(1 if any(each.trouble for each in found) else 0)


def _trust(known_hosts: Path | None) -> Trust:
    if find_spec("asyncssh") is None:
        raise UserError("daemons: asyncssh not installed: install trainingrun-operator[local]")
    if known_hosts is not None and not known_hosts.is_file():
        raise UserError(f"--known-hosts {known_hosts}: no such file: make it with ssh-keyscan")
    from trainingrun_operator.cli.machines.ssh import Trust  # noqa: PLC0415 (see the module's head)

    return Trust(known_hosts)


def _addresses(addresses: Sequence[str] | None) -> tuple[str, ...]:
    if not addresses:
        raise UserError("daemons: which? Give addresses (10.0.0.5:17171), or --machines FILE")
    return endpoints_in(",".join(addresses), where="daemons")


def _only_one(addresses: Sequence[str] | None) -> None:
    if addresses:
        raise UserError("daemons: give either addresses or --machines, not both")


def _number(machines: Sequence[Machine]) -> int:
    return sum(len(machine.places) for machine in machines)


def _tell(console: Console, result: Result) -> None:
    """One line as soon as a result is there, with the log of what went wrong."""
    line = f"{result.name:<24} {result.words}"
    said = result.status
    if said is not None:
        line += f"  games {said.active}/{said.max_concurrent}, played {_shown(said.total)}"
    console.print(line, markup=False, soft_wrap=True)
    for each in result.log.splitlines():
        console.print(f"    | {each}", markup=False, soft_wrap=True)


async def _ask_all(names: Sequence[str], console: Console) -> bool:
    """Tell what each says of itself; gives whether all answer."""

    async def ask(name: str) -> bool:
        try:
            said = await ask_status(name)
        except NoStatus as error:
            console.print(f"{name:<24} {error}", markup=False, soft_wrap=True)
            return False
        console.print(
            f"{name:<24} games {said.active}/{said.max_concurrent}, queued {_shown(said.queued)},"
            f" played {_shown(said.total)}, up {_shown(said.uptime_seconds)} s",
            markup=False,
            soft_wrap=True,
        )
        return True

    return all(await asyncio.gather(*(ask(name) for name in names)))


def _shown(number: int | None) -> str:
    return _NONE if number is None else str(number)


def _table(found: Sequence[Measured]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("daemon", no_wrap=True)
    for title in ("slots", "games", "games/s", "95 %", "by STATUS", "median s", "p95 s"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for each in found:
        table.add_row(each.endpoint, *_cells(each), each.trouble)
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
        table.add_row("all", *_cells(total), "")
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


def _interval(rate: Rate) -> str:
    return f"{rate.low:.2f}-{rate.high:.2f}"
