"""The server's conversation with its run: weights in, reports and notices out.

A thread of its own, so that an outage of Redis is none of the server's: it answers with what it
has. New weights are read, verified and put on the device beside those that answer, and answer from
the next batch on. What cannot answer is refused once, with a notice, and the old ones stay.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from time import monotonic, time
from typing import Any, Final

import redis
from msgspec import Struct
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import (
    REPORT_SECONDS,
    InferenceReport,
    Notice,
    inference_reports_from,
    queue_inference_report,
    queue_notice,
)
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer, pointer_from

from trainingrun_trainer.inference.computing import Computing, NotFinite
from trainingrun_trainer.inference.published import read_weights
from trainingrun_trainer.inference.server import Server

_POLL_SECONDS: Final = 0.25
_TOKEN_BYTES: Final = 24
_FORGOTTEN_SECONDS: Final = 600.0
"""Older reports are of servers that are gone, and are removed."""
_ROLE: Final = "inference"

_log: Final = logging.getLogger(__name__)


class Identity(Struct, frozen=True):
    """Who serves whom: the member of the run, its keys, the environment and the network."""

    member: str
    keys: Keys
    spec: EnvironmentSpec
    network: Network


class RunLink:
    """See the module's docstring.

    Attributes:
        sync_seconds: from the latest publication to its use here; None before the first.
    """

    def __init__(
        self,
        client: redis.Redis,
        identity: Identity,
        server: Server,
        computing: Computing,
        report: Callable[[], InferenceReport],
    ) -> None:
        self.sync_seconds: float | None = None
        self._client = client
        self._identity = identity
        self._server = server
        self._computing = computing
        self._report = report
        self._refused = ""
        self._said: dict[str, str] = {}
        self._reported_at = float("-inf")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="run-link", daemon=True)

    def start(self) -> None:
        """Start following the run."""
        self._thread.start()

    def close(self) -> None:
        """Stop following, and take the server off the list of those that can be asked."""
        self._closing.set()
        self._thread.join(timeout=REPORT_SECONDS)
        try:
            self._client.hdel(self._identity.keys.inference_reports, self._identity.member)
        except (redis.RedisError, OSError) as error:
            _log.debug("the report was not removed: %s", error)

    def tick(self) -> None:
        """Hear the token and the pointer, follow it, and report when it is time to.

        Raises:
            redis.RedisError: Redis cannot be asked now.
        """
        keys = self._identity.keys
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.set(keys.inference_token, secrets.token_urlsafe(_TOKEN_BYTES), nx=True)
        pipe.get(keys.inference_token)
        pipe.hgetall(keys.weights)
        _, token, weights = pipe.execute()
        self._server.token = token.decode(errors="replace")
        self._follow(pointer_from(weights))
        if monotonic() - self._reported_at >= REPORT_SECONDS:
            self.report_now()

    def report_now(self) -> None:
        """Write the report, and the notices that are new.

        Raises:
            redis.RedisError: Redis cannot be written now.
        """
        keys, now = self._identity.keys, time()
        new = {
            reason: text
            for reason, text in self._server.notices.copy().items()
            if self._said.get(reason) != text
        }
        pipe: Any = self._client.pipeline(transaction=True)
        queue_inference_report(pipe, keys, self._report())
        for reason, text in new.items():
            queue_notice(
                pipe, keys.notices, Notice(now, _ROLE, self._identity.member, reason, text)
            )
        pipe.execute()
        self._said |= new
        self._reported_at = monotonic()

    def _follow(self, pointer: Pointer | None) -> None:
        if pointer is None or pointer in (self._computing.pointer, None):
            return
        if pointer.sha256 == self._refused:
            return
        blob: Any = self._client.get(self._identity.keys.blob(pointer.sha256))
        try:
            tensors = read_weights(
                blob, pointer.sha256, network=self._identity.network, spec=self._identity.spec
            )
            self._computing.use(tensors, pointer)
        except (WeightsError, NotFinite) as error:
            self._refuse(pointer, str(error))
            return
        self.sync_seconds = max(0.0, time() - pointer.at)
        self._reported_at = float("-inf")  # searches ask only who has weights
        _log.info("publication %d (version %d) answers", pointer.publish, pointer.version)

    def _refuse(self, pointer: Pointer, sentence: str) -> None:
        """Keep what answers; weights that are not there yet, or no longer, are asked for again."""
        if "not in Redis" not in sentence:
            self._refused = pointer.sha256
        text = f"publication {pointer.publish} is not used: {sentence}"
        if self._server.notices.get("WeightsRefused") != text:
            _log.warning("%s: the old weights answer", text)
            self._server.notices["WeightsRefused"] = text
            self._reported_at = float("-inf")

    def _forget_the_gone(self) -> None:
        keys, now = self._identity.keys, time()
        reply: Any = self._client.hgetall(keys.inference_reports)
        fresh = inference_reports_from(reply, now=now - _FORGOTTEN_SECONDS)
        gone = reply.keys() - {each.member.encode() for each in fresh}
        if gone:
            self._client.hdel(keys.inference_reports, *gone)

    def _run(self) -> None:
        failures, is_tidy = 0, False
        while not self._closing.is_set():
            try:
                self.tick()
                if not is_tidy:
                    self._forget_the_gone()
                failures, is_tidy = 0, True
            except (redis.RedisError, OSError) as error:
                failures += 1
                if failures == 1:
                    _log.warning("Redis cannot be asked now (%s): the old weights answer", error)
            except Exception:
                # The top of a thread without which no weights come: what one reply does to it
                # costs this poll alone. It is a fault of ours, hence the traceback.
                _log.exception("a poll failed, and is made again")
            self._closing.wait(_POLL_SECONDS * min(1 + failures, 8))
