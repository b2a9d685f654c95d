"""The worker's command line, as values."""

from __future__ import annotations

import argparse
import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun_contracts.environment_config import EnvironmentConfig
from trainingrun_contracts.league.channel import ServiceAddress, TokenFile, given
from trainingrun_contracts.run_config import ConfigError
from trainingrun_environments.names import SPELLINGS, config_of

TOKEN_VARIABLE: Final = "TRAININGRUN_LEAGUE_TOKEN"  # noqa: S105 - a variable's name
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOST_PEM: Final = 1 << 20


@dataclass(frozen=True)
class Options:
    """How a worker is started.

    Attributes:
        name: among the league's workers.
        environment: that the league plays.
        matchmaker, model, game: where the services are; every game says where it is held.
        cache: folder of weights that were downloaded.
        seats: games against people at once.
        recorded: pairs of each match that people can see again.
    """

    name: str
    environment: EnvironmentConfig
    matchmaker: ServiceAddress
    model: ServiceAddress
    game: ServiceAddress
    cache: Path
    seats: int = 16
    recorded: int = 1


def read_options(arguments: Sequence[str] | None) -> Options:
    """Read a command line.

    Raises:
        ConfigError: an option is not what it should be.
    """
    found = _parser().parse_args(arguments)
    if _NAME.fullmatch(found.name) is None:
        raise ConfigError(
            f"--name: {found.name[:60]!r}: use 1 to 100 letters, digits, points and hyphens"
        )
    token, authority = _token(found.token_file), _authority(found.ca)
    addresses = [
        ServiceAddress(
            target=target,
            token=token,
            authority=authority,
            is_encrypted=not found.insecure,
            server_name=found.server_name,
        )
        for target in (found.matchmaker, found.model, found.game)
    ]
    matchmaker, model, game = addresses
    return Options(
        name=found.name,
        environment=config_of(found.environment),
        matchmaker=matchmaker,
        model=model,
        game=game,
        cache=found.cache,
        seats=found.seats,
        recorded=found.recorded,
    )


def _token(file: Path | None) -> Callable[[], str]:
    """Return what gives the token of the next call: a file may be replaced while we run."""
    if file is None:
        token = given(os.environ.get(TOKEN_VARIABLE, ""))
    else:
        try:
            token = TokenFile(file)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--token-file: {file} cannot be read: {error}") from error
    if not token():
        raise ConfigError(
            f"no token: give --token-file, or set {TOKEN_VARIABLE}; `python -m trainingrun_league"
            " token` makes one of the audience `services`"
        )
    return token


def _authority(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_PEM)
    except OSError as error:
        raise ConfigError(f"--ca: {file} cannot be read: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainingrun_actor.league_worker",
        description="Plays for a league: matches between its models, games against people, and the"
        " trial of every new model. Start as many as there is work; SIGTERM ends one cleanly.",
    )
    parser.add_argument("--environment", required=True, help=f"what is played: {SPELLINGS}")
    parser.add_argument("--matchmaker", default="127.0.0.1:50052", metavar="HOST:PORT")
    parser.add_argument("--model", default="127.0.0.1:50053", metavar="HOST:PORT")
    parser.add_argument("--game", default="127.0.0.1:50051", metavar="HOST:PORT")
    parser.add_argument(
        "--token-file", type=Path, help=f"file with a token; {TOKEN_VARIABLE} where it is absent"
    )
    parser.add_argument("--ca", type=Path, help="PEM file of who signs the servers' certificates")
    parser.add_argument("--server-name", help="that the certificates have, if not the host's")
    parser.add_argument("--insecure", action="store_true", help="speak without TLS")
    parser.add_argument("--name", default=socket.gethostname()[:100], help="of this worker")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("league-worker-cache"),
        help="folder for downloaded weights (default: %(default)s)",
    )
    parser.add_argument(
        "--seats",
        type=_count,
        default=16,
        help="games against people at once (default: %(default)s)",
    )
    parser.add_argument(
        "--recorded",
        type=_count,
        default=1,
        help="pairs of each match that can be seen again (default: %(default)s)",
    )
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1000")
    return int(text)
