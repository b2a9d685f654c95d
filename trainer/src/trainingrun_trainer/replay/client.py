"""The table of a run in the league's Replay service, as its learner uses it.

Every segment is a batch of its own, named by the run's id with its actor, and by its own number,
from 1: so one that comes again after a kill is known. What the learner settled before is passed
over, since numbers of segments that were lost never come. A service that is not there is waited
for, as Redis is; one that has lost the table gets a new one. Each connection is made with what the
league is called with then, which may have changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from random import Random
from threading import Event
from typing import Final, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.channel import open_blocking
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_contracts.role_environment import (
    LeagueAccess,
    LeagueAccessMissing,
    LeagueFolder,
)
from trainingrun_contracts.run_config import ConfigError, LearnerReplayConfig, RunConfig
from trainingrun_contracts.segment import Segment, decode, encode

from trainingrun_trainer.league_access import Heard, LeagueWay, code_of, reason_of, way_to
from trainingrun_trainer.replay.values import Sample, beta_at, drawn_at_once
from trainingrun_trainer.stop import StopRequested

_log = logging.getLogger(__name__)

T = TypeVar("T")

_CALL_SECONDS: Final = 60.0
_BACKOFF: Final = Backoff(first=0.2, longest=10.0, spread=0.5)
_RECONNECTS: Final = 3
"""Failures after which the next call is made by a new connection."""
_NOT_HELD: Final = Duration(seconds=0)
_BATCHES_AHEAD: Final = 2
"""Batches by which either side of the limiter may be ahead of the other."""
SERVICE: Final = "Replay service"


class RemoteTable:
    """See the module's docstring; a ``ReplayTable``."""

    def __init__(
        self,
        config: RunConfig,
        replay: LearnerReplayConfig,
        way: LeagueWay,
        *,
        stop: Event,
        heard: Heard,
    ) -> None:
        self._config = config
        self._replay = replay
        self._way = way
        self._channel: grpc.Channel | None = None
        self._stop = stop
        self._heard = heard
        self._random = Random(config.seed)
        self._segments = 0
        self._transitions = 0
        self._is_open = False

    def record(self, segments: Sequence[Segment]) -> bool:
        """See ReplayTable."""
        requests = self._requests(segments)
        answers = self._persist(lambda stub: _streamed(stub, requests), what="recording experience")
        if any(answer.result.held for answer in answers):
            return False
        self._segments += len(segments)
        self._transitions += sum(segment.transitions for segment in segments)
        return True

    def sample(self, *, games: int, publish: int) -> Sample | None:
        """See ReplayTable."""
        learner = self._config.learner
        request = pb.GetExperienceBatchRequest(
            table=self._config.run_id,
            size=drawn_at_once(
                learner.batch_transitions,
                segments=self._segments,
                of_transitions=self._transitions,
            ),
            sampling=pb.SAMPLING_PRIORITISED,
            beta=beta_at(self._replay.beta, games=games, of_games=self._config.games),
            wait=_NOT_HELD,
            reader=self._config.run,
        )
        answer = self._persist(
            lambda stub: stub.GetExperienceBatch(request), what="sampling experience"
        )
        if not answer.items:
            return None
        drawn = [(item, decode(item.data)) for item in answer.items]
        fresh = [
            (item, segment)
            for item, segment in drawn
            if publish - int(segment.publishes.min()) <= learner.max_policy_lag
        ]
        return Sample(
            ids=tuple(item.id for item, _ in fresh),
            segments=tuple(segment for _, segment in fresh),
            weights=tuple(item.weight for item, _ in fresh),
        )

    def set_priorities(self, ids: Sequence[int], priorities: Sequence[float]) -> None:
        """See ReplayTable."""
        request = pb.UpdatePrioritiesRequest(
            table=self._config.run_id, ids=ids, priorities=priorities
        )
        self._persist(lambda stub: stub.UpdatePriorities(request), what="setting priorities")

    def close(self) -> None:
        """See ReplayTable."""
        if self._channel is not None:
            self._channel.close()
        self._channel = None

    def _requests(self, segments: Iterable[Segment]) -> list[pb.RecordExperienceRequest]:
        settled: dict[str, int] = {}
        requests = []
        for segment in segments:
            header = segment.header
            before = settled.setdefault(header.actor, header.seq)
            item = pb.Item(data=encode(segment), experiences=segment.transitions)
            requests.append(
                pb.RecordExperienceRequest(
                    table=self._config.run_id,
                    source=f"{self._config.run_id}/{header.actor}",
                    sequence=header.seq + 1,
                    passed_over=before,
                    items=[item],
                    wait=_NOT_HELD,
                )
            )
        return requests

    def _open(self, stub: ReplayServiceStub) -> None:
        batch, replay = self._config.learner.batch_transitions, self._replay
        settings = pb.TableSettings(
            items=replay.segments,
            alpha=replay.alpha,
            samples_per_insert=replay.samples_per_insert,
            tolerance=_BATCHES_AHEAD * batch * max(1.0, replay.samples_per_insert),
            least=batch,
        )
        request = pb.OpenTableRequest(
            table=self._config.run_id,
            settings=settings,
            keeper=replay.keeper,
            keep_ended=Duration(seconds=replay.keep_ended_seconds),
        )
        if stub.OpenTable(request).created:
            _log.info("the table %s was made", self._config.run_id)
        known = stub.GetStats(pb.GetStatsRequest(table=self._config.run_id))
        self._segments, self._transitions = known.items, known.experiences
        self._is_open = True

    def _persist(self, act: Callable[[ReplayServiceStub], T], *, what: str) -> T:
        """Do it, however often it takes."""
        failures = 0
        while not self._stop.is_set():
            try:
                stub = self._connected()
                if not self._is_open:
                    self._open(stub)
                found = act(stub)
            except (grpc.RpcError, LeagueAccessMissing) as error:
                failures += 1
                self._judge(error, what, failures)
            else:
                self._heard("")
                return found
        raise StopRequested

    def _connected(self) -> ReplayServiceStub:
        if self._channel is None:
            self._channel = open_blocking(self._way.address(), seconds=_CALL_SECONDS)
        return ReplayServiceStub(self._channel)

    def _judge(self, error: Exception, what: str, failures: int) -> None:
        """Wait for the next try; or raise what no other try would change."""
        code, why = code_of(error), reason_of(error)
        if code is grpc.StatusCode.NOT_FOUND and self._is_open:
            self._is_open = False
            return
        if code in self._way.refusals:
            raise ConfigError(f"replay: {what}: the league's Replay service refuses it: {why}")
        if failures % _RECONNECTS == 0 or code is grpc.StatusCode.UNAUTHENTICATED:
            self.close()  # what it is called with may be another by now
        self._heard(why)
        _log.warning("%s: the league's Replay service does not answer: %s", what, why)
        self._stop.wait(_BACKOFF.seconds(failures, self._random))


def replay_table(
    config: RunConfig,
    replay: LearnerReplayConfig,
    access: LeagueAccess | LeagueFolder | None,
    *,
    stop: Event,
    heard: Heard = lambda _problem: None,
) -> RemoteTable:
    """Return the table of a run; it is made with the first call.

    Raises:
        ConfigError: there is no token for the league.
    """
    way = way_to(
        replay.address,
        access,
        is_encrypted=config.league is None or config.league.is_encrypted,
        use="samples from",
    )
    return RemoteTable(config, replay, way, stop=stop, heard=heard)


def _streamed(
    stub: ReplayServiceStub, requests: Sequence[pb.RecordExperienceRequest]
) -> list[pb.StreamExperienceResponse]:
    stream = (pb.StreamExperienceRequest(batch=request) for request in requests)
    return list(stub.StreamExperience(stream, timeout=_CALL_SECONDS))
