"""The verbs that look: ``status``, ``top``, ``events``, ``logs``, ``describe scaling``,
``ledger``."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.client import (
    Event,
    LocalPlace,
    LogLine,
    LogQuery,
    Member,
    TrainingRuns,
)
from trainingrun_contracts.plain_text import one_line

from trainingrun_operator.backends.local.folder import RunFolder
from trainingrun_operator.cli.errors import UserError
from trainingrun_operator.cli.runs.facts import Row, is_over
from trainingrun_operator.cli.runs.ledger import print_ledger
from trainingrun_operator.cli.runs.names import complete_member, complete_role, complete_run
from trainingrun_operator.cli.runs.output import (
    Output,
    OutputOption,
    console_for_tables,
    document_of,
    list_of,
    write,
)
from trainingrun_operator.cli.runs.pictures import (
    picture_of_events,
    picture_of_run,
    picture_of_runs,
)
from trainingrun_operator.cli.runs.scaling import picture_of_scaling, scaling_of
from trainingrun_operator.cli.runs.where import (
    ContextOption,
    KubeconfigOption,
    NamespaceOption,
    StateOption,
    Where,
    runs_at,
    show_place,
)
from trainingrun_operator.desired.workload import Role

_EVERY_SECONDS: Final = 2.0
_COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue", "red")
_NEVER: Final = threading.Event()
_EVENT_TEXT: Final = 1100
"""The API server takes messages of 1024 characters."""

NameArgument = Annotated[str, typer.Argument(help="Name of a run.", autocompletion=complete_run)]

describe = typer.Typer(name="describe", help="Say why something is as it is.", no_args_is_help=True)


@describe.callback()
def describe_group() -> None:
    """Say why something is as it is."""


def status(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Show how a run stands: progress, strength, roles, and what is wrong.

    ``-o wide`` adds all conditions and members.
    """
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        run = runs.get(name)
        if output.is_for_programs:
            write(document_of(run), output)
            return
        wide = output is Output.WIDE
        members = runs.members(name) if wide else None
        picture = picture_of_run(
            title_of(runs, name), run, tuple(runs.events(name)), members=members, conditions=wide
        )
    console_for_tables().print(picture)


