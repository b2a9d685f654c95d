"""How the processes of a league are started: command, environment and files.

One place says what ``python -m trainingrun_league`` and the worker are given, because their options
are theirs to change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from trainingrun_api.league import LeagueSpec, UrlSecret
from trainingrun_protocol.access import TOKEN_VARIABLE

from trainingrun_reconciler.leagues.identity import CERTIFICATE, PRIVATE_KEY, TOKEN_KEY
from trainingrun_reconciler.leagues.parts import (
    HEALTH_PORT,
    METRICS_PORT,
    PLACES,
    SERVICES,
    Part,
    Pods,
    host_of,
)
from trainingrun_reconciler.manifests.pod import TEMPORARY
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.roles.environment import environment_argument, environment_config
from trainingrun_reconciler.roles.league import AUTHORITY_KEY as AUTHORITY
from trainingrun_reconciler.roles.league import TOKEN_KEY as SERVICES_TOKEN

TOKENS_FOLDER: Final = "/etc/league/tokens"
TLS_FOLDER: Final = "/etc/league/tls"
DATA_FOLDER: Final = "/data"
_PROGRAM: Final = ("python3", "-m", "trainingrun_league")
_WORKER: Final = ("python3", "-m", "trainingrun_actor.league_worker")


@dataclass(frozen=True)
class Started:
    """What a container is started with."""

    command: tuple[str, ...]
    env: tuple[dict[str, Any], ...] = ()


def served(owner: Owner, spec: LeagueSpec, pods: Pods) -> Started:
    """A process that serves some of the services, or all."""
    addresses = [
        f"--address={each.value}={host_of(owner.name, owner.namespace, each)}:{PLACES[each].port}"
        for each in SERVICES
    ]
    web = [f"--web-port={PLACES[Part.WEB].port}"] if Part.WEB in pods.parts else []
    command = (
        *_PROGRAM,
        "serve",
        f"--name={owner.name}",
        f"--environment={environment_text(spec)}",
        f"--services={','.join(each.value for each in pods.services)}",
        f"--folder={DATA_FOLDER}",
        *_artefacts(spec),
        "--host=0.0.0.0",
        f"--metrics-port={METRICS_PORT}",
        f"--health-port={HEALTH_PORT}",
        f"--key-file={TOKENS_FOLDER}/{TOKEN_KEY}",
        f"--tls-certificate={TLS_FOLDER}/{CERTIFICATE}",
        f"--tls-key={TLS_FOLDER}/{PRIVATE_KEY}",
        f"--tls-authority={TOKENS_FOLDER}/{AUTHORITY}",
        *addresses,
        *web,
    )
    if Part.GAME not in pods.parts:
        return Started(command, _urls(spec))
    return Started((*command, *_daemons(spec)), (*_urls(spec), *_daemon_token(spec)))


def migrated(spec: LeagueSpec) -> Started:
    """What brings the tables of PostgreSQL to this version, before a service starts."""
    return Started((*_PROGRAM, "migrate"), _urls(spec))


def worker(owner: Owner, spec: LeagueSpec) -> Started:
    """Who plays matches: it leases them, downloads policies, and reports."""
    targets = [
        f"--{each.value}={host_of(owner.name, owner.namespace, each)}:{PLACES[each].port}"
        for each in (Part.MATCHMAKER, Part.MODEL, Part.GAME)
    ]
    command = (
        *_WORKER,
        f"--environment={environment_text(spec)}",
        *targets,
        f"--token-file={TOKENS_FOLDER}/{SERVICES_TOKEN}",
        f"--ca={TOKENS_FOLDER}/{AUTHORITY}",
        f"--cache={TEMPORARY}/policies",
    )
    return Started(command)


def environment_text(spec: LeagueSpec) -> str:
    """The environment as one argument."""
    config = environment_config(spec.environment)
    return environment_argument(config) or msgspec.json.encode(config, order="sorted").decode()


def _artefacts(spec: LeagueSpec) -> tuple[str, ...]:
    """A bucket; without one they are in the folder, as SQLite is without a database."""
    bucket = spec.storage.s3
    return (f"--artefacts={bucket.url}",) if bucket is not None else ()


def _daemons(spec: LeagueSpec) -> tuple[str, ...]:
    """Where an engine plays the games, and with which decks."""
    daemons = spec.daemons
    if daemons is None:
        return ()
    found = [f"--set=game.daemons={daemons.address}"]
    if daemons.decks:
        found.append(f"--set=game.decks={','.join(daemons.decks)}")
    return tuple(found)


def _daemon_token(spec: LeagueSpec) -> tuple[dict[str, Any], ...]:
    token = spec.daemons.token_secret_ref if spec.daemons is not None else None
    if token is None:
        return ()
    reference = {"secretKeyRef": {"name": token.name, "key": token.key}}
    return ({"name": TOKEN_VARIABLE, "valueFrom": reference},)


def _urls(spec: LeagueSpec) -> tuple[dict[str, Any], ...]:
    """Addresses with passwords, which stand on no command line."""
    given: dict[str, UrlSecret | None] = {
        "TRAININGRUN_LEAGUE_DATABASE": spec.database.secret_ref if spec.database else None,
        "TRAININGRUN_LEAGUE_REDIS": spec.redis.secret_ref if spec.redis else None,
    }
    secrets = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": each.name, "key": each.key}}}
        for name, each in given.items()
        if each is not None
    ]
    bucket = spec.storage.s3
    if bucket is not None and bucket.endpoint_url is not None:
        secrets.append({"name": "AWS_ENDPOINT_URL_S3", "value": bucket.endpoint_url})
    return tuple(secrets)
