"""The verb ``steer``: from options to exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import redis
from trainingrun_api.resource import SpecError
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Redis, SecretKey
from trainingrun_contracts.connection import blocking_client, why_unreachable
from trainingrun_contracts.run_config import HEALTH_FILE_VARIABLE, REDIS_URL_VARIABLE
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.document import read_run
from trainingrun.commands.errors import UserError
from trainingrun.commands.steer.daemons import NamedDaemons
from trainingrun.commands.steer.external_processes import ExternalProcesses, Reporting
from trainingrun.commands.steer.scraping import Scraped, ScrapeFile
from trainingrun.commands.terminal import echo
from trainingrun.local.folder import FolderError, RunFolder
from trainingrun.local.host import Outcome, RunHost, host_settings
from trainingrun.local.hosted import HostedBackend
from trainingrun.local.store import RecordedEvent, adopted, reopened, saved_run

_EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 -- Prometheus is elsewhere
_EXIT_CODES: Final = {Outcome.COMPLETE: 0, Outcome.STOPPED: 0, Outcome.FAILED: 1}


@dataclass(frozen=True)
class SteerOptions:
    """The options of ``trainingrun steer``."""

    file: Path
    daemons: tuple[str, ...]
    state: Path
    config: Path | None
    storage: str | None
    metrics_port: int
    scrape: tuple[Scraped, ...] = ()


def steer(options: SteerOptions) -> int:
    """Lead the run until it is over, or until a signal; gives the exit code.

    Raises:
        UserError: the user must change something.
    """
    url = _redis_url()
    run = _for_hosts(read_run(options.file, daemons=options.daemons), options.file)
    folder = RunFolder((options.state / run.metadata.name).absolute())
    try:
        folder.make()
        with folder.locked():
            saved = saved_run(folder)
            run = reopened(adopted(run, saved, now=datetime.now(UTC)))
            return asyncio.run(_lead(run, folder, url, options))
    except FolderError as error:
        raise UserError(str(error)) from error
    except SpecError as error:
        raise UserError(f"{error}; {folder.root} holds the run's earlier state") from error


async def _lead(run: TrainingRun, folder: RunFolder, url: str, options: SteerOptions) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    store = NamedDaemons(run, folder, on_event=_print_event, on_problem=echo)
    store.names = options.daemons
    backend = HostedBackend(options.config or folder.config, url, clock=time.time)
    host = RunHost(store, backend, _settings(run, folder, options.storage), changed=asyncio.Event())
    _serve_metrics(host, options.metrics_port)
    health = os.environ.get(HEALTH_FILE_VARIABLE)
    reporting = Reporting(
        health=Path(health) if health else None,
        targets=ScrapeFile(options.state / "metrics.json", run.metadata.name, options.scrape),
    )
    ending = await host.run(ExternalProcesses(host, store, backend, reporting))
    echo(f"{run.metadata.name}: {ending.message}")
    return _EXIT_CODES[ending.outcome]


def _serve_metrics(host: RunHost, port: int) -> None:
    """Serve the run's metrics to all; nothing at port 0.

    Raises:
        UserError: the port is taken.
    """
    if not port:
        return
    try:
        host.serve_metrics(port, _EVERY_ADDRESS)
    except OSError as error:
        raise UserError(
            f"--metrics-port {port}: {error.strerror}: give a free one, or 0 for none"
        ) from error


def _settings(run: TrainingRun, folder: RunFolder, storage: str | None) -> Settings:
    place = f"{storage.rstrip('/')}/{run.metadata.name}" if storage else folder.checkpoints.as_uri()
    return replace(host_settings(place), recording_deadline_seconds=0.0)


def _for_hosts(run: TrainingRun, file: Path) -> TrainingRun:
    """Return the run with a Redis that its environment names.

    Raises:
        UserError: it asks for what only a cluster has, or names no daemons.
    """
    has_daemons = not run.spec.daemon.embedded and run.spec.algorithm.alpha_zero is None
    if has_daemons and run.spec.daemon.external is None:
        raise UserError(
            f"{file}: no daemons: name them with --daemons HOST:PORT,… (one name may stand for"
            " several addresses)"
        )
    storage = run.spec.checkpoint.storage
    if storage is not None and storage.persistent_volume_claim is not None:
        raise UserError(
            f"{file}: spec.checkpoint.storage.persistentVolumeClaim: {storage} is one of a cluster:"
            " give s3 or directory, or leave storage out"
        )
    named = Redis(url_secret_ref=SecretKey(name="environment", key=REDIS_URL_VARIABLE))
    return run.model_copy(update={"spec": run.spec.model_copy(update={"redis": named})})


def _redis_url() -> str:
    """Return the address of the run's Redis, once it answers.

    Raises:
        UserError: there is none, or it does not answer.
    """
    url = os.environ.get(REDIS_URL_VARIABLE)
    if not url:
        raise UserError(
            f"{REDIS_URL_VARIABLE} is not set: give the address of the run's Redis, such as"
            " redis://:password@host:6379/0"
        )
    try:
        with blocking_client(url, retries=2) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        raise UserError(why_unreachable(error, url)) from error
    except ValueError as error:
        raise UserError(f"{REDIS_URL_VARIABLE}: not an address of Redis: {error}") from error
    return url


def _print_event(recorded: RecordedEvent) -> None:
    mark = "! " if recorded.event.warning else "- "
    echo(f"{recorded.at:%H:%M:%S} {mark}{recorded.event.reason}: {recorded.event.message}")