def top(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a run. Default: all of them.", autocompletion=complete_run),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    everywhere: Annotated[
        bool,
        typer.Option(
            "-A", "--all-namespaces", help="All namespaces.", rich_help_panel="On a cluster"
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Watch all runs, or the roles, daemons, queue and rates of one; Ctrl-C ends it.

    Where the output is no terminal, it is shown once.
    """
    where = Where(state, namespace, context, kubeconfig, everywhere)
    with runs_at(where, name) as runs:
        if output.is_for_programs:
            write(_all_of(runs, name), output)
            return

        def look() -> RenderableType:
            return _picture(runs, name, wide=output is Output.WIDE, everywhere=everywhere)

        console = console_for_tables()
        if once or not console.is_terminal:
            show_place(runs)
            console.print(look())
        else:
            _live(look, console)


def events(
    name: NameArgument,
    *,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on as things happen; Ctrl-C ends it.")
    ] = False,
    output: OutputOption = Output.TABLE,
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Show what happened to a run, oldest first. A cluster keeps events for an hour."""
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        show_place(runs)
        if follow:
            for event in runs.events(name, follow=True):
                _print_event(event, output)
            return
        found = list(runs.events(name))
        if output.is_for_programs:
            write(found, output)
        elif found:
            console_for_tables().print(picture_of_events(found))
        else:
            typer.echo("no events are on record")


def logs(  # noqa: PLR0913 (each option of the command is an argument to typer)
    name: NameArgument,
    *,
    role: Annotated[
        str | None,
        typer.Option(
            "-r", "--role", help="Only members of this role.", autocompletion=complete_role
        ),
    ] = None,
    member: Annotated[
        str | None,
        typer.Option("-m", "--member", help="Only this one.", autocompletion=complete_member),
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on as lines come; Ctrl-C ends it.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option(min=0, help="Only the last lines of each member.")
    ] = None,
    previous: Annotated[
        bool, typer.Option("-p", "--previous", help="Of the life before the last restart.")
    ] = False,
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Show what the members of a run have logged, each line with its member's name before it."""
    if follow and previous:
        raise UserError("--previous is over and cannot be followed: leave --follow out")
    known = {each.value for each in Role}
    if role is not None and role not in known:
        raise UserError(f"--role {role}: there is no such role: give {', '.join(sorted(known))}")
    query = LogQuery(role=role, member=member, tail=tail, previous=previous, follow=follow)
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        show_place(runs)
        _print_lines(runs.logs(name, query))


@describe.command(
    epilog="Examples:\n\n"
    "trainingrun describe scaling quickstart\n\n"
    "trainingrun describe scaling standard-ppo -n training -o json"
)
def scaling(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Say why a run has so many daemons: limits, the last decision with its inputs, the history."""
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        run, told = runs.get(name), tuple(runs.events(name))
        if output.is_for_programs:
            write(scaling_of(run, told), output)
            return
        picture = picture_of_scaling(list(title_of(runs, name)), run, told)
    console_for_tables().print(picture)


def ledger(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    state: StateOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Show what became of every transition of a run. Exit code 1: the sum is wrong."""
    with runs_at(Where(state, namespace, context, kubeconfig), name) as runs:
        run = runs.get(name)
    raise typer.Exit(0 if print_ledger(run, output) else 1)


def title_of(runs: TrainingRuns, name: str) -> Iterator[Row]:
    """Where a run is, and who looks after it."""
    yield "place", runs.title
    if isinstance(runs.place, LocalPlace):
        holder = _holder(runs.place, name)
        yield "process", holder or "none: the rest is how the run stood when its process ended"


def _holder(place: LocalPlace, name: str) -> str | None:
    """The process that looks after a local run."""
    return RunFolder((place.state / name).absolute()).holder()


def _unattended(runs: TrainingRuns, found: Sequence[TrainingRun]) -> frozenset[str]:
    """Local runs that are not over, and that no process looks after."""
    place = runs.place
    if not isinstance(place, LocalPlace):
        return frozenset()
    names = (run.metadata.name for run in found if not is_over(run))
    return frozenset(name for name in names if _holder(place, name) is None)


def _all_of(runs: TrainingRuns, name: str | None) -> object:
    if name is None:
        return list_of(runs.list())
    run, members = runs.get(name), runs.members(name)
    return {"run": document_of(run), "members": members, "events": tuple(runs.events(name))}


def _picture(
    runs: TrainingRuns, name: str | None, *, wide: bool, everywhere: bool
) -> RenderableType:
    if name is None:
        found = runs.list()
        left = _unattended(runs, found)
        return picture_of_runs(found, wide=wide, with_namespace=everywhere, unattended=left)
    run, members = runs.get(name), runs.members(name)
    told: tuple[Event, ...] = tuple(runs.events(name))
    return picture_of_run(
        title_of(runs, name), run, told, members=_shown(members, wide=wide), conditions=wide
    )


def _shown(members: tuple[Member, ...], *, wide: bool) -> tuple[Member, ...]:
    """Those that differ, and as many others as a screen takes; all of them when it is wide."""
    most = len(members) if wide else 40
    return tuple(sorted(members, key=lambda member: (member.role, member.name))[:most])


def _live(look: Callable[[], RenderableType], console: Console) -> None:
    with Live(look(), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while not _NEVER.wait(_EVERY_SECONDS):
            live.update(look(), refresh=True)


def _print_event(event: Event, output: Output) -> None:
    if output.is_for_programs:
        typer.echo(json.dumps(msgspec.to_builtins(event), ensure_ascii=False))
        sys.stdout.flush()
        return
    mark = "!" if event.warning else "-"
    moment = event.at.astimezone().strftime("%H:%M:%S")
    said = one_line(f"{event.reason}: {event.message}", _EVENT_TEXT)
    typer.echo(f"{moment} {mark} {said}")
    sys.stdout.flush()


def _print_lines(lines: Iterator[LogLine]) -> None:
    """With a colour per member on a terminal; flushed line by line, as a pipe may be watched."""
    console = Console(highlight=False, soft_wrap=True)
    colours: dict[str, str] = {}
    for line in lines:
        if console.is_terminal:
            colour = colours.setdefault(line.member, _COLOURS[len(colours) % len(_COLOURS)])
            console.print(f"[{colour}]{escape(line.member)}[/] {escape(line.text)}")
        else:
            sys.stdout.write(f"{line.member} {line.text}\n")
            sys.stdout.flush()


def add_looking(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command(
        epilog="Examples:\n\ntrainingrun status quickstart\n\n"
        "trainingrun status standard-ppo -n training -o wide\n\n"
        "kubectl trainingrun status standard-ppo -o json"
    )(status)
    app.command(
        epilog="Examples:\n\ntrainingrun top\n\ntrainingrun top quickstart\n\n"
        "trainingrun top -A --once"
    )(top)
    app.command(
        epilog="Examples:\n\ntrainingrun events quickstart\n\n"
        "trainingrun events standard-ppo -n training --follow"
    )(events)
    app.command(
        epilog="Examples:\n\ntrainingrun logs quickstart --role learner --tail 50\n\n"
        "trainingrun logs standard-ppo -n training --role actor --follow\n\n"
        "trainingrun logs quickstart --member daemon-0 --previous"
    )(logs)
    app.add_typer(describe)
    app.command(
        epilog="Examples:\n\ntrainingrun ledger quickstart\n\n"
        "trainingrun ledger standard-ppo -n training"
    )(ledger)
