"""Versioned weights: bytes in a Redis blob, and a pointer that moves only for the live learner.

The blob holds safetensors bytes; this module never opens them. Order of a publication: the blob
first, then the pointer, compared and set on the learner's epoch, so that a zombie learner cannot
publish. Readers verify the hash and keep what they have on any failure.

Versions: ``version`` is the optimiser step; ``publish`` counts publications, and policy lag is
measured in these.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import redis

from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.read import Fenced
from trainingrun_contracts.weights_pointer import Pointer

MAX_BYTES: Final = 256 * 1024 * 1024
SNAPSHOTS_KEPT: Final = 16
_CURRENT_SECONDS: Final = 7 * 24 * 3600
_PREVIOUS_SECONDS: Final = 60

# KEYS: weights epoch blob(new) snapshots
# ARGV: epoch, version, publish, sha256, at, seconds for the previous blob, snapshot?, kept, prefix
_POINT: Final = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return redis.error_reply('FENCED') end
if redis.call('EXISTS', KEYS[3]) == 0 then return redis.error_reply('NOBLOB') end
local old = redis.call('HGET', KEYS[1], 'sha256')
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'version', ARGV[2], 'publish', ARGV[3],
  'sha256', ARGV[4], 'at', ARGV[5])
if old and old ~= ARGV[4] and not redis.call('ZSCORE', KEYS[4], old) then
  redis.call('EXPIRE', ARGV[9] .. old, ARGV[6])
end
if ARGV[7] == '1' then
  redis.call('ZADD', KEYS[4], ARGV[2], ARGV[4])
  redis.call('PERSIST', KEYS[3])
  local extra = redis.call('ZCARD', KEYS[4]) - tonumber(ARGV[8])
  if extra > 0 then
    for _, sha in ipairs(redis.call('ZRANGE', KEYS[4], 0, extra - 1)) do
      redis.call('ZREM', KEYS[4], sha)
      if sha ~= ARGV[4] then redis.call('EXPIRE', ARGV[9] .. sha, ARGV[6]) end
    end
  end
end
return 1
"""


class WeightsError(Exception):
    """Weights are missing, too large or do not match their hash."""


class WeightsPublisher:
    """The learner's side; blocking."""

    def __init__(self, client: redis.Redis, keys: Keys, *, epoch: int) -> None:
        self._redis = client
        self._keys = keys
        self._epoch = epoch
        self._point = client.register_script(_POINT)

    def publish(
        self, blob: bytes, *, version: int, publish: int, at: float, snapshot: bool
    ) -> Pointer:
        """Make these weights the newest; with ``snapshot`` keep them as a past opponent too.

        Raises:
            Fenced: a newer learner has started.
        """
        keys, sha256 = self._keys, hashlib.sha256(blob).hexdigest()
        self._redis.set(keys.blob(sha256), blob, ex=_CURRENT_SECONDS)
        try:
            self._point(
                keys=[keys.weights, keys.epoch, keys.blob(sha256), keys.snapshots],
                args=[
                    self._epoch,
                    version,
                    publish,
                    sha256,
                    at,
                    _PREVIOUS_SECONDS,
                    int(snapshot),
                    SNAPSHOTS_KEPT,
                    keys.blob(""),
                ],
            )
        except redis.ResponseError as error:
            if "FENCED" in str(error):
                raise Fenced(f"epoch {self._epoch} is over: a newer learner has started") from error
            raise
        return Pointer(self._epoch, version, publish, sha256, at)


def verified(blob: Any, sha256: str) -> bytes:
    """Return the blob, if it is what its name says.

    Raises:
        WeightsError: missing, too large, or a wrong hash.
    """
    if not isinstance(blob, bytes):
        raise WeightsError(f"weights {sha256[:12]} are not in Redis")
    if len(blob) > MAX_BYTES:
        raise WeightsError(f"weights {sha256[:12]}: {len(blob)} bytes, at most {MAX_BYTES}")
    if hashlib.sha256(blob).hexdigest() != sha256:
        raise WeightsError(f"weights {sha256[:12]} do not match their sha256")
    return blob
