"""The league's key and its certificates, from where they were given or made."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainingrun_contracts.league_keys import LeagueKeys, LeagueKeysError, parse_keys

from trainingrun_league.disk_problems import problem_of
from trainingrun_league.errors import InvalidRequest
from trainingrun_league.process.options import KEY_VARIABLE, Options
from trainingrun_league.server.certificates import Certificates, certificates
from trainingrun_league.server.tokens import LEAST_KEY_BYTES
from trainingrun_league.settings import Settings

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_MOST_KEY_BYTES: Final = 4096


def league_keys(options: Options, variables: Mapping[str, str]) -> LeagueKeys:
    """Return the keys: of the file that is named, the variable, or the folder, where one is made.

    Raises:
        InvalidRequest: the file cannot be read, a line of it is wrong, or a key is too short.
    """
    given = variables.get(KEY_VARIABLE, "").strip()
    if options.key_file is None and given:
        return _checked(given.encode(), f"${KEY_VARIABLE}")
    path = options.key_file or options.folder / "league.key"
    if options.key_file is None and not path.exists():
        _make(path)
    try:
        with path.open("rb") as file:
            return _checked(file.read(_MOST_KEY_BYTES).strip(), str(path))
    except OSError as error:
        raise InvalidRequest(f"the league's key {path}: {error.strerror}") from error


def served_certificates(settings: Settings, names: list[str]) -> Certificates:
    """Return what a server shows: the files that were given, or what follows from the key.

    Raises:
        InvalidRequest: a file cannot be read.
    """
    if settings.tls is not None:
        given = settings.tls
        return Certificates(_read(given.certificate), _read(given.key), _read(given.authority))
    own = (*_LOOPBACK, socket.gethostname(), settings.host)
    wanted = {name for name in (*own, *names) if name not in {"0.0.0.0", "::", ""}}  # noqa: S104
    return certificates(settings.token_key, settings.name, wanted)


def _make(path: Path) -> None:
    """Write a new key. Of two processes that begin together one wins; both read the winner's."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    except OSError as error:
        raise InvalidRequest(
            f"the folder {path.parent} cannot be written: {problem_of(error)}, or choose another"
            " one with --folder"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def _checked(content: bytes, where: str) -> LeagueKeys:
    try:
        keys = parse_keys(content)
    except LeagueKeysError as error:
        raise InvalidRequest(f"the league's keys in {where}: {error}") from error
    for key in (keys.signing, *keys.accepted, keys.identity):
        if len(key) < LEAST_KEY_BYTES:
            raise InvalidRequest(
                f"the league's key in {where} has {len(key)} bytes, at least {LEAST_KEY_BYTES} are"
                " needed: make one with `openssl rand -hex 32`"
            )
    return keys


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}") from error
