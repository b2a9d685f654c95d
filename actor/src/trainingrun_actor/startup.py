"""The start of a role's process: its Redis, and the signals that end it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from random import Random
from time import monotonic
from typing import Any, Final

import redis
import redis.asyncio
from trainingrun_contracts.connection import asyncio_client, why_unreachable
from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.stream.actors import incarnation_of

MOST_WAIT_SECONDS: Final = 600.0
_LINE_SECONDS: Final = 10.0
_CONNECTIONS: Final = 128
"""More than the games of an actor: each gives its slot back on a connection of its own."""

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The role cannot start and a restart may help; the message is one sentence."""


def incarnation(member: str) -> str:
    """Return the member with a suffix of this process: its sequence numbers begin at 0 again."""
    return incarnation_of(member, secrets.token_hex(3))


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def reach_redis(url: str, stop: asyncio.Event) -> redis.asyncio.Redis | None:
    """Return a client of a Redis that answers; None when the process is asked to stop meanwhile.

    Raises:
        ConfigError: the URL is wrong or the password is refused.
        StartError: no answer for ten minutes.
    """
    try:
        client = asyncio_client(url, max_connections=_CONNECTIONS)
    except ValueError as error:
        raise ConfigError(f"Redis URL: {error}") from error
    began, said_at = monotonic(), float("-inf")
    random = Random()
    while not stop.is_set():
        try:
            answer: Any = client.ping()
            await answer
        except redis.AuthenticationError as error:
            raise ConfigError(why_unreachable(error, url)) from error
        except (redis.RedisError, OSError) as error:
            sentence = why_unreachable(error, url)
            if "refused the password" in sentence:
                raise ConfigError(sentence) from error
            if monotonic() - began > MOST_WAIT_SECONDS:
                raise StartError(sentence) from error
            if monotonic() - said_at >= _LINE_SECONDS:
                said_at = monotonic()
                _log.warning("%s; trying again", sentence)
        else:
            return client
        await _pause(stop, 0.5 + random.random())
    return None


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def until_stopped(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the stop event; a task that fails is a bug of ours, and raises here."""
    waiter = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiter, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    for task in done - {waiter}:
        task.result()
