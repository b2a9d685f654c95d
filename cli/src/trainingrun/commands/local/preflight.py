"""What is wrong with a run on this machine and can be seen before anything is started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import redis
from trainingrun_api.play import PhaseOpponents, SelfPlay
from trainingrun_api.run import TrainingRun
from trainingrun_api.storage import Storage
from trainingrun_contracts.connection import blocking_client, why_unreachable
from trainingrun_contracts.own_parts import (
    LOSSES,
    NETWORKS,
    OPPONENTS,
    POTENTIALS,
    PartKind,
    UnknownPart,
)
from trainingrun_contracts.run_config import REDIS_URL_VARIABLE
from trainingrun_protocol.access import TOKEN_VARIABLE, TokenError
from trainingrun_protocol.given_token import token_in_environment
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.controller.endpoints import EndpointProber
from trainingrun_reconciler.desired.external import endpoints
from trainingrun_reconciler.roles.workload import Role

from trainingrun.commands.errors import UserError
from trainingrun.local.forge import MOST_GAMES, ForgeDaemons, ForgeError, find_build
from trainingrun.local.forge import options as java_options
from trainingrun.local.redis import find_redis_server

PAST: Final = "past"
"""The opponent that is the policy itself, of before."""
_SEARCH: Final = ("trainingrun_search", "numba")
_PACKAGES: Final = {
    Role.SELFPLAY.value: _SEARCH,
    Role.EVALUATOR.value: _SEARCH,
    Role.LEARNER.value: ("torch",),
    Role.INFERENCE.value: ("torch",),
}
"""Of the roles of alphaZero."""
_OLDEST_REDIS: Final = (6, 2)


def check_machine(run: TrainingRun, *, has_forge: bool = False) -> None:
    """See that this machine can run it; ``has_forge``: its daemons are a Forge build.

    Raises:
        UserError: it cannot.
    """
    if run.spec.suspend:
        raise UserError("spec.suspend is true, so nothing would run: set it to false")
    if run.spec.daemon.jvm is not None and not has_forge:
        raise UserError(
            "spec.daemon.jvm: is for a Forge build: give its folder with --forge, or remove jvm to"
            " play against the reference engine"
        )
    engine = run.spec.environment.engine
    if engine is not None and run.spec.daemon.external is None:
        raise UserError(
            f"spec.environment.engine: an image is not started on this machine: start {engine.name}"
            " yourself and say where it listens with --daemons HOST:PORT"
        )
    check_parts(run)
    _check_packages(run)
    _check_storage(run.spec.checkpoint.storage)
    _check_redis(run)
    _check_token(run)


def check_share(run: TrainingRun, roles: Iterable[str]) -> None:
    """See that this machine can have its part of a run that is on several.

    Raises:
        UserError: it cannot.
    """
    here = frozenset(roles)
    if run.spec.suspend:
        raise UserError("spec.suspend is true, so nothing would run: set it to false")
    _check_packages(run, here)
    if Role.LEARNER.value in here:
        check_parts(run)
        _check_storage(run.spec.checkpoint.storage)
    if Role.REDIS.value in here:
        try:
            find_redis_server()
        except BackendError as error:
            raise UserError(str(error)) from error
    else:
        _check_redis(run)


def missing_packages(run: TrainingRun, roles: Iterable[str] | None = None) -> tuple[str, ...]:
    """What roles of a run of alphaZero need and this Python has not; None: all of its roles."""
    if run.spec.algorithm.alpha_zero is None:
        return ()
    here = frozenset(_PACKAGES) if roles is None else frozenset(roles)
    needed = dict.fromkeys(name for role in _PACKAGES if role in here for name in _PACKAGES[role])
    return tuple(name for name in needed if find_spec(name) is None)


def _check_packages(run: TrainingRun, roles: Iterable[str] | None = None) -> None:
    absent = missing_packages(run, roles)
    if absent:
        raise UserError(
            f"spec.algorithm.alphaZero: needs {' and '.join(absent)}, which this Python does not"
            " have: pip install 'trainingrun-actor[search]' trainingrun-trainer"
        )


def check_parts(run: TrainingRun) -> None:
    """See that the parts which the run names are installed here, those of phases to come, too.

    They are not loaded: what is wrong with one, the role that uses it says.

    Raises:
        UserError: one is not installed, or has the name of one of ours.
    """
    spec = run.spec
    if spec.algorithm.ppo is None:
        return  # the API names all that a search may have
    played: list[SelfPlay | PhaseOpponents] = [spec.self_play]
    played += [each.opponents for each in spec.curriculum if each.opponents is not None]
    scripted = [spec.scripted_players_of(play) for play in played if play.scripted > 0]
    players = [name for names in scripted for name in names]
    measured = [name for name in spec.evaluation_opponents if name != PAST]
    phases = (None, *spec.curriculum)
    check_installed(OPPONENTS, (*players, *measured))
    check_installed(POTENTIALS, [name for phase in phases for name in spec.shaping_of(phase)])
    check_installed(NETWORKS, (spec.learner.network.kind,))
    check_installed(LOSSES, (spec.algorithm.ppo.loss,))


def check_installed(kind: PartKind, names: Iterable[str]) -> None:
    """See that parts of one kind are ours or installed here.

    Raises:
        UserError: one is neither, or has the name of one of ours.
    """
    for name in dict.fromkeys(names):
        try:
            if not kind.is_ours(name):
                kind.find(name)
        except UnknownPart as error:
            raise UserError(str(error)) from error


def forge_daemons(run: TrainingRun, build: Path, homes: Path) -> ForgeDaemons:
    """Return how the daemons of a run start from the folder of a Forge build.

    Raises:
        UserError: they cannot.
    """
    daemon = run.spec.daemon
    if daemon.external is not None:
        raise UserError(
            "--forge: starts own daemons, and the run names external ones: leave one of both out"
        )
    if not run.spec.environment.is_magic:
        raise UserError(
            "--forge: a Forge build plays Magic alone, and spec.environment names another game:"
            " leave one of both out"
        )
    if daemon.games_per_daemon > MOST_GAMES:
        raise UserError(
            f"spec.daemon.gamesPerDaemon: {daemon.games_per_daemon} is above the {MOST_GAMES} games"
            f" that a Forge build can serve: add --set daemon.gamesPerDaemon={MOST_GAMES}"
        )
    try:
        return ForgeDaemons(find_build(build, os.environ), java_options(daemon), homes)
    except ForgeError as error:
        raise UserError(f"--forge: {error}") from error


def check_external(run: TrainingRun) -> list[str]:
    """Ask the external daemons of a run, if it has any; gives a sentence for each that is away.

    Raises:
        UserError: none of them answers.
    """
    names = endpoints(run)
    if not names:
        return []
    silent = asyncio.run(_silent(names))
    sentences = [f"{name}: {why}" for name, why in silent.items()]
    if len(silent) == len(names):
        raise UserError(
            "\n".join(sentences)
            + "\nno external daemon answers: start them (trainingrun daemons start --help), or"
            " correct their addresses"
        )
    return [f"{each}; it gets games once it answers" for each in sentences]


async def _silent(names: tuple[str, ...]) -> dict[str, str]:
    """Return why each endpoint does not answer; those that do are left out."""
    prober = EndpointProber()
    answers = await prober.observe(names)
    await prober.close()
    return {name: answer.error for name, answer in answers.items() if answer.error}


def make_report_folder(folder: Path) -> None:
    """Make the folder, so that a wrong one is reported before the run and not after.

    Raises:
        UserError: it cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--report {folder}: is a file: give a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").write_bytes(b"")
        (folder / ".writable").unlink()
    except OSError as error:
        raise UserError(
            f"--report {folder}: cannot be written ({error.strerror}): give another folder"
        ) from error


