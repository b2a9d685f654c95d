"""The learner's line to Redis: commands that outlive an outage, and the fence against zombies.

An outage is waited out, for as long as it takes; a refused password is not, because waiting does
not cure it. The learner's epoch is a counter in Redis; when it is gone, or behind, Redis has lost
its data and gets the epoch again; when it is ahead, a newer learner lives and this one must go.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum
from itertools import count
from typing import Any, ClassVar, Final, TypeVar

import redis
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.connection import blocking_client, why_unreachable
from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.stream.keys import Keys

from trainingrun_trainer.stop import StopRequested

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_BACKOFF: Final = Backoff(first=0.1, longest=2.0)
_LOG_SECONDS: Final = 10.0
_DENIALS: Final = ("NOAUTH", "WRONGPASS", "NOPERM", "invalid username-password")
_PASSING: Final = ("MISCONF", "NOBLOB")
_PASSING_KINDS: Final = (  # the client knows these codes, and cuts them off the text
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
)

# KEYS: epoch. ARGV: mine. Returns 0: still mine; 1: Redis had lost it, set again; -1: over.
_HOLD_EPOCH: Final = """
local now = tonumber(redis.call('GET', KEYS[1]) or '0')
local mine = tonumber(ARGV[1])
if now > mine then return -1 end
if now == mine then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""


class RedisRefused(Exception):
    """Redis cannot be used, and waiting would not help; the message is for the user."""

    exit_code: ClassVar[ExitCode] = ExitCode.WRONG


class RedisUnreachable(RedisRefused):
    """Redis did not answer within the patience; a later start may reach it."""

    exit_code = ExitCode.UNREACHABLE


class EpochState(Enum):
    """What became of this learner's epoch."""

    HELD = 0
    RESTORED = 1
    OVER = -1


class RedisLink:
    """A client, and the patience to use it. Safe to use from several threads."""

    def __init__(
        self, url: str, *, stop: threading.Event, on_wait: Callable[[], object] = lambda: None
    ) -> None:
        """``on_wait`` is called before each pause: a sign of life while nothing answers."""
        self._stop = stop
        self._on_wait = on_wait
        self._url = url
        try:
            self.client = blocking_client(url)
        except ValueError as error:
            raise RedisRefused(f"Redis URL: {error}: give redis://[:password@]host:port") from error

    def client_without_retries(self) -> redis.Redis:
        """For commands that must not be sent twice."""
        return blocking_client(self._url, retries=0)

    def persist(self, act: Callable[[], _T], *, what: str, patience: float = float("inf")) -> _T:
        """Do something with Redis, again and again until Redis can.

        Raises:
            RedisRefused: the password is wrong.
            RedisUnreachable: the patience (seconds) is over.
            StopRequested: an orderly end was asked for during an outage.
        """
        started, logged = time.monotonic(), -_LOG_SECONDS
        for failures in count(1):
            try:
                return act()
            except (redis.RedisError, OSError) as error:
                self._require_passing(error)
                waited = time.monotonic() - started
                if waited > patience:
                    raise RedisUnreachable(why_unreachable(error, self._url)) from error
                if waited - logged >= _LOG_SECONDS:
                    _log.warning("%s: waiting: %s", what, why_unreachable(error, self._url))
                    logged = waited
                self.wait(_BACKOFF.seconds(failures))
        raise AssertionError("unreachable")

    def wait(self, seconds: float) -> None:
        """Pause between two attempts at something that does not answer.

        Raises:
            StopRequested: an orderly end was asked for.
        """
        self._on_wait()
        if self._stop.wait(seconds):
            raise StopRequested

    def _require_passing(self, error: redis.RedisError | OSError) -> None:
        """Raise what no waiting cures: RedisRefused, or the error itself."""
        text = str(error)
        if isinstance(error, redis.AuthenticationError) or any(word in text for word in _DENIALS):
            raise RedisRefused(why_unreachable(error, self._url)) from error
        lost = isinstance(error, redis.ConnectionError | redis.TimeoutError | OSError)
        if not (lost or isinstance(error, _PASSING_KINDS) or text.startswith(_PASSING)):
            raise error


class Epoch:
    """This learner's turn."""

    def __init__(self, client: redis.Redis, keys: Keys, number: int) -> None:
        self.number = number
        self._key = keys.epoch
        self._hold = client.register_script(_HOLD_EPOCH)

    def hold(self) -> EpochState:
        """Check whether the epoch is still ours; set it again where Redis lost it."""
        reply: Any = self._hold(keys=[self._key], args=[self.number])
        return EpochState(int(reply))
