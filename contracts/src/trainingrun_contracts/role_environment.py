"""What a role's process is started with: the run configuration in a file, and variables.

Apart from ``run_config``: what renders a configuration is pure and reads no environment.
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct
from trainingrun_protocol.access import Token, TokenError
from trainingrun_protocol.given_token import token_in_environment

from trainingrun_contracts.run_config import (
    CONFIG_VARIABLE,
    HEALTH_FILE_VARIABLE,
    LEAGUE_AUTHORITY_FILE,
    LEAGUE_AUTHORITY_VARIABLE,
    LEAGUE_FOLDER_VARIABLE,
    LEAGUE_TOKEN_FILE,
    LEAGUE_TOKEN_VARIABLE,
    MEMBER_VARIABLE,
    METRICS_PORT_VARIABLE,
    REDIS_URL_VARIABLE,
    ConfigError,
    RunConfig,
    decode,
)


class LeagueAccess(Struct, frozen=True):
    """What the league wants to know of a run, and how the run knows the league."""

    token: str
    authority: bytes | None = None

    def __repr__(self) -> str:
        return "LeagueAccess(token=...)"

    def read(self) -> LeagueAccess:
        """Return itself: what was given once stays as it is."""
        return self


class LeagueAccessMissing(Exception):
    """There is nothing yet that a league could be called with."""


class LeagueFolder(Struct, frozen=True):
    """A folder with what a league is called with. Its files may come after the process that reads
    them began, and change while it runs: on a cluster they are the Secret of a League, which may be
    made later than a run that joins it, or anew."""

    path: Path

    def read(self) -> LeagueAccess:
        """Return what is there now.

        Raises:
            LeagueAccessMissing: there is no token.
        """
        token = self._text(LEAGUE_TOKEN_FILE)
        if not token:
            raise LeagueAccessMissing("its Secret is not there yet: it comes with the League")
        authority = self._text(LEAGUE_AUTHORITY_FILE)
        return LeagueAccess(token, authority.encode() if authority else None)

    def _text(self, name: str) -> str:
        """Return the content of a file; nothing where it is missing, or changes just now."""
        try:
            return (self.path / name).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""


class RoleEnvironment(Struct, frozen=True):
    """What a role's process finds in its environment besides the run configuration."""

    redis_url: str
    member: str
    metrics_port: int
    health_file: Path | None
    daemon_token: Token | None = None
    """What the run's daemons want to know of who plays on them."""
    league: LeagueAccess | LeagueFolder | None = None
    """None where nothing of a league was given."""


def load() -> RunConfig:
    """Read the file that ``TRAININGRUN_CONFIG`` names.

    Raises:
        ConfigError: the variable is not set, or the file cannot be read or is not valid.
    """
    name = os.environ.get(CONFIG_VARIABLE)
    if not name:
        raise ConfigError(
            f"{CONFIG_VARIABLE} is not set: point it to the run configuration (a JSON file that"
            " `trainingrun local` and the operator write)"
        )
    try:
        document = Path(name).read_bytes()
    except OSError as error:
        raise ConfigError(f"run configuration {name}: {error.strerror}") from error
    return decode(document)


def role_environment(*, default_member: str) -> RoleEnvironment:
    """Read the variables that a role's process is started with.

    Raises:
        ConfigError: the Redis URL is missing, the metrics port is not a number, or the daemons'
            token is none.
    """
    url = os.environ.get(REDIS_URL_VARIABLE)
    if not url:
        raise ConfigError(f"{REDIS_URL_VARIABLE} is not set: give the address of the run's Redis")
    port = os.environ.get(METRICS_PORT_VARIABLE, "0")
    if not port.isdigit():
        raise ConfigError(f"{METRICS_PORT_VARIABLE}={port!r} is not a port number")
    try:
        token = token_in_environment()
    except TokenError as error:
        raise ConfigError(str(error)) from error
    health = os.environ.get(HEALTH_FILE_VARIABLE)
    return RoleEnvironment(
        redis_url=url,
        member=os.environ.get(MEMBER_VARIABLE) or default_member,
        metrics_port=int(port),
        health_file=Path(health) if health else None,
        daemon_token=token,
        league=_league_access(),
    )


def _league_access() -> LeagueAccess | LeagueFolder | None:
    folder = os.environ.get(LEAGUE_FOLDER_VARIABLE)
    if folder:
        return LeagueFolder(Path(folder))
    token = os.environ.get(LEAGUE_TOKEN_VARIABLE, "").strip()
    if not token:
        return None
    authority = os.environ.get(LEAGUE_AUTHORITY_VARIABLE)
    return LeagueAccess(token, authority.encode() if authority else None)
