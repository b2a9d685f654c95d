"""Whether the cluster has a Kueue that could admit what waits; asked only while something waits."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from trainingrun_operator.backends.kubernetes.client import Client
from trainingrun_operator.backends.kubernetes.errors import NotFoundError
from trainingrun_operator.backends.kubernetes.views import WAITING
from trainingrun_operator.desired.observed import Held, Problem

GROUP: Final = "kueue.x-k8s.io"
MISSING: Final = "QueueControllerMissing"
_REMEMBERED_SECONDS: Final = 15.0


class Kueue:
    """What discovery says of Kueue, remembered for a moment."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: tuple[float, bool] | None = None

    async def explained(self, held: Held) -> Held:
        """The same, or that nobody is there who would ever end the wait."""
        if held.problem.reason != WAITING or await self._is_served():
            return held
        message = (
            f"{held.problem.message.partition(':')[0]}, and nobody will: the cluster does not serve"
            f" {GROUP}: install Kueue, or remove spec.queueName"
        )
        return replace(held, problem=Problem(MISSING, message))

    async def _is_served(self) -> bool:
        now = time.monotonic()
        if self._known is None or now - self._known[0] >= _REMEMBERED_SECONDS:
            try:
                await self._client.get(f"/apis/{GROUP}")
                self._known = (now, True)
            except NotFoundError:
                self._known = (now, False)
        return self._known[1]
