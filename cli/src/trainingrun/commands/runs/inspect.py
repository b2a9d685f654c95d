"""The verbs that inspect runs: ``get``, ``status``, ``describe``, ``top``, ``events``, ``logs``,
``ledger``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.plain_text import one_line
from trainingrun_reconciler.roles import ROLES

from trainingrun.commands.candidates import complete_member, complete_role, complete_run
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Group, Panel, Verbs
from trainingrun.commands.options import (
    EverywhereOption,
    FollowOption,
    NameArgument,
    WatchOption,
)
from trainingrun.commands.output import (
    Output,
    OutputOption,
    document_of,
    list_of,
    write,
    write_line,
)
from trainingrun.commands.runs.facts import Row, is_over
from trainingrun.commands.runs.ledger import print_ledger
from trainingrun.commands.runs.scaling import picture_of_scaling, scaling_of
from trainingrun.commands.runs.tables import (
    picture_of_events,
    picture_of_run,
    picture_of_runs,
)
from trainingrun.commands.runs.target import Where, runs_at, show_place
from trainingrun.commands.runs.watching import ChangingRows
from trainingrun.commands.terminal import console_for_tables, echo, printable, printable_line
from trainingrun.local.folder import RunFolder
from trainingrun.sdk import (
    Event,
    LocalPlace,
    LogLine,
    LogQuery,
    Member,
    TrainingRuns,
)

_EVERY_SECONDS: Final = 2.0
_COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue", "red")
_NEVER: Final = threading.Event()
_EVENT_TEXT: Final = 1100
"""The API server takes messages of 1024 characters."""

_DESCRIBE_RUN: Final = "run"


class DescribeGroup(Group):
    """``describe NAME`` is ``describe run NAME``, as kubectl hands expect it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take what is no verb of ours for the name of a run."""
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = [_DESCRIBE_RUN, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Our verbs, and names of runs."""
        verbs = super().shell_complete(ctx, incomplete)
        return [*verbs, *(type(verbs[0])(name) for name in complete_run(ctx, incomplete) if verbs)]


describe = Verbs(
    name="describe", help="Explain a run, or its number of daemons.", cls=DescribeGroup
)


@describe.callback()
def describe_group() -> None:
    """Explain a run, or its number of daemons."""


def get(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Names of runs. Default: all.", autocompletion=complete_run
        ),
    ] = None,
    *,
    watch: WatchOption = False,
    everywhere: EverywhereOption = False,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """List runs, a line each; with names, only those."""
    with runs_at(replace(where, everywhere=everywhere), names[0] if names else None) as runs:
        found = tuple(runs.get(name) for name in names) if names else runs.list()
        if watch:
            show_place(runs)
            _show_changes(runs, found, names, ChangingRows(output, with_namespace=everywhere))
        if output.is_for_programs:
            single = len(found) == 1 and bool(names)
            write(document_of(found[0]) if single else list_of(found), output)
            return
        show_place(runs)
        left = _unattended(runs, found)
        wide = output is Output.WIDE
        picture = picture_of_runs(found, wide=wide, with_namespace=everywhere, unattended=left)
    console_for_tables().print(picture)


