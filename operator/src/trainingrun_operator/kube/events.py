"""Events of resources: what ``kubectl describe`` shows, each created once and then counted."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.errors import ConflictError, NotFoundError
from trainingrun_reconciler.kinds import EVENT, Kind

from trainingrun_operator.kube.client import Client

CONTROLLER: Final = "trainingrun.dev/operator"
REPEAT_SECONDS: Final = 300.0
_LONGEST_NOTE: Final = 1024
_REMEMBERED: Final = 2000


@dataclass(frozen=True)
class Regarding:
    """The resource that an event is about."""

    namespace: str
    name: str
    uid: str
    kind: Kind


@dataclass(frozen=True)
class _Emitted:
    count: int
    at: float


class EventWriter:
    """Writes events. The same words about the same resource are one event, counted in its series.

    A repetition is written every five minutes at most: a cause that comes back every second must
    not become a write every second.
    """

    def __init__(self, client: Client, *, instance: str) -> None:
        self._client = client
        self._instance = instance
        self._emitted: dict[str, _Emitted] = {}

    async def emit(self, regarding: Regarding, event: RunEvent) -> None:
        """Create an event, or count it once more.

        Raises:
            BackendError: the API server refused it.
        """
        name, now = event_name(regarding, event), time.monotonic()
        before = self._emitted.get(name, _Emitted(0, now - 2 * REPEAT_SECONDS))
        due = now - before.at >= REPEAT_SECONDS
        self._emitted[name] = _Emitted(before.count + 1, now if due else before.at)
        while len(self._emitted) > _REMEMBERED:
            self._emitted.pop(next(iter(self._emitted)))
        if not due:
            return
        try:
            if before.count == 0:
                await self._create(name, regarding, event)
            else:
                await self._count(name, regarding, before.count + 1)
        except ConflictError:  # created by the operator before us
            await self._count(name, regarding, before.count + 2)
        except NotFoundError:  # events live for an hour only
            await self._create(name, regarding, event)

    async def _create(self, name: str, regarding: Regarding, event: RunEvent) -> None:
        reference = {
            "apiVersion": regarding.kind.api_version,
            "kind": regarding.kind.name,
            "namespace": regarding.namespace,
            "name": regarding.name,
            "uid": regarding.uid,
        }
        document = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"name": name, "namespace": regarding.namespace},
            "eventTime": _now(),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "action": "Reconcile",
            "reason": event.reason,
            "regarding": reference,
            "note": event.message[:_LONGEST_NOTE],
            "type": "Warning" if event.warning else "Normal",
        }
        await self._client.create(EVENT.path(regarding.namespace), document)

    async def _count(self, name: str, regarding: Regarding, count: int) -> None:
        series = {"count": count, "lastObservedTime": _now()}
        await self._client.merge(EVENT.path(regarding.namespace, name), {"series": series})


def event_name(regarding: Regarding, event: RunEvent) -> str:
    """The same for the same words about the same resource, also after a restart of the operator."""
    identity = "\0".join((regarding.uid, event.reason, event.message))
    return f"{regarding.name}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
