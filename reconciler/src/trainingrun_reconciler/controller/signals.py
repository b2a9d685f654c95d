"""What Redis says about a run, in one round trip, and what the operator writes to it.

One script per reconcile. Errors do not travel: a Redis that cannot be asked, or that answers what
no Redis would, is an observation (:class:`Unreachable`) like any other. Whether anything has moved
since a reconcile is asked for many runs at once (``run_reads``).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import redis
import redis.asyncio
from trainingrun_contracts import reports, slots
from trainingrun_contracts.connection import (
    AddressError,
    address_of,
    why_unreachable,
)
from trainingrun_contracts.curriculum import begun_from, encode_phase, phase_from
from trainingrun_contracts.stream.accounts import LARGEST_COUNT
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import count_from, ledger_from
from trainingrun_contracts.weights_pointer import pointer_from

from trainingrun_reconciler.controller.clients import Clients
from trainingrun_reconciler.controller.reach import ANYWHERE, Reach
from trainingrun_reconciler.controller.run_reads import (
    MEMBERS,
    RunReply,
    prune_reports,
    read_digests,
    read_run,
)
from trainingrun_reconciler.desired.actions import (
    PublishSlots,
    QueueAction,
    RequestCheckpoint,
    SetIntent,
    SetPhase,
    SetTarget,
)
from trainingrun_reconciler.desired.observed import Signals, Unreachable

ANSWER_SECONDS: Final = 10.0
_LOG: Final = logging.getLogger(__name__)
_DIGESTS_AT_ONCE: Final = 50
"""Runs of one question: a script holds the server up while it runs."""


class QueueError(Exception):
    """Redis could not be read or written; a retry can help."""

    def __init__(self, message: str, *, reason: str = "Unreachable") -> None:
        super().__init__(message)
        self.reason = reason


class SignalReader:
    """Reads and writes runs' state in Redis, until :meth:`close`."""

    def __init__(self, *, seconds: float = ANSWER_SECONDS, reach: Reach = ANYWHERE) -> None:
        """``seconds``: the longest that one question may take, connection included."""
        self._clients = Clients(reach=reach)
        self._seconds = seconds

    @asynccontextmanager
    async def _use(self, url: str) -> AsyncIterator[redis.asyncio.Redis]:
        """A client of the address, for that time and no longer.

        Raises:
            QueueError: the address is not valid, it took too long, or what answers is no Redis.
        """
        try:
            async with asyncio.timeout(self._seconds), self._clients.use(url) as client:
                yield client
        except AddressError as error:
            raise QueueError(f"the address of Redis is not valid: {error}") from error
        except TimeoutError as error:
            late = redis.TimeoutError(f"no answer within {self._seconds:g} s")
            raise _unreachable(late, url) from error
        except (redis.RedisError, OSError) as error:
            raise _unreachable(error, url) from error
        except Exception as error:  # whatever a server makes the client library raise
            raise _nonsense(error, url) from error

    async def read(
        self, url: str, keys: Keys, *, endpoints: Iterable[str], now: float
    ) -> Signals | Unreachable:
        """All signals of a run.

        Args:
            url: of the run's Redis, with its password.
            keys: of the run.
            endpoints: daemons that exist, so that leases on daemons that are not published count.
            now: Unix seconds; reports that are old by then are left out.
        """
        asked = tuple(endpoints)
        try:
            async with self._use(url) as client:
                return signals_from(await read_run(client, keys.run_id, asked), asked, now=now)
        except QueueError as error:
            return Unreachable(error.reason, str(error))

    async def perform(self, url: str, keys: Keys, action: QueueAction, *, now: float) -> None:
        """Write one action's effect to the run's Redis.

        Raises:
            QueueError: Redis did not take it.
        """
        async with self._use(url) as client, client.pipeline(transaction=True) as pipe:
            match action:
                case SetIntent(intent=intent):
                    pipe.set(keys.intent, intent.value)
                    pipe.set(keys.intent_since, repr(now))
                case SetTarget(games=games):
                    pipe.set(keys.target, games)
                case SetPhase(phase=phase):
                    pipe.set(keys.phase, encode_phase(phase))
                case RequestCheckpoint(token=token):
                    pipe.set(keys.checkpoint_request, token)
                case PublishSlots(slots=published):
                    slots.publish(pipe, keys.daemons, dict(published))
            await pipe.execute()

    async def prune(self, url: str, keys: Keys, *, before: float) -> None:
        """Remove the reports of members that have said nothing since.

        Raises:
            QueueError: Redis did not take it.
        """
        async with self._use(url) as client:
            await prune_reports(client, keys.run_id, before=before)

    async def digests(self, url: str, run_ids: Sequence[str]) -> dict[str, str] | None:
        """The digests of runs that share a Redis, by run; None where it cannot be asked."""
        found: dict[str, str] = {}
        try:
            async with self._use(url) as client:
                for at in range(0, len(run_ids), _DIGESTS_AT_ONCE):
                    part = list(run_ids[at : at + _DIGESTS_AT_ONCE])
                    found.update(zip(part, await read_digests(client, part), strict=True))
        except QueueError as error:
            _LOG.debug("%s", error)  # each of these runs is asked by itself now, and reports it
            return None
        return found

    async def close(self) -> None:
        """Close all connections."""
        await self._clients.close()