def _check_storage(storage: Storage | None) -> None:
    if storage is None:
        return
    if storage.persistent_volume_claim is not None:
        raise UserError(
            f"spec.checkpoint.storage.persistentVolumeClaim: {storage} is one of a cluster: on this"
            " machine give directory or s3, or leave storage out"
        )
    if storage.directory is None:
        return
    folder = Path(storage.directory.path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"spec.checkpoint.storage.directory: {folder} cannot be written"
            f" ({error.strerror}): give a directory that can"
        ) from error


def _check_redis(run: TrainingRun) -> None:
    spec = run.spec.redis
    if spec.url is None and spec.url_secret_ref is None:
        try:
            find_redis_server()
        except BackendError as error:
            raise UserError(str(error)) from error
        return
    where, url = "spec.redis.url", spec.url
    if url is None:
        where, url = "spec.redis.urlSecretRef", os.environ.get(REDIS_URL_VARIABLE)
    if not url:
        raise UserError(
            f"{where}: there are no Secrets on this machine: set {REDIS_URL_VARIABLE} to the"
            " address of the Redis"
        )
    try:
        _ask_redis(url)
    except (redis.RedisError, OSError) as error:
        raise UserError(f"{where}: {why_unreachable(error, url)}") from error
    except ValueError as error:
        raise UserError(f"{where}: not an address of Redis: {error}") from error


def _check_token(run: TrainingRun) -> None:
    try:
        found = token_in_environment()
    except TokenError as error:
        raise UserError(str(error)) from error
    external = run.spec.daemon.external
    if external is not None and external.token_secret_ref is not None and found is None:
        raise UserError(
            "spec.daemon.external.tokenSecretRef: there are no Secrets on this machine: set"
            f" {TOKEN_VARIABLE} to the token of the daemons"
        )


def _ask_redis(url: str) -> None:
    with blocking_client(url, retries=0) as client:
        info = client.info("server")
    check_redis_version(info if isinstance(info, dict) else {})


def check_redis_version(info: Mapping[str, object]) -> None:
    """See that a server is new enough, by its INFO.

    Raises:
        ValueError: it is not.
    """
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST_REDIS:
        raise ValueError(f"it is Redis {version}, and 6.2 or newer is needed")
