"""The verbs of ``trainingrun league``: bring one up on this machine, show it, take it down."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from msgspec import Struct

from trainingrun.commands.candidates import complete_league
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Verbs
from trainingrun.commands.installed import require_league_services
from trainingrun.commands.league.tables import (
    health_table,
    models_sentence,
    plain_rows,
    queue_sentence,
)
from trainingrun.commands.league.target import DEFAULT, WhichLeague, league_at, place_of
from trainingrun.commands.options import STATE, LocalStateOption, Output, OutputOption
from trainingrun.commands.output import write
from trainingrun.commands.terminal import console_for_tables, echo
from trainingrun.local.league_folder import (
    LeagueFolder,
    LeagueFolderError,
    Ready,
    league_folder,
)
from trainingrun.sdk.connecting import connect_to_league
from trainingrun.sdk.errors import ClientError
from trainingrun.sdk.league_values import LeagueAt, LocalLeague, Model, Stage
from trainingrun.sdk.run_tables import mark_run_tables

Answer = TypeVar("Answer")

_HELP: Final = "A league, in which models of many runs meet: bring one up here, or ask one."
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?")

_ROTATION_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.2

league = Verbs(name="league", help=_HELP)


@dataclass(frozen=True)
class WhichEngine:
    """The options that say where an engine plays the league's games."""

    daemons: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,…",
            help="Daemons that play its games: of Magic, and of engines of your own.",
        ),
    ] = None
    decks: Annotated[
        str | None,
        typer.Option(metavar="NAME,…", help="Decks of which each game of Magic draws two."),
    ] = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of the league's process."""
        given = {"daemons": self.daemons, "decks": self.decks}
        return tuple(
            f"--set=game.{name}={value}" for name, value in given.items() if value is not None
        )


NameOption = Annotated[
    str,
    typer.Option("--name", metavar="NAME", help="Of the league.", autocompletion=complete_league),
]


@league.callback()
def league_group() -> None:
    """A league, in which models of many runs meet: bring one up here, or ask one."""


