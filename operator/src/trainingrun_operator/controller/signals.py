"""What Redis says about a run, in one round trip, and what the operator tells it.

One pipeline per look. Errors do not travel: a Redis that cannot be asked is an observation
(:class:`Unreachable`) like any other. Whether anything has moved since a look is asked for many
runs at once (``digest``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import redis
import redis.asyncio
from trainingrun_contracts import reports, slots
from trainingrun_contracts.connection import address_of, why_unreachable
from trainingrun_contracts.curriculum import encode_phase, phase_from
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import ledger_from, queue_ledger
from trainingrun_contracts.weights import pointer_from

from trainingrun_operator.controller.clients import Clients
from trainingrun_operator.controller.digest import queue_digest, read_digests
from trainingrun_operator.desired.actions import (
    PublishSlots,
    QueueAction,
    RequestCheckpoint,
    SetIntent,
    SetPhase,
    SetTarget,
)
from trainingrun_operator.desired.observed import Signals, Unreachable

_DIGESTS_AT_ONCE: Final = 50
"""Runs of one question: a script holds the server up while it runs."""


class QueueError(Exception):
    """Redis did not take what the operator had to say; trying again later can help."""


class SignalReader:
    """Asks and tells Redis servers, until :meth:`close`."""

    def __init__(self) -> None:
        self._clients = Clients()

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
        try:
            async with self._clients.use(url) as client:
                return await _read(client, keys, tuple(endpoints), now=now)
        except (redis.RedisError, OSError) as error:
            return _unreachable(error, url)
        except ValueError as error:
            return Unreachable("Unreachable", f"the address of Redis is not valid: {error}")

    async def perform(self, url: str, keys: Keys, action: QueueAction, *, now: float) -> None:
        """Tell the run something.

        Raises:
            QueueError: Redis did not take it.
        """
        try:
            async with self._clients.use(url) as client, client.pipeline(transaction=True) as pipe:
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
        except (redis.RedisError, OSError) as error:
            raise QueueError(why_unreachable(error, address_of(url))) from error

    async def digests(self, url: str, run_ids: Sequence[str]) -> dict[str, str] | None:
        """The digests of runs that share a Redis, by run; None where it cannot be asked."""
        found: dict[str, str] = {}
        try:
            async with self._clients.use(url) as client:
                for at in range(0, len(run_ids), _DIGESTS_AT_ONCE):
                    part = list(run_ids[at : at + _DIGESTS_AT_ONCE])
                    replies = await read_digests(client, part)
                    found.update(zip(part, (each.decode() for each in replies), strict=True))
        except (redis.RedisError, OSError, ValueError):
            return None
        return found

    async def close(self) -> None:
        """Close all connections."""
        await self._clients.close()


async def _read(
    client: redis.asyncio.Redis, keys: Keys, endpoints: tuple[str, ...], *, now: float
) -> Signals:
    """Two round trips only when daemons are published that the caller does not know."""
    async with client.pipeline(transaction=True) as pipe:
        queue_ledger(pipe, keys)
        _queue_rest(pipe, keys)
        pipe.eval(slots.BUSY, 0, keys.leases, *endpoints)
        queue_digest(pipe, keys.run_id)
        *replies, digests = await pipe.execute()
    published = slots.decode_all(replies[3])
    busy = dict(zip(endpoints, replies[-1], strict=True))
    others = tuple(endpoint for endpoint in published if endpoint not in busy)
    if others:
        counts = await client.eval(slots.BUSY, 0, keys.leases, *others)
        busy.update(zip(others, counts, strict=True))
    intent, since, target, phase, request = replies[4]
    return Signals(
        at=now,
        intent=reports.intent_from(intent),
        intent_since=_number(since),
        target=_whole(target),
        ledger=ledger_from(replies[:3]),
        games={name.decode(): int(count) for name, count in replies[5].items()},
        reports=reports.reports_from(replies[6], now=now),
        pointer=pointer_from(replies[7]),
        evaluations=reports.evaluations_from(replies[8]),
        notices=reports.notices_from(replies[9]),
        champion=reports.champion_from(replies[10]),
        phase=phase_from(phase),
        checkpoint_request=(request or b"").decode(errors="replace"),
        slots=published,
        busy=busy,
        digest=digests[0].decode(),
    )


def _queue_rest(pipe: Any, keys: Keys) -> None:
    """Queue the reads after the ledger's three."""
    pipe.hgetall(keys.daemons)
    pipe.mget(keys.intent, keys.intent_since, keys.target, keys.phase, keys.checkpoint_request)
    pipe.hgetall(keys.games)
    pipe.hgetall(keys.reports)
    pipe.hgetall(keys.weights)
    pipe.lrange(keys.evaluations, -reports.EVALUATIONS_RECENT, -1)
    pipe.lrange(keys.notices, 0, -1)
    pipe.hget(keys.champion, "champion")


def _number(reply: bytes | None) -> float | None:
    try:
        return float(reply) if reply is not None else None
    except ValueError:
        return None


def _whole(reply: bytes | None) -> int | None:
    number = _number(reply)
    return int(number) if number is not None else None


def _unreachable(error: redis.RedisError | OSError, url: str) -> Unreachable:
    message = why_unreachable(error, address_of(url))
    refused = "refused the password" in message
    return Unreachable("AuthenticationFailed" if refused else "Unreachable", message)