def signals_from(answer: RunReply, endpoints: tuple[str, ...], *, now: float) -> Signals:
    """Decode the answer of ``read_run``.

    Raises:
        ValueError: it counts other endpoints than it was asked about.
    """
    busy = {name: count_from(count) for name, count in _texts(answer.busy).items()}
    busy.update(zip(endpoints, answer.counts, strict=True))
    every = reports.combined_reports(_pairs(answer.reports), _pairs(answer.learner_reports))
    fresh = reports.reports_from(every, now=now)
    return Signals(
        at=now,
        intent=reports.intent_from(answer.intent or None),
        intent_since=_number(answer.intent_since),
        target=_whole(answer.target),
        ledger=ledger_from([[answer.produced], answer.depth, _pairs(answer.accounts)]),
        games={name: count_from(count) for name, count in _texts(answer.games).items()},
        reports=fresh,
        servers=reports.inference_reports_from(_pairs(answer.servers), now=now),
        pointer=pointer_from(_pairs(answer.weights)),
        evaluations=reports.evaluations_from(answer.evaluations),
        notices=reports.notices_from(answer.notices),
        champion=reports.champion_from(answer.champion or None),
        phase=phase_from(answer.phase or None),
        begun=begun_from(_pairs(answer.begun)),
        checkpoint_request=answer.checkpoint_request.decode(errors="replace"),
        slots=slots.decode_all(_pairs(answer.daemons)),
        busy=busy,
        digest=answer.digest.decode(errors="replace"),
        old_reports=_old_reports(answer, len(fresh)),
        excess=tuple(sorted({each.decode(errors="replace") for each in answer.excess})),
    )


def _old_reports(answer: RunReply, fresh: int) -> int:
    """How many reports are of members that are gone; all of them where there are too many."""
    left_out = (each.partition(b":") for each in answer.excess)
    counts = [count_from(size) for part, _, size in left_out if part == b"reports"]
    return max([len(answer.reports) // 2 - fresh, *(n for n in counts if n > MEMBERS)])


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _texts(flat: list[bytes]) -> dict[str, bytes]:
    return {name.decode(errors="replace"): value for name, value in _pairs(flat).items()}


def _number(reply: bytes) -> float | None:
    try:
        number = float(reply)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(reply: bytes) -> int | None:
    number = _number(reply)
    return int(number) if number is not None and abs(number) <= LARGEST_COUNT else None


def _unreachable(error: redis.RedisError | OSError, url: str) -> QueueError:
    message = why_unreachable(error, url)
    refused = "refused the password" in message
    return QueueError(message, reason="AuthenticationFailed" if refused else "Unreachable")


def _nonsense(error: Exception, url: str) -> QueueError:
    """The error's text is left out: it may quote what the server sent."""
    return QueueError(
        f"what answers at {address_of(url)} is no Redis that can be used"
        f" ({type(error).__name__}): check the address"
    )
