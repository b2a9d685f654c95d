"""Weights for a league: published beside the training, which never waits for it.

A thread takes the newest weights that were offered; those that could not be sent before newer ones
came are passed over. What passes (the league is not there, down, busy, or has no room) is tried
again for ever; a refusal is said to the user once for each reason, and the next weights are tried
anew. While there is nothing to publish the league is asked now and then whether it answers, so that
who reads the run knows.

Not here: the weights that actors play with (``publish``), which a run cannot do without.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from random import Random
from typing import Final

import grpc
import redis
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.channel import open_blocking
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.role_environment import (
    LeagueAccess,
    LeagueAccessMissing,
    LeagueFolder,
)
from trainingrun_contracts.run_config import (
    LeagueConfig,
    PopulationRole,
    RunConfig,
)
from trainingrun_contracts.stream.keys import Keys

from trainingrun_trainer.league_access import Heard, LeagueWay, code_of, reason_of, way_to
from trainingrun_trainer.league_pool import LeaguePool
from trainingrun_trainer.league_schedule import LeagueSchedule, Offer

_log = logging.getLogger(__name__)

REFUSED: Final = "LeagueRefused"
REJECTED: Final = "LeagueRejected"
MISSED: Final = "LeagueMissed"
SERVICE: Final = "Model service"
_PUBLISH_SECONDS: Final = 300.0
_ASK_SECONDS: Final = 20.0
_IDLE_SECONDS: Final = 30.0
"""Between two questions to a league that answers, while there is nothing to publish."""
_BACKOFF: Final = Backoff(first=1.0, longest=60.0, spread=0.5)
_BACKOFF_AT_LAST: Final = Backoff(first=1.0, longest=2.0, spread=0.5)
"""While the end of the run waits for the league."""
_SECRET_SECONDS: Final = 90.0
"""A Secret that was made a moment ago comes within this time to the folder of a pod."""
_OF_WEIGHTS: Final = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.OUT_OF_RANGE})
"""Answers that the same weights would get again, beside those that any call would."""
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
        way: LeagueWay,
        header: pb.PublishPolicyRequest.Header,
        schedule: LeagueSchedule,
        notify: Notify,
        *,
        heard: Heard = lambda _problem: None,
        pool: LeaguePool | None = None,
    ) -> None:
        self.schedule = schedule
        self._pool = pool
        self._way = way
        self._heard = heard
        self._header = header
        self._notify = notify
        self._said: set[str] = set()
        self._random = Random()
        self._lock = threading.Lock()
        self._waiting: Offer | None = None
        self._wakes = threading.Event()
        self._is_idle = threading.Event()
        self._is_idle.set()
        self._ends = threading.Event()
        self._closing = threading.Event()
        self._parent: str | None = None
        self._channel: grpc.Channel | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="league")
        self._work: Future[None] = self._executor.submit(self._run)

    def offer(self, offer: Offer) -> None:
        """Have these weights published soon, in the place of any that still wait."""
        self.schedule = self.schedule.after(offer.games)
        with self._lock:
            self._waiting = offer
            self._is_idle.clear()
        self._wakes.set()

    def close(self, *, seconds: float) -> None:
        """Wait at most this time for what was offered, then let go of it."""
        if self._pool is not None:
            self._pool.close()
        self._ends.set()
        self._wakes.set()
        if seconds > 0 and self._way.is_renewed:
            seconds += _SECRET_SECONDS
        is_taken = self._work.done() or self._is_idle.wait(seconds)
        if not is_taken and seconds > 0:
            self._notify(
                MISSED,
                f"the league did not take the last weights within {seconds:g} s; the newest"
                " checkpoint has them",
            )
        with self._lock:
            self._closing.set()
            self._wakes.set()
            channel = self._channel
        if channel is not None:
            channel.close()  # ends a call that runs
        self._executor.shutdown(wait=True)
        self._work.result()

    def _run(self) -> None:
        """Publish the newest weights, however long it takes, unless newer ones come."""
        failures = 0
        while True:
            self._wakes.clear()  # before anything is read that a wake follows
            with self._lock:
                offer = self._waiting
            if self._closing.is_set():
                return
            try:
                self._call(offer)
                failures, pause = 0, _IDLE_SECONDS
            except (grpc.RpcError, LeagueAccessMissing, ValueError) as error:
                # ValueError: the channel was closed
                if offer is not None and self._is_refused(error):
                    self._take(offer)
                    continue
                failures += 1
                self._report(offer, error)
                backoff = _BACKOFF_AT_LAST if self._ends.is_set() else _BACKOFF
                pause = backoff.seconds(failures, self._random)
            self._wakes.wait(pause)

    def _call(self, offer: Offer | None) -> None:
        """Publish, or ask whether the league is there."""
        with self._lock:
            if self._closing.is_set():
                return
            self._channel = open_blocking(self._way.address(), seconds=_ASK_SECONDS)
        with closing(self._channel) as channel:
            stub = ModelServiceStub(channel)
            if offer is None:
                stub.ListModels(pb.ListModelsRequest(page_size=1))
            else:
                self._publish(stub, offer)
                self._take(offer)
        self._heard("")

    def _publish(self, stub: ModelServiceStub, offer: Offer) -> None:
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

    def _report(self, offer: Offer | None, error: Exception) -> None:
        """Say that the league did not answer; a call that was ended by us says nothing."""
        if self._closing.is_set():
            return
        why = reason_of(error)
        self._heard(why)
        what = "does not answer" if offer is None else f"did not take weights {offer.version}"
        _log.warning("the league %s: %s", what, why)

    def _newest_of_lineage(self, stub: ModelServiceStub) -> str:
        """Return the model that this learner's weights come from; empty for none."""
        request = pb.ListModelsRequest(lineage=self._header.lineage, page_size=1)
        found = stub.ListModels(request).models
        return found[0].id if found else ""

    def _take(self, offer: Offer) -> None:
        with self._lock:
            if self._waiting is offer:
                self._waiting = None
                self._is_idle.set()

    def _is_refused(self, error: Exception) -> bool:
        code = code_of(error)
        if code is grpc.StatusCode.NOT_FOUND and self._parent:
            self._parent = None  # a league that was made anew does not know it: ask again
            return False
        if code not in self._way.refusals | _OF_WEIGHTS:
            return False
        self._parent = None  # it may be what was refused: ask again
        self._heard("")
        self._say(REFUSED, f"the league at {self._way.target} refuses weights: {reason_of(error)}")
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
    access: LeagueAccess | LeagueFolder | None,
    *,
    client: redis.Redis,
    schema_hash: str,
    games: int,
    notify: Notify,
    heard: Heard,
) -> LeaguePublisher:
    """Return what publishes to the run's league, and with a role in its population brings
    opponents from there; the run has played ``games`` so far.

    Raises:
        ConfigError: there is no token for it.
    """
    way = way_to(league.model_address, access, is_encrypted=league.is_encrypted, use="publishes to")
    pool = None
    if league.role is not None and config.alpha_zero is None:
        pool = LeaguePool(
            client,
            Keys(config.run_id),
            way,
            role=league.role,
            lineage=league.lineage,
            schema_hash=schema_hash,
        )
    return LeaguePublisher(
        way,
        _header(config, league, schema_hash=schema_hash),
        LeagueSchedule(league.publish_every_games, games),
        notify,
        heard=heard,
        pool=pool,
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
