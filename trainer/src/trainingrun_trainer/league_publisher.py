"""Weights for a league: published beside the training, which never waits for it.

A thread takes the newest weights that were offered; those that could not be sent before newer ones
came are passed over. What passes (the league is down, busy, or has no room) is tried again for
ever; a refusal is said to the user once for each reason, and the next weights are tried anew.

Not here: the weights that actors play with (``publish``), which a run cannot do without.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from random import Random
from typing import Any, Final

import grpc
import redis
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.channel import ServiceAddress, open_blocking
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.role_environment import LeagueAccess
from trainingrun_contracts.run_config import (
    LeagueConfig,
    PopulationRole,
    RunConfig,
)
from trainingrun_contracts.stream.keys import Keys

from trainingrun_trainer.league_access import REFUSALS, reason_of, service_address
from trainingrun_trainer.league_pool import LeaguePool
from trainingrun_trainer.league_schedule import LeagueSchedule, Offer

_log = logging.getLogger(__name__)

REFUSED: Final = "LeagueRefused"
REJECTED: Final = "LeagueRejected"
_PUBLISH_SECONDS: Final = 300.0
_ASK_SECONDS: Final = 20.0
_BACKOFF: Final = Backoff(first=1.0, longest=60.0, spread=0.5)
_REFUSALS: Final = REFUSALS | {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.OUT_OF_RANGE}
"""Answers that the same weights would get again."""
_ROLES: Final[Mapping[PopulationRole, pb.PopulationRole.ValueType]] = {
    "Main": pb.POPULATION_ROLE_MAIN,
    "MainExploiter": pb.POPULATION_ROLE_MAIN_EXPLOITER,
    "LeagueExploiter": pb.POPULATION_ROLE_LEAGUE_EXPLOITER,
}

Notify = Callable[[str, str], None]


class LeaguePublisher:
    """Publishes the weights of one run.

    Attributes:
        schedule: when weights are wanted.
    """

    def __init__(
        self,
        address: ServiceAddress,
        header: pb.PublishPolicyRequest.Header,
        schedule: LeagueSchedule,
        notify: Notify,
        pool: LeaguePool | None = None,
    ) -> None:
        self.schedule = schedule
        self._pool = pool
        self._address = address
        self._header = header
        self._notify = notify
        self._said: set[str] = set()
        self._random = Random()
        self._lock = threading.Lock()
        self._waiting: Offer | None = None
        self._closing = threading.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="league")
        self._work: Future[None] | None = None
        self._parent: str | None = None
        self._channel: grpc.Channel | None = None

    def offer(self, offer: Offer) -> None:
        """Have these weights published soon, in the place of any that still wait."""
        self.schedule = self.schedule.after(offer.games)
        with self._lock:
            self._waiting = offer
            self._work = self._executor.submit(self._publish_waiting)

    def close(self, *, seconds: float) -> None:
        """Wait at most this time for what was offered, then let go of it."""
        if self._pool is not None:
            self._pool.close()
        if self._work is not None:
            try:
                self._work.result(timeout=seconds)
            except TimeoutError:
                _log.warning("the league did not take the last weights in %d s", seconds)
        with self._lock:
            self._closing.set()
            channel = self._channel
        if channel is not None:
            channel.close()  # ends a call that runs
        self._executor.shutdown(wait=True)

    def _publish_waiting(self) -> None:
        """Publish the newest weights, however long it takes, unless newer ones come."""
        failures = 0
        while not self._closing.is_set():
            with self._lock:
                offer = self._waiting
            if offer is None:
                return  # newer ones took the place of these and are published already
            try:
                self._publish(offer)
            except (grpc.RpcError, ValueError) as error:  # ValueError: the channel was closed
                if self._is_refused(error):
                    self._take(offer)
                    return
                failures += 1
                _log.warning(
                    "the league did not take weights %d: %s", offer.version, reason_of(error)
                )
                self._closing.wait(_BACKOFF.seconds(failures, self._random))
                continue
            self._take(offer)

    def _publish(self, offer: Offer) -> None:
        with self._lock:
            if self._closing.is_set():
                return
            self._channel = open_blocking(self._address, seconds=_ASK_SECONDS)
        with closing(self._channel) as channel:
            stub = ModelServiceStub(channel)
            if self._parent is None:
                self._parent = self._newest_of_lineage(stub)
            header = pb.PublishPolicyRequest.Header()
            header.CopyFrom(self._header)
            header.version, header.training_games = offer.version, offer.games
            header.parent = self._parent
            answer = publish(stub, header, offer.blob, seconds=_PUBLISH_SECONDS)
        model = answer.model
        if answer.outcome == pb.PublishPolicyResponse.OUTCOME_REJECTED:
            self._say(REJECTED, f"the league rejected weights {offer.version}: {model.reason}")
            return
        _log.info("weights %d are model %s of the league", offer.version, model.id)
        self._parent = model.id

    def _newest_of_lineage(self, stub: ModelServiceStub) -> str:
        """Return the model that this learner's weights come from; empty for none."""
        request = pb.ListModelsRequest(lineage=self._header.lineage, page_size=1)
        found = stub.ListModels(request).models
        return found[0].id if found else ""

    def _take(self, offer: Offer) -> None:
        with self._lock:
            if self._waiting is offer:
                self._waiting = None

    def _is_refused(self, error: Exception) -> bool:
        if _code_of(error) not in _REFUSALS:
            return False
        self._parent = None  # it may be what was refused: ask again
        self._say(
            REFUSED, f"the league at {self._address.target} refuses weights: {reason_of(error)}"
        )
        return True

    def _say(self, reason: str, message: str) -> None:
        # The number of the weights is in some sentences: a reason that comes back is one.
        key = f"{reason} {message.rpartition(': ')[2]}"
        if key not in self._said:
            self._said.add(key)
            self._notify(reason, message)


def league_publisher(
    config: RunConfig,
    league: LeagueConfig,
    access: LeagueAccess | None,
    *,
    client: redis.Redis,
    schema_hash: str,
    games: int,
    notify: Notify,
) -> LeaguePublisher:
    """Return what publishes to the run's league, and with a role in its population brings
    opponents from there; the run has played ``games`` so far.

    Raises:
        ConfigError: there is no token for it.
    """
    address = service_address(
        league.model_address, access, is_encrypted=league.is_encrypted, use="publishes to"
    )
    pool = None
    if league.role is not None and config.alpha_zero is None:
        pool = LeaguePool(
            client,
            Keys(config.run_id),
            address,
            role=league.role,
            lineage=league.lineage,
            schema_hash=schema_hash,
        )
    return LeaguePublisher(
        address,
        _header(config, league, schema_hash=schema_hash),
        LeagueSchedule(league.publish_every_games, games),
        notify,
        pool,
    )


def _header(
    config: RunConfig, league: LeagueConfig, *, schema_hash: str
) -> pb.PublishPolicyRequest.Header:
    searched = config.alpha_zero
    return pb.PublishPolicyRequest.Header(
        lineage=league.lineage,
        role=_ROLES[league.role or "Main"],
        schema_hash=schema_hash,
        algorithm="ppo" if searched is None else "alphaZero",
        simulations=0 if searched is None else searched.search.simulations,
    )


def _code_of(error: Exception) -> grpc.StatusCode | None:
    code: Any = getattr(error, "code", None)  # of a call's error; other errors have none
    return code() if callable(code) else None
