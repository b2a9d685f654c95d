"""The role ``evaluate``: plays frozen weights against the scripted opponents and tells the results.

When: at the start (so that a win-rate curve begins at the untrained policy, with 100 games), every
``evaluation.every_games`` training games, and once more under ``Intent.EVALUATE``, which ends in
the state ``done``. The policy plays greedily: it is the strongest way to play that it has, and the
result then does not depend on how much it still explores.

Under ``DRAIN`` and ``FLUSH`` a running evaluation is given up, because its games hold slots. It
takes a quarter of the slots, at most four: training goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from random import Random
from time import monotonic, time
from typing import Any, Final

import redis
import redis.asyncio
from trainingrun_contracts import slots
from trainingrun_contracts.protocol.commands import NewGame
from trainingrun_contracts.ratings.wilson import win_rate
from trainingrun_contracts.reports import (
    Evaluation,
    EvaluatorReport,
    Intent,
    evaluations_from,
    queue_evaluation,
)
from trainingrun_contracts.run_config import RoleEnvironment, RunConfig
from trainingrun_contracts.stream.keys import Keys

from trainingrun_actor.arena import Arena
from trainingrun_actor.ending import cancel_all
from trainingrun_actor.game import Outcome, Seat
from trainingrun_actor.inference import Inference
from trainingrun_actor.leases import Leases
from trainingrun_actor.meter import Meter
from trainingrun_actor.opponents import AGENTS
from trainingrun_actor.outage import Outage
from trainingrun_actor.policies import Policies
from trainingrun_actor.policy import Policy
from trainingrun_actor.recorder import Clock
from trainingrun_actor.reporting import Exporter, Gauges, Reporter
from trainingrun_actor.schedule import Matchup, evaluation_matchups
from trainingrun_actor.seats import PolicySeat, ScriptedSeat
from trainingrun_actor.startup import incarnation, reach_redis, stop_event, until_stopped
from trainingrun_actor.tapes import Tape, TapedGame, Tapes
from trainingrun_actor.watch import Watch

FIRST_GAMES: Final = 100
MOST_CONCURRENT: Final = 4
_ATTEMPTS: Final = 5

_log = logging.getLogger(__name__)


async def evaluate(config: RunConfig, environment: RoleEnvironment) -> None:
    """Evaluate until SIGTERM.

    Raises:
        ConfigError: Redis refuses the password, or the metrics port cannot be used.
        StartError: Redis was away for ten minutes at the start.
    """
    stop = stop_event()
    client = await reach_redis(environment.redis_url, stop)
    if client is None:
        return
    async with client:
        await Evaluator(config, environment, client).run(stop)


class GivenUp(Exception):
    """The run wants no evaluation now, or its games do not come to an end."""


class Evaluator:
    """One evaluator process."""

    def __init__(
        self, config: RunConfig, environment: RoleEnvironment, client: redis.asyncio.Redis
    ) -> None:
        self._config = config
        self._keys = Keys(config.run_id)
        self._redis = client
        self._member = environment.member
        self._meter = Meter()
        exporter = Exporter(self._meter)
        exporter.serve(environment.metrics_port)
        self._reporter = Reporter(
            client, self._keys, environment, role="evaluator", exporter=exporter
        )
        self._policies = Policies(client, self._keys, wall=time)
        name = incarnation(environment.member)
        self._watch = Watch(client, self._keys, self._policies, member=name)
        self._leases = Leases(client, self._keys, member=name)
        self._arena = Arena(self._leases, meter=self._meter, random=Random(name))
        self._inference = Inference()
        self._tapes = Tapes(
            config.tapes, run=config.run, member=environment.member, clock=Clock(monotonic, time)
        )
        self._outage = Outage(Random(name))
        self._results: tuple[Evaluation, ...] = ()
        self._state = "waiting"
        self._version = -1

    async def run(self, stop: asyncio.Event) -> None:
        """Evaluate until the event is set."""
        tasks = [
            asyncio.create_task(self._watch.run()),
            asyncio.create_task(self._leases.run()),
            asyncio.create_task(self._evaluate_for_ever()),
            asyncio.create_task(self._reporter.run(self._report, self._gauges)),
        ]
        try:
            await until_stopped(stop, tasks)
        finally:
            await cancel_all(tasks)
            self._arena.close()

    # --- when -------------------------------------------------------------------------------------

    async def _evaluate_for_ever(self) -> None:
        while True:
            await self._watch.next_reading()
            try:
                await self._read_results()
                await self._evaluate_if_due()
                self._outage.is_over(_log)
            except GivenUp as error:
                _log.info("an evaluation was given up: %s", error)
            except (redis.RedisError, OSError) as error:
                await self._outage.wait(error, _log)

    async def _read_results(self) -> None:
        reply: Any = await self._redis.lrange(self._keys.evaluations, 0, -1)
        self._results = evaluations_from(reply)

    async def _evaluate_if_due(self) -> None:
        policy = self._policies.newest
        intent = self._watch.intent
        self._state = "waiting"
        if policy is None:
            return
        games = self._config.evaluation.games
        if intent is Intent.EVALUATE:
            await self._evaluate(policy, games=games, intent=intent)
            self._state = "done"
        elif intent is Intent.RUN and not self._results:
            await self._evaluate(policy, games=min(games, FIRST_GAMES), intent=intent)
        elif intent is Intent.RUN and self._is_due():
            await self._evaluate(policy, games=games, intent=intent)

    def _is_due(self) -> bool:
        last = max(result.training_games for result in self._results)
        is_complete = len(self._missing(self._results[-1].version)) == 0
        every = self._config.evaluation.every_games
        return not is_complete or self._watch.games_played - last >= every

    def _missing(self, version: int) -> list[str]:
        """Opponents without a result for this version."""
        known = {result.opponent for result in self._results if result.version == version}
        return [name for name in self._config.evaluation.opponents if name not in known]

    # --- how --------------------------------------------------------------------------------------

    async def _evaluate(self, policy: Policy, *, games: int, intent: Intent) -> None:
        """Evaluate one version against every opponent that it has no result against."""
        self._version = policy.pointer.version
        training_games = self._watch.games_played
        for opponent in self._missing(self._version):
            self._state = "playing"
            outcomes = await self._play_all(policy, opponent, games=games, intent=intent)
            result = self._result(opponent, outcomes, training_games)
            await self._store(result)
            _log.info(
                "version %d against %s: %.1f %% of %d games (%.1f to %.1f)", result.version,
                opponent, 100 * result.rate, result.games, 100 * result.low, 100 * result.high,
            )  # fmt: skip

    def _result(self, opponent: str, rewards: list[float], training_games: int) -> Evaluation:
        wins, draws = rewards.count(1.0), rewards.count(0.0)
        rate, low, high = win_rate(wins, draws, len(rewards))
        return Evaluation(
            at=time(),
            version=self._version,
            training_games=training_games,
            opponent=opponent,
            games=len(rewards),
            wins=wins,
            draws=draws,
            rate=rate,
            low=low,
            high=high,
        )

    async def _store(self, result: Evaluation) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            queue_evaluation(pipe, self._keys.evaluations, result)
            await pipe.execute()
        self._results = (*self._results, result)

    async def _play_all(
        self, policy: Policy, opponent: str, *, games: int, intent: Intent
    ) -> list[float]:
        """The rewards of all games.

        Raises:
            GivenUp: the intent changed, or a game was aborted time and again.
        """
        seed = f"{self._config.seed}:{opponent}"
        matchups = evaluation_matchups(self._config.decks, opponent, games=games, seed=seed)
        queue = iter(enumerate(matchups))
        rewards: list[float] = []
        concurrent = await self._concurrency()
        reason: str | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrent):
                    group.create_task(self._play_some(queue, policy, rewards, intent=intent))
        except* GivenUp as group_error:
            reason = str(group_error.exceptions[0])
        # Raised out here: early releases of Python 3.11 wrap in a group what is raised in there.
        if reason is not None:
            raise GivenUp(reason)
        return rewards

    async def _play_some(
        self,
        queue: Iterator[tuple[int, Matchup]],
        policy: Policy,
        rewards: list[float],
        *,
        intent: Intent,
    ) -> None:
        for number, matchup in queue:
            for _ in range(_ATTEMPTS):
                tape = self._tape(matchup, policy) if number == 0 else None
                outcome = await self._play(matchup, policy, tape, intent=intent)
                reward = outcome.reward(matchup.seat)
                if reward is not None:
                    self._meter.count_game(outcome.end.value, outcome.seconds)
                    rewards.append(reward)
                    break
            else:
                raise GivenUp(f"a game ended without a result {_ATTEMPTS} times")

    def _tape(self, matchup: Matchup, policy: Policy) -> Tape | None:
        own = f"policy, version {policy.pointer.version}"
        players = {matchup.seat: own, 3 - matchup.seat: matchup.opponent}
        return self._tapes.record_evaluation(TapedGame(matchup.decks, matchup.seed, players))

    async def _play(
        self, matchup: Matchup, policy: Policy, tape: Tape | None, *, intent: Intent
    ) -> Outcome:
        daemon = self._config.daemon
        command = NewGame(
            deck1=matchup.decks[0],
            deck2=matchup.decks[1],
            interactive=True,
            quiet=daemon.quiet,
            limit_seconds=daemon.game_timeout_seconds,
            seed=matchup.seed,
            keep_open=True,
        )
        random = Random(matchup.seed)
        seats: dict[int, Seat] = {
            matchup.seat: PolicySeat(self._inference, policy, random=None, meter=self._meter),
            3 - matchup.seat: ScriptedSeat(AGENTS[matchup.opponent](), random),
        }
        if tape is not None:
            seats = tape.seats(seats)
        game = asyncio.create_task(
            self._arena.play(command, seats, may_start=lambda: self._watch.intent is intent)
        )
        change = asyncio.create_task(self._intent_other_than(intent))
        try:
            await asyncio.wait({game, change}, return_when=asyncio.FIRST_COMPLETED)
            outcome = game.result() if game.done() else None
        finally:
            await cancel_all((game, change))
        if tape is not None:
            tape.close(outcome)
        if outcome is None:
            raise GivenUp(f"the run's intent is now {self._watch.intent.value}")
        return outcome

    async def _intent_other_than(self, intent: Intent) -> None:
        while self._watch.intent is intent:
            await self._watch.next_reading()

    async def _concurrency(self) -> int:
        """A quarter of all slots, 1 to 4."""
        reply: Any = await self._redis.hgetall(self._keys.daemons)
        capacity = sum(slot.capacity for slot in slots.decode_all(reply).values())
        return max(1, min(MOST_CONCURRENT, capacity // 4))

    # --- telling ----------------------------------------------------------------------------------

    def _report(self) -> EvaluatorReport:
        return EvaluatorReport(
            member=self._member,
            at=time(),
            state=self._state,
            running=self._meter.running,
            games=self._meter.games,
            weights_version=self._version,
        )

    def _gauges(self) -> Gauges:
        rates = {result.opponent: result.rate for result in self._results}
        version = None if self._version < 0 else self._version
        return Gauges(weights_version=version, win_rates=rates)
