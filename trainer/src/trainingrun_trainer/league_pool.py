"""Keeps the models of a league that the run trains against in the run's Redis, for its actors.

A thread asks the Model service every half minute, fetches what is new and lets go of what is no
longer met. The training never waits for it: while the league or Redis is away, actors meet those
that they have, and past selves where there are none. So actors need neither gRPC nor a token.
"""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import Any, Final

import grpc
import redis
from trainingrun_contracts.league.channel import open_blocking
from trainingrun_contracts.league.policies import Download
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.role_environment import LeagueAccessMissing
from trainingrun_contracts.run_config import PopulationRole
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights import WeightsError

from trainingrun_trainer.league_access import LeagueWay, reason_of
from trainingrun_trainer.league_opponents import PoolModel, opponents_of

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 30.0
_ASK_SECONDS: Final = 20.0
_FORGOTTEN_SECONDS: Final = 60
"""For which actors can still fetch a model that is no longer met."""
_PAGE: Final = 1000
_PLAYABLE: Final = (pb.STAGE_VALIDATED, pb.STAGE_PROMOTED, pb.STAGE_RETIRED, pb.STAGE_REJECTED)
_FAILURES: Final = (grpc.RpcError, redis.RedisError, OSError, WeightsError, LeagueAccessMissing)
_DIGITS: Final = 12
"""Hexadecimal digits of a hash that number a model: a sorted set's scores are exact up to 2^53."""


class LeaguePool:
    """See above; started when made."""

    def __init__(
        self,
        client: redis.Redis,
        keys: Keys,
        way: LeagueWay,
        *,
        role: PopulationRole,
        lineage: str,
        schema_hash: str,
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._redis = client
        self._keys = keys
        self._way = way
        self._role = role
        self._lineage = lineage
        self._schema_hash = schema_hash
        self._every_seconds = every_seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="league pool", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Begin no other round; one that runs ends by itself, at the latest with the process."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._round()
            except _FAILURES as error:
                _log.warning("opponents of the league stay as they are: %s", reason_of(error))
            self._closing.wait(self._every_seconds)

    def _round(self) -> None:
        with closing(open_blocking(self._way.address(), seconds=_ASK_SECONDS)) as channel:
            stub = ModelServiceStub(channel)
            met = opponents_of(self._playable(stub), self._role, lineage=self._lineage)
            pool = self._keys.league_pool
            had = self._had()
            for each in met:
                if self._closing.is_set():
                    return
                if each.sha256 not in had:
                    self._take(stub, each)
        for sha256 in had - {each.sha256 for each in met}:
            self._redis.zrem(pool, sha256)
            self._redis.expire(self._keys.league_blob(sha256), _FORGOTTEN_SECONDS)

    def _had(self) -> set[str]:
        reply: Any = self._redis.zrange(self._keys.league_pool, 0, -1)
        return {sha256.decode() for sha256 in reply}

    def _playable(self, stub: ModelServiceStub) -> list[PoolModel]:
        """Return the models that an actor can play, the newest first; those of AlphaZero need
        searches, which actors of PPO do not make."""
        request = pb.ListModelsRequest(stages=_PLAYABLE, page_size=_PAGE)
        return [
            PoolModel(each.id, each.lineage, each.role == pb.POPULATION_ROLE_MAIN, each.sha256)
            for each in stub.ListModels(request).models
            if each.schema_hash == self._schema_hash
            and each.algorithm == "ppo"
            and each.validation.loads
            and not each.validation.problem
        ]

    def _take(self, stub: ModelServiceStub, model: PoolModel) -> None:
        """Fetch a model; the bytes stand in Redis before its name does."""
        download = Download(stub, pb.GetPolicyRequest(model_id=model.id))
        blob = b"".join(download.chunks())
        if download.model is None or download.model.sha256 != model.sha256:
            raise WeightsError(f"model {model.id} is not what the league listed")
        self._redis.set(self._keys.league_blob(model.sha256), blob)
        self._redis.zadd(self._keys.league_pool, {model.sha256: int(model.sha256[:_DIGITS], 16)})
        _log.info("model %s of %s is an opponent", model.id, model.lineage)
