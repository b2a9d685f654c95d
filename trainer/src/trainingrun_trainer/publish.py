"""Weights for the actors: as bytes, with numbers that only rise."""

from __future__ import annotations

import logging
import time
from typing import Final

import redis
from safetensors.torch import save
from trainingrun_contracts.weights import WeightsPublisher
from trainingrun_contracts.weights_pointer import Pointer

from trainingrun_trainer.link import RedisLink
from trainingrun_trainer.networks.policy import Policy

_log = logging.getLogger(__name__)

_ROOM_SECONDS: Final = 3.0


def weights_blob(policy: Policy, *, version: int) -> bytes:
    """Return the policy in the format of ``policy_format``."""
    tensors = {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in policy.state_dict().items()
    }
    metadata = {"schema_hash": policy.spec.schema_hash, "version": str(version)}
    return save(tensors, metadata=metadata | dict(policy.statement))


class Publisher:
    """Publishes through Redis; counts publications and picks snapshots among them."""

    def __init__(
        self, link: RedisLink, weights: WeightsPublisher, *, last_publish: int, snapshot_every: int
    ) -> None:
        self.publish_number = last_publish
        self._link = link
        self._weights = weights
        self._snapshot_every = snapshot_every

    def advance(self) -> None:
        """The next publication has a new number; without this, weights that Redis has lost are
        published again under their old one."""
        self.publish_number += 1

    def publish(self, blob: bytes, *, version: int, now: float) -> Pointer | None:
        """Publish weights under the current number; None when Redis has had no room for them for
        some seconds. Longer is not waited, because what fills Redis is the queue, and only the
        learner empties it.

        Raises:
            Fenced: a newer learner has started.
        """
        number, until = self.publish_number, time.monotonic() + _ROOM_SECONDS

        def attempt() -> Pointer | None:
            try:
                return self._weights.publish(
                    blob,
                    version=version,
                    publish=number,
                    at=now,
                    snapshot=number % self._snapshot_every == 0,
                )
            except redis.exceptions.OutOfMemoryError:
                if time.monotonic() < until:
                    raise
                _log.warning("version %d is not published: Redis is out of memory", version)
                return None

        return self._link.persist(attempt, what="publishing weights")
