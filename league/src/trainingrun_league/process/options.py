"""The command line of a league's process: text to ``Settings``.

Secrets stand in files or variables, never in arguments, which every user of a machine can read:
``TRAININGRUN_LEAGUE_KEY``, ``TRAININGRUN_LEAGUE_DATABASE``, ``TRAININGRUN_LEAGUE_REDIS``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from trainingrun_contracts.environment_config import EnvironmentConfig
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.names import SPELLINGS, config_of

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import InvalidRequest
from trainingrun_league.process.registry import DECLARATIONS, declaration_of
from trainingrun_league.settings import PORTS, ServiceName, Settings, Tls

KEY_VARIABLE: Final = "TRAININGRUN_LEAGUE_KEY"
DATABASE_VARIABLE: Final = "TRAININGRUN_LEAGUE_DATABASE"
REDIS_VARIABLE: Final = "TRAININGRUN_LEAGUE_REDIS"
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MOST_DAYS: Final = 3650

Value = TypeVar("Value")


class Options(argparse.Namespace):
    """What was given."""

    command: str
    name: str
    environment: str
    folder: Path
    services: str
    database: str | None
    artefacts: str | None
    redis: str | None
    key_file: Path | None
    host: str
    port: list[str]
    address: list[str]
    set: list[str]
    certificate_name: list[str]
    tls_certificate: Path | None
    tls_key: Path | None
    tls_authority: Path | None
    insecure: bool
    migrate: bool
    metrics_port: int | None
    health_port: int | None
    web_port: int | None
    ready_file: Path | None
    audience: str
    subject: str
    days: float
    file: Path


def parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands; ``serve`` is the one without a name."""
    made = argparse.ArgumentParser(
        prog="python -m trainingrun_league",
        description="Serve a league: Game, Matchmaker, Model, Elo and Replay over gRPC.",
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve it (the command where none is named)")
    _add_place(serve)
    _add_served(serve)
    migrate = commands.add_parser("migrate", help="make or change the tables of the database")
    _add_place(migrate)
    token = commands.add_parser("token", help="print a token")
    _add_place(token)
    token.add_argument(
        "--audience",
        required=True,
        choices=[each.value for each in Audience],
        help="players: people and their clients; services: workers, learners, operators",
    )
    token.add_argument("--subject", required=True, help="who has it, such as person/anna")
    token.add_argument("--days", type=float, default=30.0, help="how long it lasts (30)")
    authority = commands.add_parser(
        "authority", help="print the certificate that clients trust (of certificates made here)"
    )
    _add_place(authority)
    return made


def _add_place(to: argparse.ArgumentParser) -> None:
    to.add_argument("--name", default="league", help="of the league (league)")
    to.add_argument(
        "--folder", type=Path, default=Path("league"), help="where it keeps its own files (league)"
    )
    to.add_argument(
        "--database",
        help=f"sqlite+aiosqlite:///FILE or postgresql+asyncpg://… (${DATABASE_VARIABLE}, else"
        " league.db in the folder)",
    )
    to.add_argument(
        "--key-file",
        type=Path,
        help=f"file with the key that tokens are signed with (${KEY_VARIABLE}, else league.key in"
        " the folder, which is made)",
    )


def _add_served(to: argparse.ArgumentParser) -> None:
    to.add_argument("--environment", required=True, help=f"that its models play: {SPELLINGS}")
    to.add_argument(
        "--services", default="all", help="all, or names with commas: game,matchmaker,…"
    )
    to.add_argument(
        "--artefacts", help="a directory, or s3://BUCKET/PREFIX (artefacts in the folder)"
    )
    to.add_argument(
        "--redis",
        help=f"URL of what several processes share live (${REDIS_VARIABLE}; none: this process is"
        " alone)",
    )
    to.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    for name, form, text in (
        ("--port", "SERVICE=PORT", "of a service; 0 picks one (50051 to 50055)"),
        ("--address", "SERVICE=HOST:PORT", "where clients and other processes reach a service"),
        ("--set", "SERVICE.NAME=VALUE", "a setting of a service"),
        ("--certificate-name", "NAME", "that clients reach it by, beside this host's own"),
    ):
        to.add_argument(name, action="append", default=[], metavar=form, help=text)
    to.add_argument("--tls-certificate", type=Path, help="PEM; without it one is made")
    to.add_argument("--tls-key", type=Path, help="PEM")
    to.add_argument("--tls-authority", type=Path, help="PEM: who signs the league's certificates")
    to.add_argument("--insecure", action="store_true", help="serve without TLS")
    to.add_argument(
        "--migrate",
        action="store_true",
        help="make or change the tables first (in SQLite it is always done)",
    )
    to.add_argument(
        "--health-port",
        type=int,
        help="of gRPC's health check without TLS, for Kubernetes; 0 picks one (none)",
    )
    to.add_argument("--metrics-port", type=int, help="of Prometheus' page; 0 picks one (none)")
    to.add_argument("--web-port", type=int, help="of the pages for people; 0 picks one (none)")
    to.add_argument("--ready-file", type=Path, help="written when it serves: JSON with addresses")


def with_command(arguments: Sequence[str]) -> list[str]:
    """Put ``serve`` before arguments that begin with an option."""
    if arguments and arguments[0].startswith("-") and arguments[0] not in {"-h", "--help"}:
        return ["serve", *arguments]
    return list(arguments)


def settings_of(options: Options, key: bytes, variables: Mapping[str, str]) -> Settings:
    """Return the settings of a process that serves.

    Raises:
        InvalidRequest: an option is wrong; the message says which.
    """
    folder = options.folder
    services = _services(options.services)
    return Settings(
        name=league_name(options.name),
        environment=_environment(options.environment),
        services=services,
        database=database_of(options, variables),
        artefacts=options.artefacts or str(folder / "artefacts"),
        folder=folder,
        token_key=key,
        redis=options.redis or variables.get(REDIS_VARIABLE) or None,
        host=options.host,
        ports=PORTS | _by_service("--port", options.port, _port),
        addresses=_by_service("--address", options.address, _host_and_port),
        tls=_tls(options),
        web_port=options.web_port,
        metrics_port=options.metrics_port,
        health_port=options.health_port,
        values=_values(options.set),
    )


def league_name(text: str) -> str:
    """Return the name of a league.

    Raises:
        InvalidRequest: it is none: Kubernetes' names are taken.
    """
    if not _NAME.fullmatch(text):
        raise InvalidRequest(
            f"--name {text!r} must be small letters, digits and '-', 63 at most, as in Kubernetes"
        )
    return text


def database_of(options: Options, variables: Mapping[str, str]) -> str:
    """Return the URL of the database."""
    given = options.database or variables.get(DATABASE_VARIABLE)
    return given or f"sqlite+aiosqlite:///{options.folder / 'league.db'}"


def token_seconds(options: Options) -> float:
    """Return how long a token is to last.

    Raises:
        InvalidRequest: it is not a sensible time.
    """
    if not 0 < options.days <= _MOST_DAYS:
        raise InvalidRequest(f"--days {options.days:g} must be more than 0, {_MOST_DAYS} at most")
    return options.days * 86_400


def _services(text: str) -> tuple[ServiceName, ...]:
    if text == "all":
        return tuple(each.name for each in DECLARATIONS)
    names = [_service("--services", name) for name in text.split(",")]
    for name in names:
        if declaration_of(name) is None:
            raise InvalidRequest(f"--services {name.value}: this version has no such service yet")
    return tuple(dict.fromkeys(names))


def _service(option: str, text: str) -> ServiceName:
    try:
        return ServiceName(text.strip())
    except ValueError:
        known = ", ".join(each.value for each in ServiceName)
        raise InvalidRequest(
            f"{option} {text!r}: there is no such service; write {known}"
        ) from None


def _environment(text: str) -> EnvironmentConfig:
    try:
        return config_of(text)
    except UnknownEnvironment as error:
        raise InvalidRequest(f"--environment: {error}") from error


def _by_service(
    option: str, texts: Sequence[str], read: Callable[[str, str], Value]
) -> dict[ServiceName, Value]:
    found: dict[ServiceName, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidRequest(f"{option} {text!r}: write SERVICE=…, such as elo=…")
        found[_service(option, name)] = read(option, value)
    return found


def _port(option: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise InvalidRequest(f"{option}: {text!r} is no port; write a number from 0 to 65535")
    return int(text)


def _host_and_port(option: str, text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not _port(option, port):
        raise InvalidRequest(f"{option}: {text!r} is no address; write HOST:PORT")
    return text


def _values(texts: Sequence[str]) -> dict[ServiceName, dict[str, str]]:
    found: dict[ServiceName, dict[str, str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        service, dot, setting = name.partition(".")
        if not equals or not dot:
            raise InvalidRequest(f"--set {text!r}: write SERVICE.NAME=VALUE")
        found.setdefault(_service("--set", service), {})[setting.replace("-", "_")] = value
    return found


def _tls(options: Options) -> Tls | None:
    """Return the files that were given; without any, certificates are made, or TLS is left out."""
    given = (options.tls_certificate, options.tls_key, options.tls_authority)
    if options.insecure and any(given):
        raise InvalidRequest("--insecure serves without TLS: leave --tls-… out")
    match given:
        case (None, None, None):
            return None
        case (Path() as certificate, Path() as key, Path() as authority):
            return Tls(certificate, key, authority)
        case _:
            raise InvalidRequest("--tls-certificate, --tls-key and --tls-authority belong together")
