"""Actors, learner and evaluator of one run, played in its real Redis.

Pods on the played cluster run nothing, so that somebody must say what their processes would: games
rise while the run is asked to RUN, actors have drained when asked to DRAIN, the learner has trained
everything under FLUSH, and every opponent has been met under EVALUATE.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import redis
from trainingrun_contracts import reports
from trainingrun_contracts.reports import (
    ActorReport,
    Evaluation,
    EvaluatorReport,
    Intent,
    LearnerReport,
)
from trainingrun_contracts.stream.keys import Keys

from testkit.servers.redis_server import RedisServer

TICK_SECONDS = 0.2
OPPONENTS = ("random", "aggressive")


class ScriptedFleet:
    """Plays until stopped. ``games_per_tick`` may be changed meanwhile, 0 is a standstill."""

    def __init__(self, server: RedisServer, run_id: str, *, games_per_tick: int = 2) -> None:
        self.keys = Keys(run_id)
        self.games_per_tick = games_per_tick
        self._client = server.client()
        self._has_evaluated = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, name=f"fleet {run_id}")

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join()
        self._client.close()

    @property
    def intent(self) -> Intent:
        """What the operator has asked the run to do."""
        reply: Any = self._client.get(self.keys.intent)
        return reports.intent_from(reply)

    @property
    def games(self) -> int:
        """Games that were played."""
        return int(self._client.hget(self.keys.games, "played") or 0)

    def _play(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            self._tick(self.intent)

    def _tick(self, intent: Intent) -> None:
        now = time.time()
        with self._client.pipeline(transaction=True) as pipe:
            if intent is Intent.RUN:
                pipe.hincrby(self.keys.games, "played", self.games_per_tick)
            if intent is Intent.EVALUATE and not self._has_evaluated:
                self._evaluate(pipe, now)
            self._has_evaluated = intent is Intent.EVALUATE
            state = (
                reports.ActorState.PLAYING if intent is Intent.RUN else reports.ActorState.DRAINED
            )
            for report in self._reports(now, state):
                reports.queue_report(pipe, self.keys, report)
            pipe.execute()

    def _reports(self, now: float, state: reports.ActorState) -> tuple[reports.Report, ...]:
        actor = ActorReport(
            member="actor-0",
            at=now,
            state=state,
            running=0,
            games=0,
            decisions=0,
            transitions=0,
            paused_seconds=0.0,
            spooled=0,
            weights_version=0,
            weights_publish=0,
        )
        learner = LearnerReport(
            member="learner-0",
            at=now,
            state=reports.LearnerState.TRAINING,
            epoch=1,
            version=0,
            publish=0,
            trained=0,
            transitions_per_second=100.0,
            busy=0.5,
        )
        evaluator = EvaluatorReport(
            member="evaluator-0",
            at=now,
            state=reports.EvaluatorState.WAITING,
            running=0,
            games=0,
            weights_version=0,
        )
        return actor, learner, evaluator

    def _evaluate(self, pipe: redis.client.Pipeline, now: float) -> None:
        for opponent in OPPONENTS:
            result = Evaluation(
                at=now,
                version=0,
                training_games=self.games,
                opponent=opponent,
                games=200,
                wins=170,
                draws=0,
                rate=0.85,
                low=0.79,
                high=0.89,
            )
            reports.queue_evaluation(pipe, self.keys.evaluations, result)
