"""The role ``evaluate``: plays frozen weights against frozen opponents and reports the results.

When, and which weights, is ``evaluation_scheduler``; how a match is played, ``match_runner``. With
a gate the weights also challenge the champion, the strongest so far, in a sequential test. The
first weights that are evaluated are the first champion. Nothing that is played here is trained on:
training data come from the latest policy, never from the champion.

Under ``DRAIN`` and ``FLUSH`` a running evaluation is given up, because its games hold slots. It
takes a quarter of the slots, at most four: training continues meanwhile. When training has ended it
takes all slots. Matches of searching players (all of a run of AlphaZero, and those against
``mcts-100`` of any other) take none: they are played in this process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import Random
from time import time
from typing import Final

import redis
from trainingrun_contracts.metrics import Server
from trainingrun_contracts.reports import (
    REPORT_SECONDS,
    EvaluatorReport,
    EvaluatorState,
    Intent,
)
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import RunConfig

from trainingrun_actor.agenda import Due
from trainingrun_actor.arena_games import ArenaGames
from trainingrun_actor.evaluation_scheduler import Assignment, EvaluationScheduler
from trainingrun_actor.evaluation_store import EvaluationStore
from trainingrun_actor.match_games import GivenUp, MatchGames, Unplayable
from trainingrun_actor.match_runner import Match, MatchRunner
from trainingrun_actor.redis_retry import RedisRetry
from trainingrun_actor.reporting import Gauges
from trainingrun_actor.role_parts import RoleParts, role_parts
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.search_extra import searching_opponents
from trainingrun_actor.startup import reach_redis, stop_event
from trainingrun_actor.watchdog import POINTER_SECONDS

_log: Final = logging.getLogger(__name__)


async def evaluate(
    config: RunConfig, environment: RoleEnvironment, *, pointer_seconds: float = POINTER_SECONDS
) -> None:
    """Evaluate until SIGTERM.

    Raises:
        ConfigError: Redis refuses the password, or the metrics port cannot be used.
        StartError: Redis was away for ten minutes at the start.
        NoPointer: no weights were published for ``pointer_seconds``.
    """
    stop = stop_event()
    client = await reach_redis(environment.redis_url, stop)
    if client is None:
        return
    async with client:
        parts = role_parts(
            config, environment, client, server=Server.EVALUATOR, pointer_seconds=pointer_seconds
        )
        await Evaluator(config, parts).run(stop)


class Evaluator:
    """One evaluator process."""

    def __init__(self, config: RunConfig, parts: RoleParts) -> None:
        self._parts = parts
        self._metrics = parts.metrics
        self._policies = parts.policies
        self._store = EvaluationStore(parts.client, parts.keys, parts.loader)
        self._scheduler = EvaluationScheduler(config.evaluation)
        self._run_state = parts.run_state(note_games=self._note_games)
        games_against = _games_against(config, parts, self._run_state, self._store)
        self._matches = MatchRunner(
            config, games_against=games_against, policies=parts.policies, store=self._store
        )
        self._retry = RedisRetry(Random(parts.actor))
        self._state = EvaluatorState.WAITING
        self._version = -1

    async def run(self, stop: asyncio.Event) -> None:
        """Evaluate until the event is set."""
        async with self._parts.running(
            stop,
            self._run_state.run(),
            self._parts.leases.run(),
            self._evaluate_for_ever(),
            self._parts.reporter.run(self._report, self._gauges),
        ):
            pass  # what is under way is given up

    async def _evaluate_for_ever(self) -> None:
        while True:
            await self._run_state.next_reading()
            try:
                await self._evaluate_what_is_due()
                self._retry.succeeded(_log)
            except GivenUp as error:
                _log.info("an evaluation was given up: %s", error)
            except (redis.RedisError, OSError) as error:
                await self._retry.wait(error, _log)

    async def _evaluate_what_is_due(self) -> None:
        self._scheduler.begin((await self._store.read()).results)
        intent = self._run_state.intent
        self._state = EvaluatorState.WAITING
        while (newest := self._newest) is not None:
            assignment = self._scheduler.next(newest, self._store.standing, intent)
            if assignment is None:
                break
            await self._evaluate(assignment)
        if newest is not None and intent is Intent.EVALUATE:
            self._version = newest.policy.pointer.version
            self._state = EvaluatorState.DONE

    async def _evaluate(self, assignment: Assignment) -> None:
        due = assignment.due
        self._version = due.policy.pointer.version
        for opponent in assignment.opponents:
            self._state = EvaluatorState.PLAYING
            try:
                await self._matches.run(Match(due, opponent, assignment.games, assignment.intent))
            except Unplayable as error:
                self._scheduler.note_unplayable(opponent)
                await self._parts.reporter.notify(
                    "OpponentUnavailable", f"against {opponent}: {error}"
                )
        await self._store.forget_counters(self._policies.opponents.snapshots)

    def _note_games(self, games: int) -> None:
        self._scheduler.note_games(games, self._policies.newest, self._policies.newest_blob)

    @property
    def _newest(self) -> Due | None:
        """The newest weights, at the games that were played; None before there are any."""
        newest = self._policies.newest
        if newest is None:
            return None
        return Due(self._run_state.games_played, newest, self._policies.newest_blob)

    def _report(self) -> EvaluatorReport:
        return EvaluatorReport(
            member=self._parts.member,
            at=time(),
            state=self._state,
            running=self._metrics.running,
            games=self._metrics.games,
            weights_version=self._version,
        )

    def _gauges(self) -> Gauges:
        self._metrics.fractions(seconds=REPORT_SECONDS, games=max(1, self._metrics.running))
        results = self._store.standing.results
        rates = {result.opponent: result.rate for result in results}
        version = None if self._version < 0 else self._version
        elos = {result.opponent: result.elo for result in results if result.elo is not None}
        return Gauges(weights_version=version, win_rates=rates, elos=elos)


def _games_against(
    config: RunConfig, parts: RoleParts, run_state: RunStatePoller, store: EvaluationStore
) -> Callable[[str], MatchGames]:
    """Return what says who plays the games against an opponent."""

    async def capacity() -> int:
        if config.daemon.embedded:
            return config.actor.games_per_actor
        return await store.capacity()

    arena = ArenaGames(
        parts.environment,
        parts.arena,
        config.daemon,
        players=parts.players,
        run_state=run_state,
        metrics=parts.metrics,
        tapes=parts.tapes,
        capacity=capacity,
    )
    searching = searching_opponents(config.evaluation.opponents)
    if config.alpha_zero is None and not searching:
        return lambda _opponent: arena
    # Imported here because it needs the extra ``search``, which actors of PPO have not.
    from trainingrun_actor.search_games import SearchGames, SearchParts  # noqa: PLC0415

    shared = SearchParts(parts.environment, parts.players, run_state, parts.metrics, parts.tapes)
    if config.alpha_zero is not None:
        searched = SearchGames(shared, config.alpha_zero.search)
        return lambda _opponent: searched
    against_searches = SearchGames(shared, None)
    return lambda opponent: against_searches if opponent in searching else arena