@league.verb(
    "up",
    examples=(
        "trainingrun league up --environment connect_four",
        "trainingrun league up --environment connect_four --workers 2 --usual-ports",
        "trainingrun league up --environment magic --daemons localhost:17171 --decks test_red",
    ),
)
def bring_league_up(
    engine: WhichEngine,
    *,
    environment: Annotated[
        str,
        typer.Option(metavar="ENVIRONMENT", help="What its models play, such as connect_four."),
    ],
    name: NameOption = DEFAULT,
    state: LocalStateOption = STATE,
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Processes that play the league's matches.")
    ] = 1,
    web_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the web page; 0 takes a free one.")
    ] = 0,
    usual_ports: Annotated[
        bool,
        typer.Option("--usual-ports", help="Serve on the ports 50051 to 50055, not on free ones."),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start a league on this machine, in the background: its services, and who plays.

    Keys, certificates and tokens are made in its folder, and SQLite and files hold what it knows.
    It stays up until `trainingrun league down`.
    """
    require_league_services()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun.local.league_processes import (  # noqa: PLC0415
        LeagueStartError,
        UpRequest,
        bring_up,
        is_running,
    )

    folder = league_folder(state, _checked(name))
    try:
        known = folder.read_up()
        if known is not None and is_running(known.league):
            raise UserError(
                f"the league {name} is up already: see `trainingrun league status`, or take it down"
                " first"
            )
        request = UpRequest(
            environment,
            workers,
            web_port,
            usual_ports=usual_ports,
            arguments=engine.arguments,
        )
        ready = bring_up(folder, request)
    except (LeagueStartError, LeagueFolderError) as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"{folder.root}: {error.strerror}") from error
    mark_run_tables(state)  # runs may have ended while it was away
    if output.is_for_programs:
        write(_document(folder, ready), output)
        return
    echo(f"The league {name} is up: models of {environment} meet here.")
    _print_addresses(folder, ready)
    flag = "" if name == DEFAULT else f" --league {name}"
    echo(f"A run joins it by `trainingrun local -f FILE --league {name}`.")
    echo(f"See `trainingrun league status{flag}`, and end it with `trainingrun league down`.")


@league.verb(
    "status",
    examples=("trainingrun league status", "trainingrun league status --league league.example"),
)
def show_league(which: WhichLeague, *, output: OutputOption = Output.TABLE) -> None:
    """Show whether a league's services serve, its models, and what waits to be played.

    Exit code 1: a service does not serve.
    """
    place = place_of(which)
    with league_at(which) as found:
        services = found.health()
        models, queue = _asked(found.models), _asked(found.queue)
    here = _here(place) if isinstance(place, LocalLeague) else None
    if output.is_for_programs:
        known = None if isinstance(models, str) else _counts(models)
        waiting = None if isinstance(queue, str) else queue
        document = {"services": services, "models": known, "queue": waiting}
        write(document if here is None else {**document, "here": here}, output)
    else:
        out = console_for_tables()
        out.print(health_table(services))
        out.print()
        rows = [
            ("Models", models if isinstance(models, str) else models_sentence(models)),
            ("Matches", queue if isinstance(queue, str) else queue_sentence(queue)),
        ]
        out.print(plain_rows(*rows, *([] if here is None else _rows_of(here))))
    raise typer.Exit(0 if all(each.serves for each in services) else 1)


@league.verb("down", examples=("trainingrun league down",))
def take_league_down(
    *,
    name: NameOption = DEFAULT,
    state: LocalStateOption = STATE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a league of this machine down; all that it knows stays, for the next up."""
    require_league_services()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun.local.league_processes import take_down  # noqa: PLC0415

    folder = league_folder(state, _checked(name))
    try:
        known = folder.read_up()
    except LeagueFolderError as error:
        raise UserError(str(error)) from error
    if known is None:
        raise UserError(f"there is no league {name} in {state} that is up")
    killed = take_down(folder, known)
    if output.is_for_programs:
        write({"name": name, "folder": str(folder.root), "killed": killed}, output)
        return
    left = f"; {len(killed)} processes had to be killed" if killed else ""
    echo(f"The league {name} is down{left}. Its models and results are in {_shown(folder.root)}.")


@league.verb("rotate", examples=("trainingrun league rotate", "trainingrun league rotate --finish"))
def rotate_key(
    *,
    name: NameOption = DEFAULT,
    finish: Annotated[
        bool, typer.Option("--finish", help="Refuse tokens of the old keys from now on.")
    ] = False,
    state: LocalStateOption = STATE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Have a league of this machine sign its tokens with another key, while it runs.

    Runs and workers of this machine take the new token over by themselves. Old tokens stay valid
    until --finish is given; what other machines and people show is given out anew before.
    """
    require_league_services()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun.local.league_processes import (  # noqa: PLC0415
        LeagueStartError,
        begin_rotation,
        finish_rotation,
        publish_token,
    )

    folder = league_folder(state, _checked(name))
    try:
        if finish:
            ended = finish_rotation(folder)
        else:
            ended = 0
            token = begin_rotation(folder)
            _wait_for_key(folder, token)
            publish_token(folder, token)
    except (LeagueStartError, LeagueFolderError) as error:
        raise UserError(str(error)) from error
    if output.is_for_programs:
        write({"name": name, "finished": finish, "keysRefused": ended}, output)
    elif finish:
        keys = "the old key" if ended == 1 else f"{ended or 'no'} old keys"
        echo(f"Tokens of {keys} are refused. The league's certificates are as before.")
    else:
        echo("Tokens are signed with a new key; old ones are valid until you end it:")
        echo("give tokens to people and other machines anew (python -m trainingrun_league token),")
        echo(f"then call `trainingrun league rotate --finish{_named(name)}`.")


def _named(name: str) -> str:
    return "" if name == DEFAULT else f" --name {name}"


def _wait_for_key(folder: LeagueFolder, token: str) -> None:
    """Wait until a league that is up accepts a token of the new key.

    Raises:
        UserError: it does not.
    """
    ready, access = folder.read_ready(), folder.read_access()
    if ready is None or access is None:
        return  # it reads its keys when it comes up
    place = LeagueAt(ready.services, token, access.authority, ready.encrypted)
    deadline = time.monotonic() + _ROTATION_SECONDS
    with connect_to_league(place) as found:
        while True:
            try:
                found.queue()
            except ClientError as error:
                if time.monotonic() > deadline:
                    raise UserError(
                        f"the league does not accept the new key ({error}); old tokens are valid:"
                        f" see its log {folder.log}, then rotate again"
                    ) from error
                time.sleep(_POLL_SECONDS)
            else:
                return


class Here(Struct, frozen=True):
    """What runs of a league on this machine."""

    folder: str
    environment: str
    web: str | None
    workers: int
    running_workers: int


def _here(place: LocalLeague) -> Here | None:
    require_league_services()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun.local.league_processes import is_running  # noqa: PLC0415

    folder = league_folder(place.state, place.name)
    try:
        up, ready = folder.read_up(), folder.read_ready()
    except LeagueFolderError as error:
        raise UserError(str(error)) from error
    if up is None:
        return None
    return Here(
        folder=_shown(folder.root),
        environment=up.environment,
        web=web_page(ready) if ready is not None else None,
        workers=len(up.workers),
        running_workers=sum(map(is_running, up.workers)),
    )


def _rows_of(here: Here) -> list[tuple[str, str]]:
    rows = [
        ("Environment", here.environment),
        ("Workers", f"{here.running_workers} of {here.workers} run here"),
        ("Folder", f"{here.folder} (logs, database, weights)"),
    ]
    return rows if here.web is None else [("Web page", here.web), *rows]


def web_page(ready: Ready) -> str | None:
    """Return where the web page is, with a way in."""
    return None if ready.web is None else ready.web


def _print_addresses(folder: LeagueFolder, ready: Ready) -> None:
    page = web_page(ready)
    rows = [(name, address) for name, address in ready.services.items()]
    if page is not None:
        rows.append(("web page", page))
    rows.append(("folder", _shown(folder.root)))
    console_for_tables().print(plain_rows(*((f"  {name}", value) for name, value in rows)))


def _document(folder: LeagueFolder, ready: Ready) -> dict[str, Any]:
    return {
        "name": folder.name,
        "folder": str(folder.root),
        "services": ready.services,
        "encrypted": ready.encrypted,
        "web": web_page(ready),
    }


def _asked(ask: Callable[[], Answer]) -> Answer | str:
    """Return the answer, or why there is none: the other services still have theirs."""
    try:
        return ask()
    except ClientError as error:
        return str(error)


def _counts(models: Sequence[Model]) -> dict[str, int]:
    return {stage.value: sum(each.stage is stage for each in models) for stage in Stage}


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UserError(f"--name {name[:60]}: small letters, digits and '-', 53 at most")
    return name


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
