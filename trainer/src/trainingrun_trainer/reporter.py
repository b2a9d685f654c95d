"""The learner's conversation with the run: reports out, the intent in, the epoch held.

A thread of its own, so that a learner that waits, or computes for long, still reports that it
lives. It never waits out an outage: what could not be said now is said, newer, a second later;
notices are kept until they are written.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
from trainingrun_contracts.reports import (
    NOTICES_KEPT,
    REPORT_SECONDS,
    Evaluation,
    Intent,
    LearnerReport,
    Notice,
    evaluations_from,
    intent_from,
    queue_notice,
    queue_report,
)
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import count_from

from trainingrun_trainer.link import Epoch, EpochState
from trainingrun_trainer.status import Status

_log = logging.getLogger(__name__)
_TICK_SECONDS: Final = 1.0
_PLAYED: Final = b"played"
_EVALUATIONS_HEARD: Final = 32


@dataclass(frozen=True)
class Identity:
    """Who reports."""

    member: str
    keys: Keys
    health_file: Path | None = None


class Reporter:
    """Ticks every second; see the module's docstring.

    Attributes:
        intent: what the run should do, as last heard.
        games: training games played, as last heard.
        checkpoint_request: the request for a checkpoint, as last read; empty when there is none.
        evaluations: the newest ones, as last heard.
        failures: reports that failed since the last one that did not.
        redis_lost_data: set when the epoch had to be written again; the training thread clears it.
        is_fenced: set when a newer learner has started; the training thread must end.
    """

    def __init__(
        self, client: redis.Redis, identity: Identity, *, status: Status, epoch: Epoch
    ) -> None:
        self.intent = Intent.RUN
        self.games = 0
        self.checkpoint_request = ""
        self.evaluations: tuple[Evaluation, ...] = ()
        self.failures = 0
        self.redis_lost_data = threading.Event()
        self.is_fenced = threading.Event()
        self._client = client
        self._identity = identity
        self._status = status
        self._epoch = epoch
        self._notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self._closing = threading.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reporter")
        self._thread: Future[None] | None = None

    def start(self) -> None:
        """Start ticking."""
        self._thread = self._executor.submit(self._run)

    def close(self) -> None:
        """Stop ticking, and say the last things. Closing again does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._executor.shutdown(wait=True)
        self._report_safely()

    def notify(self, reason: str, message: str, *, warning: bool = True) -> None:
        """Publish a notice, and log it."""
        _log.log(logging.WARNING if warning else logging.INFO, "%s: %s", reason, message)
        notice = Notice(time.time(), "learner", self._identity.member, reason, message, warning)
        self._notices.append(notice)

    def tick(self) -> None:
        """Check the epoch, read the intent and the games.

        Raises:
            redis.RedisError: Redis cannot be asked now.
        """
        match self._epoch.hold():
            case EpochState.HELD:
                pass
            case EpochState.RESTORED:
                self.redis_lost_data.set()
            case EpochState.OVER:
                self.is_fenced.set()
                return
        keys = self._identity.keys
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.mget(keys.intent, keys.checkpoint_request)
        pipe.hget(keys.games, _PLAYED)
        pipe.lrange(keys.evaluations, -_EVALUATIONS_HEARD, -1)
        pipe.mget([shard.depth for shard in keys.all_shards])
        pipe.xlen(keys.dead_letters)
        (intent, request), played, evaluations, depths, dead_letters = pipe.execute()
        self.intent = intent_from(intent)
        self.checkpoint_request = (request or b"").decode(errors="replace")
        self.games = count_from(played)
        self.evaluations = evaluations_from(evaluations)
        self._status.set(
            games=self.games,
            queued=sum(count_from(depth) for depth in depths),
            dead_letters=dead_letters,
        )

    def report_now(self) -> None:
        """Write the report and the notices that wait.

        Raises:
            redis.RedisError: Redis cannot be written now; the notices are kept.
        """
        keys, notices = self._identity.keys, list(self._notices)
        pipe: Any = self._client.pipeline(transaction=True)
        queue_report(pipe, keys, self._report())
        for notice in notices:
            queue_notice(pipe, keys.notices, notice)
        pipe.execute()
        for _ in notices:
            self._notices.popleft()

    def require_alive(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._thread is not None and self._thread.done():
            self._thread.result()

    def _run(self) -> None:
        said_at = -REPORT_SECONDS
        while not self._closing.is_set() and not self.is_fenced.is_set():
            try:
                self._touch_health_file()  # first: an outage of Redis is no illness of ours
                self.tick()
                if not self.is_fenced.is_set() and time.monotonic() - said_at >= REPORT_SECONDS:
                    self.report_now()
                    said_at = time.monotonic()
                self.failures = 0
            except (redis.RedisError, OSError) as error:
                self.failures += 1
                _log.debug("cannot report now: %s", error)
            except Exception:
                self.failures += 1
                # The top of a thread without which the learner ends: what one reply of Redis does
                # to it costs this second alone. It is a fault of ours, hence the traceback.
                _log.exception("a report failed, and is made again in a second")
            self._closing.wait(_TICK_SECONDS)

    def _touch_health_file(self) -> None:
        if self._identity.health_file is not None:
            self._identity.health_file.touch()

    def _report_safely(self) -> None:
        if self.is_fenced.is_set():
            return
        try:
            self.report_now()
        except (redis.RedisError, OSError) as error:
            _log.warning("the last report could not be written: %s", error)

    def _report(self) -> LearnerReport:
        facts, rates = self._status.facts, self._status.rates()
        return LearnerReport(
            member=self._identity.member,
            at=time.time(),
            state=facts.state,
            epoch=self._epoch.number,
            version=facts.version,
            publish=facts.publish,
            trained=facts.totals.trained,
            transitions_per_second=rates.transitions_per_second,
            busy=rates.busy,
            waits=rates.waits,
            losses=facts.losses,
            policy_lag=facts.policy_lag,
            policy_lag_p95=facts.policy_lag_p95,
            first_update_at=facts.first_update_at,
            checkpoint=facts.checkpoint,
            adopted_from=facts.adopted_from,
            league=facts.league,
        )