def list_runs(
    *,
    watch: WatchOption = False,
    everywhere: EverywhereOption = False,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """List all runs, as get without names does."""
    get(watch=watch, everywhere=everywhere, output=output, where=where)


@describe.verb(
    _DESCRIBE_RUN,
    examples=(
        "trainingrun describe quickstart",
        "trainingrun describe run standard-ppo -n training",
    ),
)
def describe_run(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Show all that is known of a run: its status, conditions, members and events."""
    with runs_at(where, name) as runs:
        if output.is_for_programs:
            write(_all_of(runs, name), output)
            return
        run, history = runs.get(name), tuple(runs.events(name))
        picture = picture_of_run(
            title_of(runs, name),
            run,
            history,
            members=runs.members(name),
            conditions=True,
            events_shown=len(history),
        )
    console_for_tables().print(picture)


def status(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Show the state of a run: progress, strength, roles, and what is wrong.

    ``-o wide`` adds all conditions and members.
    """
    with runs_at(where, name) as runs:
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
        typer.Argument(
            metavar="NAME", help="Name of a run. Default: all.", autocompletion=complete_run
        ),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Show it once and exit.")] = False,
    everywhere: EverywhereOption = False,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Watch all runs, or the roles, daemons, queue and rates of one; Ctrl-C ends it.

    Where the output is not a terminal, it is shown once.
    """
    with runs_at(replace(where, everywhere=everywhere), name) as runs:
        if output.is_for_programs:
            write(_all_of(runs, name), output)
            return

        def draw() -> RenderableType:
            return _picture(runs, name, wide=output is Output.WIDE, everywhere=everywhere)

        console = console_for_tables()
        if once or not console.is_terminal:
            show_place(runs)
            console.print(draw())
        else:
            _live(draw, console)


def events(
    name: NameArgument,
    *,
    follow: FollowOption = False,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Show what happened to a run, oldest first. A cluster keeps events for an hour."""
    with runs_at(where, name) as runs:
        show_place(runs)
        if follow:
            for event in runs.events(name, follow=True):
                _print_event(event, output)
            return
        found = list(runs.events(name))
        if output.is_for_programs:
            write(found, output)
        elif found:
            picture = picture_of_events(found, wide=output is Output.WIDE)
            console_for_tables().print(picture)
        else:
            echo("no events are on record")


def logs(
    name: NameArgument,
    *,
    role: Annotated[
        str | None,
        typer.Option(
            "-r",
            "--role",
            metavar="ROLE",
            help="Only members of this role.",
            autocompletion=complete_role,
        ),
    ] = None,
    member: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--member",
            metavar="MEMBER",
            help="Only this one.",
            autocompletion=complete_member,
        ),
    ] = None,
    follow: FollowOption = False,
    tail: Annotated[
        int | None, typer.Option(min=0, help="Only the last lines of each member.")
    ] = None,
    previous: Annotated[
        bool, typer.Option("-p", "--previous", help="Of the process before the last restart.")
    ] = False,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Show what the members of a run have logged, each line with its member's name before it."""
    if follow and previous:
        raise UserError("--previous is over and cannot be followed: leave --follow out")
    known = {each.role.value for each in ROLES}
    if role is not None and role not in known:
        raise UserError(f"--role {role}: unknown role: use {', '.join(sorted(known))}")
    query = LogQuery(role=role, member=member, tail=tail, previous=previous, follow=follow)
    with runs_at(where, name) as runs:
        show_place(runs)
        _print_lines(runs.logs(name, query), output)


@describe.verb(
    examples=(
        "trainingrun describe scaling quickstart",
        "trainingrun describe scaling standard-ppo -n training -o json",
    )
)
def scaling(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Explain the number of daemons: limits, the last decision with its inputs, the history."""
    with runs_at(where, name) as runs:
        run, history = runs.get(name), tuple(runs.events(name))
        if output.is_for_programs:
            write(scaling_of(run, history), output)
            return
        picture = picture_of_scaling(list(title_of(runs, name)), run, history)
    console_for_tables().print(picture)


def ledger(
    name: NameArgument,
    *,
    output: OutputOption = Output.TABLE,
    where: Where,
) -> None:
    """Show what became of every transition of a run. Exit code 1: the sum is wrong."""
    with runs_at(where, name) as runs:
        run = runs.get(name)
    raise typer.Exit(0 if print_ledger(run, output) else 1)


def title_of(runs: TrainingRuns, name: str) -> Iterator[Row]:
    """Yield where a run is, and which process reconciles it."""
    yield "place", runs.title
    if isinstance(runs.place, LocalPlace):
        holder = _holder(runs.place, name)
        yield "process", holder or "not running (last known state below)"


def _holder(place: LocalPlace, name: str) -> str | None:
    """Return the process that reconciles a local run."""
    return RunFolder((place.state / name).absolute()).holder()


def _unattended(runs: TrainingRuns, found: Sequence[TrainingRun]) -> frozenset[str]:
    """Return local runs that have not ended, and that no process reconciles."""
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
    history: tuple[Event, ...] = tuple(runs.events(name))
    return picture_of_run(
        title_of(runs, name), run, history, members=_shown(members, wide=wide), conditions=wide
    )


def _shown(members: tuple[Member, ...], *, wide: bool) -> tuple[Member, ...]:
    """Return those that differ, and as many others as a screen takes; all of them when it is
    wide."""
    most = len(members) if wide else 40
    return tuple(sorted(members, key=lambda member: (member.role, member.name))[:most])


def _show_changes(
    runs: TrainingRuns,
    found: Sequence[TrainingRun],
    names: Collection[str] | None,
    rows: ChangingRows,
) -> NoReturn:
    """Show these runs, and then each that changes, until Ctrl-C; one that is deleted is shown
    no longer."""
    while True:
        rows.show(found, unattended=_unattended(runs, found))
        _NEVER.wait(_EVERY_SECONDS)
        found = tuple(run for run in runs.list() if not names or run.metadata.name in names)


def _live(draw: Callable[[], RenderableType], console: Console) -> None:
    with Live(draw(), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while not _NEVER.wait(_EVERY_SECONDS):
            live.update(draw(), refresh=True)


def _print_event(event: Event, output: Output) -> None:
    if output.is_for_programs:
        write_line(event, output)
        return
    mark = "!" if event.warning else "-"
    moment = event.at.astimezone().strftime("%H:%M:%S")
    said = one_line(f"{event.reason}: {event.message}", _EVENT_TEXT)
    echo(printable_line(f"{moment} {mark} {said}"))


def _print_lines(lines: Iterator[LogLine], output: Output) -> None:
    """With a colour per member on a terminal; flushed line by line, as a pipe may be watched."""
    out = console_for_tables()
    colours: dict[str, str] = {}
    for line in lines:
        if output.is_for_programs:
            write_line(line, output)
        elif out.is_terminal:
            colour = colours.setdefault(line.member, _COLOURS[len(colours) % len(_COLOURS)])
            text = Text.assemble((line.member, colour), " ", printable(line.text))
            out.print(text, soft_wrap=True)
        else:
            echo(f"{line.member} {line.text}")


def add_inspect(app: Verbs) -> None:
    """Add the verbs to the command."""
    panel = Panel.INSPECT
    app.verb(
        "get",
        panel=panel,
        examples=(
            "trainingrun get",
            "trainingrun get quickstart -o yaml",
            "trainingrun get -A -o wide",
            "trainingrun get quickstart --watch",
        ),
    )(get)
    app.verb("list", panel=panel, examples=("trainingrun list", "trainingrun list -A -o json"))(
        list_runs
    )
    app.verb(
        panel=panel,
        examples=(
            "trainingrun status quickstart",
            "trainingrun status standard-ppo -n training -o wide",
            "kubectl trainingrun status standard-ppo -o json",
        ),
    )(status)
    app.add_group(describe, panel=panel)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun top",
            "trainingrun top quickstart",
            "trainingrun top -A --once",
        ),
    )(top)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun events quickstart",
            "trainingrun events standard-ppo -n training --follow",
        ),
    )(events)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun logs quickstart --role learner --tail 50",
            "trainingrun logs standard-ppo -n training --role actor --follow",
            "trainingrun logs quickstart --member daemon-0 --previous",
        ),
    )(logs)
    app.verb(
        panel=panel,
        examples=(
            "trainingrun ledger quickstart",
            "trainingrun ledger standard-ppo -n training",
        ),
    )(ledger)
