"""The process of the inference server: ``trainingrun-inference``.

Exit codes are those of ``contracts.exit_codes``: 0 after SIGTERM, when what was asked is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from trainingrun_contracts.board_network import board_shapes
from trainingrun_contracts.connection import parse_url
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.inference_frames import MOST_ROWS, speaker_of
from trainingrun_contracts.role_environment import RoleEnvironment, load, role_environment
from trainingrun_contracts.run_config import INFERENCE_ADDRESS_VARIABLE, ConfigError, RunConfig
from trainingrun_contracts.stream.keys import Keys
from trainingrun_environments.registry import environment_of

from trainingrun_trainer.inference.addresses import place_beside, place_of
from trainingrun_trainer.inference.computing import KINDS, Computing, prepare_device
from trainingrun_trainer.inference.exposing import reports_of, serve_metrics
from trainingrun_trainer.inference.figures import Figures
from trainingrun_trainer.inference.run_link import Identity, RunLink
from trainingrun_trainer.inference.server import DeviceBroken, Server
from trainingrun_trainer.link import RedisLink, RedisRefused
from trainingrun_trainer.stop import Stop, StopRequested, install

_PATIENCE_SECONDS: Final = 600.0
_BEAT_SECONDS: Final = 1.0
_LEAVE_SECONDS: Final = 5.0
_GPU_ROWS: Final = 1024
_PROCESSOR_ROWS: Final = 256
_CACHE_MEGABYTES: Final = 64
_MOST_MEGABYTES: Final = 16_384
_log: Final = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and exit."""
    options = _parser().parse_args(arguments, Options())
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    code = run(install(), options)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # no thread that still computes, or waits for Redis, holds it


class Options(argparse.Namespace):
    """The command line."""

    max_batch: int | None
    precision: str
    cache_megabytes: int


def run(stop: Stop, options: Options) -> int:
    """Serve until SIGTERM; returns the exit code."""
    try:
        config, environment = load(), role_environment(default_member="inference-0")
        link = RedisLink(environment.redis_url, stop=stop)
        with stop.ends_waiting():
            link.persist(link.client.ping, what="reaching Redis", patience=_PATIENCE_SECONDS)
        asyncio.run(_serve(config, environment, link, options))
    except StopRequested:
        return ExitCode.DONE
    except RedisRefused as error:
        return _fail(error, error.exit_code)
    except ConfigError as error:
        return _fail(error, ExitCode.WRONG)
    except DeviceBroken as error:
        return _fail(error, ExitCode.LOST)
    return ExitCode.DONE


async def _serve(
    config: RunConfig, environment: RoleEnvironment, link: RedisLink, options: Options
) -> None:
    """Serve one run until SIGTERM.

    Raises:
        ConfigError: the run's network, an address or a port cannot be used.
        DeviceBroken: the device fails batch after batch.
    """
    stop = _stop_event()
    spec, network = _spec_of(config), config.learner.network
    device = prepare_device(options.precision)
    rows = options.max_batch or (_GPU_ROWS if device.device.type == "cuda" else _PROCESSOR_ROWS)
    memory = options.cache_megabytes << 20
    computing = Computing(device, network, spec, most_rows=rows, cache_bytes=memory)
    figures = Figures(most_rows=rows)
    serve_metrics(figures, computing, port=environment.metrics_port)
    server = Server(speaker_of(config.run_id, spec, network), computing, figures, most_rows=rows)
    address = await _listen(server, environment)
    _log.info("answers on %s, by %s", address, device.name)
    identity = Identity(environment.member, Keys(config.run_id), spec, network)
    reports = reports_of(environment.member, address, computing, figures)
    run_link = RunLink(link.client, identity, server, computing, reports)
    run_link.start()
    beat = asyncio.ensure_future(_beat(server, environment.health_file))
    try:
        await server.until(stop)
        async with asyncio.timeout(_LEAVE_SECONDS):
            await asyncio.to_thread(run_link.close)
    except TimeoutError:
        _log.warning("Redis does not answer: this server's report stays until it is stale")
    finally:
        beat.cancel()
    await server.end()


def _spec_of(config: RunConfig) -> EnvironmentSpec:
    spec = environment_of(config.environment).spec
    try:
        board_shapes(config.learner.network, spec)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return spec


async def _listen(server: Server, environment: RoleEnvironment) -> str:
    """Listen; return the address that searches find."""
    named = os.environ.get(INFERENCE_ADDRESS_VARIABLE)
    place = place_of(named) if named else place_beside(parse_url(environment.redis_url))
    try:
        port = await server.listen(place.bound_host, place.port)
    except OSError as error:
        raise ConfigError(
            f"port {place.port} cannot be listened on ({error.strerror or error}): stop what"
            f" listens there, or set {INFERENCE_ADDRESS_VARIABLE} to host:port"
        ) from error
    return place.announced(port)


async def _beat(server: Server, health_file: Path | None) -> None:
    """Touch the health file as long as batches come to an end."""
    while health_file is not None:
        if not server.is_stuck(now=monotonic()):
            _touch(health_file)
        await asyncio.sleep(_BEAT_SECONDS)


def _touch(health_file: Path) -> None:
    try:
        health_file.touch()
    except OSError as error:
        _log.debug("health file %s: %s", health_file, error.strerror)


def _stop_event() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _fail(error: Exception, code: ExitCode) -> int:
    sys.stderr.write(f"trainingrun-inference: {error}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trainingrun-inference",
        description="Answers the searches of a run of AlphaZero in batches. The run is read from"
        " the file that TRAININGRUN_CONFIG names; TRAININGRUN_REDIS_URL says where its Redis is;"
        f" {INFERENCE_ADDRESS_VARIABLE} (host:port) where searches reach this server.",
    )
    parser.add_argument(
        "--max-batch",
        type=_rows,
        metavar="POSITIONS",
        help=f"largest batch [{_GPU_ROWS} on a GPU, {_PROCESSOR_ROWS} without]",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", *KINDS),
        default="auto",
        help="of the network's body; auto: bf16 where the device multiplies it in hardware, on a"
        " GPU or a processor with AMX, else fp32",
    )
    parser.add_argument(
        "--cache-megabytes",
        type=_megabytes,
        default=_CACHE_MEGABYTES,
        metavar="MB",
        help="memory for answers that are given again; 0 for none [%(default)s]",
    )
    return parser


def _rows(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST_ROWS:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to {MOST_ROWS}")
    return int(text)


def _megabytes(text: str) -> int:
    if not text.isdigit() or int(text) > _MOST_MEGABYTES:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to {_MOST_MEGABYTES}")
    return int(text)


if __name__ == "__main__":
    main()
