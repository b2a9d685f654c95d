"""Which league a verb is about: ``--league`` names one of this machine, or says where one is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from trainingrun_contracts.run_config import LEAGUE_AUTHORITY_VARIABLE, LEAGUE_TOKEN_VARIABLE

from trainingrun.commands.candidates import complete_league
from trainingrun.commands.errors import UserError
from trainingrun.commands.installed import require_league
from trainingrun.commands.options import StateOption
from trainingrun.local.league_folder import league_folder, league_names
from trainingrun.sdk.connecting import connect_to_league
from trainingrun.sdk.errors import ClientError
from trainingrun.sdk.league_values import LeagueAt, LeaguePlace, LocalLeague
from trainingrun.sdk.values import STATE

if TYPE_CHECKING:
    from trainingrun.sdk.leagues import League

DEFAULT: Final = "league"
SERVICES: Final = ("game", "matchmaker", "model", "elo", "replay")
_FIRST_PORT: Final = 50051
_PANEL: Final = "Which league"

LeagueOption = Annotated[
    str | None,
    typer.Option(
        "--league",
        metavar="LEAGUE",
        autocompletion=complete_league,
        help="A league of this machine by its name; or where one is: HOST with the usual ports,"
        " or SERVICE=HOST:PORT,... for each. Default: the one of this machine.",
        rich_help_panel=_PANEL,
    ),
]
CaFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help=f"Who signs the certificates of a league elsewhere (PEM). Default: the variable"
        f" {LEAGUE_AUTHORITY_VARIABLE}, which holds the PEM, or what this machine trusts.",
        rich_help_panel=_PANEL,
    ),
]
LeagueTokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help=f"File with a token of a league elsewhere. Default: the variable"
        f" {LEAGUE_TOKEN_VARIABLE}.",
        rich_help_panel=_PANEL,
    ),
]
InsecureOption = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Speak without TLS to a league elsewhere that is served so.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class WhichLeague:
    """The options that name a league; a verb that takes one has them all."""

    league: LeagueOption = None
    token_file: LeagueTokenFileOption = None
    ca_file: CaFileOption = None
    insecure: InsecureOption = False
    state: StateOption = None


@contextmanager
def league_at(which: WhichLeague) -> Iterator[League]:
    """The client of the league that is meant.

    Raises:
        UserError: whatever went wrong with it.
    """
    require_league()
    # Its own lines about connections that fail would stand beside our sentence.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        with connect_to_league(place_of(which)) as found:
            yield found
    except ClientError as error:
        raise UserError(str(error)) from error


def place_of(which: WhichLeague) -> LeaguePlace:
    """Return the place that is meant.

    Raises:
        UserError: an option is wrong, or there is no token.
    """
    state, given = which.state or STATE, which.league
    if given is None or is_local(given, state):
        name = given or _only_one(state)
        return LocalLeague(name, state)
    return LeagueAt(
        services=addresses_in(given),
        token=token_of(which.token_file),
        authority=authority_of(which.ca_file),
        is_encrypted=not which.insecure,
    )


def is_local(given: str, state: Path) -> bool:
    """Return whether a value of ``--league`` is the name of a league of this machine."""
    is_name = not set(given) & set(".:=,/")
    return is_name and league_folder(state, given).root.is_dir()


def addresses_in(given: str) -> dict[str, str]:
    """Return the address of each service.

    Raises:
        UserError: it is none.
    """
    if "=" not in given:
        if ":" in given or "/" in given or "," in given:
            raise UserError(
                f"--league {given}: give a host, whose services have the usual ports, or the"
                " address of each, such as model=HOST:50053,elo=HOST:50054"
            )
        return {name: f"{given}:{_FIRST_PORT + number}" for number, name in enumerate(SERVICES)}
    found = {}
    for part in given.split(","):
        name, _, address = part.partition("=")
        host, _, port = address.rpartition(":")
        if name not in SERVICES or not host or not (port.isascii() and port.isdigit()):
            raise UserError(
                f"--league {part}: write SERVICE=HOST:PORT, where SERVICE is one of"
                f" {', '.join(SERVICES)}"
            )
        found[name] = address
    return found


def token_of(file: Path | None) -> str:
    """Return the token of a league elsewhere.

    Raises:
        UserError: there is none.
    """
    if file is None:
        token = os.environ.get(LEAGUE_TOKEN_VARIABLE, "").strip()
    else:
        token = _read("--token-file", file).decode(errors="replace").strip()
    if not token or not token.isascii() or not token.isprintable():
        raise UserError(
            f"a league elsewhere asks for a token: set {LEAGUE_TOKEN_VARIABLE}, or give"
            " --token-file"
        )
    return token


def authority_of(file: Path | None) -> bytes | None:
    """Return who signs the certificates of a league elsewhere; None: those that are trusted.

    Raises:
        UserError: the file cannot be read.
    """
    if file is None:
        given = os.environ.get(LEAGUE_AUTHORITY_VARIABLE)
        return given.encode() if given else None
    return _read("--ca-file", file)


def _only_one(state: Path) -> str:
    """Return the league of this machine that is meant without a name."""
    names = league_names(state)
    if DEFAULT in names or len(names) != 1:
        return DEFAULT
    return names[0]


def _read(option: str, file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(1024 * 1024)
    except OSError as error:
        raise UserError(f"{option} {file}: {error.strerror}") from error
