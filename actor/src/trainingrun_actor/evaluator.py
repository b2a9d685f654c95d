"""The role ``evaluate``: plays frozen weights against frozen opponents and reports the results.

When: at the start (so that a win-rate curve begins at the untrained policy, with 100 games), every
``evaluation.interval_games`` training games with the weights of that moment (``agenda``), and once
more under ``Intent.EVALUATE``, which ends in the state ``done``. The policy plays greedily: it is
the strongest way to play that it has, and the result then does not depend on how much it still
explores. So do its past selves and the champion.

With a gate the weights also challenge the champion, the strongest so far, in a sequential test. The
first weights that are evaluated are the first champion. Nothing that is played here is trained on:
training data come from the latest policy, never from the champion.

Under ``DRAIN`` and ``FLUSH`` a running evaluation is given up, because its games hold slots. It
takes a quarter of the slots, at most four: training continues meanwhile. When training has ended it
takes all slots.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from random import Random
from time import monotonic, time
from typing import Any, Final

import redis
import redis.asyncio
from msgspec.structs import replace
from trainingrun_contracts import slots
from trainingrun_contracts.connection import address_of
from trainingrun_contracts.metrics import Server
from trainingrun_contracts.reports import (
    CHAMPION,
    REPORT_SECONDS,
    Champion,
    Evaluation,
    EvaluatorReport,
    EvaluatorState,
    GateResult,
    GateVerdict,
    Intent,
    champion_from,
    evaluations_from,
    queue_champion,
    queue_evaluation,
)
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.weights import WeightsError, verified
from trainingrun_contracts.weights_pointer import Pointer

from trainingrun_actor.agenda import Agenda, Due
from trainingrun_actor.arena import Arena
from trainingrun_actor.evaluation_games import (
    EvaluationGames,
    GivenUp,
    Rivals,
    Task,
    Unplayable,
)
from trainingrun_actor.evaluation_results import Played, evaluation_of, pair_scores, rating_of
from trainingrun_actor.league import forgotten_counters
from trainingrun_actor.leases import Leases
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import PAST_KEPT, Policies
from trainingrun_actor.policy import Policy, load_policy
from trainingrun_actor.ratings.gate import GateTest, judge
from trainingrun_actor.recorder import Clock
from trainingrun_actor.redis_retry import RedisRetry
from trainingrun_actor.reporting import Exporter, Gauges, Reporter
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.schedule import PAST, evaluation_matchups
from trainingrun_actor.startup import incarnation, reach_redis, stop_event, until_stopped
from trainingrun_actor.tapes import Tapes
from trainingrun_actor.tasks import cancel_all
from trainingrun_actor.watchdog import POINTER_SECONDS, NoPointer, PointerWatchdog

FIRST_GAMES: Final = 100
MOST_CONCURRENT: Final = 4
MOST_CONCURRENT_ALONE: Final = 16

_log = logging.getLogger(__name__)


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
        evaluator = Evaluator(config, environment, client, pointer_seconds=pointer_seconds)
        await evaluator.run(stop)


class Evaluator:
    """One evaluator process."""

    def __init__(
        self,
        config: RunConfig,
        environment: RoleEnvironment,
        client: redis.asyncio.Redis,
        *,
        pointer_seconds: float = POINTER_SECONDS,
    ) -> None:
        self._config = config
        self._keys = Keys(config.run_id, config.learner.shards)
        self._redis = client
        self._member = environment.member
        self._metrics = PlayMetrics()
        exporter = Exporter(self._metrics, Server.EVALUATOR)
        exporter.serve(environment.metrics_port)
        self._reporter = Reporter(
            client, self._keys, environment, role="evaluator", exporter=exporter
        )
        self._policies = Policies(
            client,
            self._keys,
            wall=time,
            note_sync=self._metrics.sync_seconds.observe,
            keeps_blob=config.evaluation.gate is not None,
        )
        self._agenda = Agenda(config.evaluation.interval_games)
        name = incarnation(environment.member)
        watchdog = PointerWatchdog(
            self._keys,
            address_of(environment.redis_url),
            limit_seconds=pointer_seconds,
            now=monotonic,
        )
        self._run_state = RunStatePoller(
            client,
            self._keys,
            self._policies,
            member=name,
            note_pointer=watchdog.note,
            note_games=self._note_games,
        )
        self._leases = Leases(client, self._keys, member=name)
        self._arena = Arena(
            self._leases, metrics=self._metrics, random=Random(name), token=environment.daemon_token
        )
        clock = Clock(monotonic, time)
        tapes = Tapes(config.tapes, run=config.run, member=environment.member, clock=clock)
        self._games = EvaluationGames(
            self._arena,
            config.daemon,
            run_state=self._run_state,
            metrics=self._metrics,
            tapes=tapes,
        )
        self._retry = RedisRetry(Random(name))
        self._results: tuple[Evaluation, ...] = ()
        self._newest_result: bytes | None = None
        self._champion: Champion | None = None
        self._unplayable: set[str] = set()
        self._state = EvaluatorState.WAITING
        self._version = -1

    async def run(self, stop: asyncio.Event) -> None:
        """Evaluate until the event is set."""
        tasks = [
            asyncio.create_task(self._run_state.run()),
            asyncio.create_task(self._leases.run()),
            asyncio.create_task(self._evaluate_for_ever()),
            asyncio.create_task(self._reporter.run(self._report, self._gauges)),
        ]
        try:
            await until_stopped(stop, tasks)
        except NoPointer as error:
            await self._reporter.notify("WeightsMissing", str(error))
            raise
        finally:
            await cancel_all(tasks)
            self._arena.close()

    # --- when -------------------------------------------------------------------------------------

    async def _evaluate_for_ever(self) -> None:
        while True:
            await self._run_state.next_reading()
            try:
                await self._read_results()
                await self._evaluate_if_due()
                self._retry.succeeded(_log)
            except GivenUp as error:
                _log.info("an evaluation was given up: %s", error)
            except (redis.RedisError, OSError) as error:
                await self._retry.wait(error, _log)

    async def _read_results(self) -> None:
        """Read all results when there is a new one, and who is the champion."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.lindex(self._keys.evaluations, -1)
            pipe.hget(self._keys.champion, "champion")
            newest, champion = await pipe.execute()
        self._champion = champion_from(champion)
        if newest != self._newest_result or newest is None:
            reply: Any = await self._redis.lrange(self._keys.evaluations, 0, -1)
            self._results = evaluations_from(reply)
            self._newest_result = newest

    def _note_games(self, games: int) -> None:
        self._agenda.note(games, self._policies.newest, self._policies.newest_blob)

    async def _evaluate_if_due(self) -> None:
        self._agenda.begin(max((result.training_games for result in self._results), default=0))
        intent = self._run_state.intent
        self._state = EvaluatorState.WAITING
        if self._policies.newest is None or intent not in (Intent.RUN, Intent.EVALUATE):
            return
        games = self._config.evaluation.games
        if intent is Intent.RUN and not self._results:
            await self._evaluate(self._now(), games=min(games, FIRST_GAMES), intent=intent)
        while (due := self._agenda.next) is not None:
            await self._evaluate(due, games=games, intent=intent)
            self._agenda.finish(due)
        if intent is Intent.EVALUATE:
            await self._evaluate(self._now(), games=games, intent=intent)
            self._state = EvaluatorState.DONE
        elif self._results and self._missing(self._results[-1].version):  # it was given up
            await self._evaluate(self._now(), games=games, intent=intent)

    def _now(self) -> Due:
        """Return the newest weights."""
        newest = self._policies.newest
        assert newest is not None, "nothing is evaluated before there are weights"
        return Due(self._run_state.games_played, newest, self._policies.newest_blob)

    def _missing(self, version: int) -> list[str]:
        """Opponents without a result for this version, the champion last."""
        known = {result.opponent for result in self._results if result.version == version}
        known |= self._unplayable
        wanted: list[str] = list(self._config.evaluation.opponents)
        champion = self._champion
        if self._config.evaluation.gate is not None and (
            champion is None or champion.version != version
        ):
            wanted.append(CHAMPION)
        return [name for name in wanted if name not in known]

    # --- how --------------------------------------------------------------------------------------

    async def _evaluate(self, due: Due, *, games: int, intent: Intent) -> None:
        """Evaluate one version against every opponent that it has no result against."""
        self._version = due.policy.pointer.version
        missing = self._missing(self._version)
        for opponent in missing:
            self._state = EvaluatorState.PLAYING
            try:
                if opponent == CHAMPION:
                    await self._challenge(due, intent=intent)
                else:
                    await self._measure(due, opponent, games=games, intent=intent)
            except Unplayable as error:
                self._unplayable.add(opponent)
                await self._reporter.notify("OpponentUnavailable", f"against {opponent}: {error}")
        if missing:
            await self._forget_counters()

    async def _measure(self, due: Due, opponent: str, *, games: int, intent: Intent) -> None:
        rivals = await self._rivals(due.policy, opponent)
        seed = f"{self._config.seed}:{opponent}"
        matchups = evaluation_matchups(self._config.decks, rivals.names, games=games, seed=seed)
        concurrent = await self._concurrency(intent)
        played = await self._games.play(Task(due.policy, rivals, matchups, concurrent, intent))
        await self._store(self._rated(played, opponent, due.games))

    async def _rivals(self, policy: Policy, opponent: str) -> Rivals:
        """Past selves are taken evenly from the snapshots; without a past one plays oneself."""
        if opponent != PAST:
            return Rivals.scripted(opponent)
        found: list[Policy] = []
        own = policy.pointer.version
        past = [each for each in self._policies.opponents.snapshots if each[1] != own]
        for snapshot in evenly(past, PAST_KEPT):
            try:
                found.append(await self._policies.snapshot(*snapshot))
            except WeightsError as error:
                _log.warning("a past opponent cannot be loaded: %s", error)
        return Rivals.frozen(found or [policy])

    async def _challenge(self, due: Due, *, intent: Intent) -> None:
        """Play the champion until the test is decided; the winner is the champion."""
        gate = self._config.evaluation.gate
        assert gate is not None, "only with a gate there is a champion"
        champion = await self._champion_policy()
        if champion is None:
            await self._crown(due)
            return
        test = GateTest(elo=gate.elo, most_pairs=(gate.games + 1) // 2)
        rivals = Rivals.frozen([champion])
        matchups = evaluation_matchups(
            self._config.decks,
            rivals.names,
            games=gate.games,
            seed=f"{self._config.seed}:{CHAMPION}:{self._version}",
        )

        def is_decided(rewards: Sequence[float | None]) -> bool:
            return judge(pair_scores(rewards), test).verdict is not GateVerdict.CONTINUE

        concurrent = await self._concurrency(intent)
        task = Task(due.policy, rivals, matchups, concurrent, intent, is_enough=is_decided)
        played = await self._games.play(task)
        found = judge(pair_scores(game.reward for game in played), test)
        result = GateResult(
            verdict=found.verdict,
            champion=champion.pointer.version,
            ratio=found.ratio,
            pairs=found.pairs,
        )
        if found.verdict is GateVerdict.PROMOTE:
            await self._crown(due)
        await self._store(replace(self._rated(played, CHAMPION, due.games), gate=result))

    async def _champion_policy(self) -> Policy | None:
        """Return the champion's weights; None when there is none, or Redis has lost them."""
        if self._champion is None:
            return None
        named = self._champion
        pointer = Pointer(epoch=0, version=named.version, publish=0, sha256=named.sha256, at=0.0)
        reply: Any = self._redis.hget(self._keys.champion, "weights")
        try:
            return load_policy(verified(await reply, named.sha256), pointer)
        except WeightsError as error:
            _log.warning("the champion cannot be loaded and is replaced: %s", error)
            return None

    async def _crown(self, due: Due) -> None:
        pointer = due.policy.pointer
        champion = Champion(pointer.version, pointer.sha256, time())
        async with self._redis.pipeline(transaction=True) as pipe:
            queue_champion(pipe, self._keys.champion, champion, due.blob)
            await pipe.execute()
        self._champion = champion
        _log.info("version %d is the champion", champion.version)

    def _rated(self, played: list[Played], opponent: str, training_games: int) -> Evaluation:
        result = evaluation_of(
            played,
            opponent=opponent,
            version=self._version,
            training_games=training_games,
            at=time(),
        )
        anchor, rating = rating_of(self._version, (*self._results, result))
        if rating is None:
            return result
        return replace(result, elo=rating.elo, elo_error=rating.error, anchor=anchor)

    async def _store(self, result: Evaluation) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            queue_evaluation(pipe, self._keys.evaluations, result)
            await pipe.execute()
        self._results = (*self._results, result)
        _log.info(
            "version %d against %s: %.1f %% of %d games (%.1f to %.1f)",
            result.version,
            result.opponent,
            100 * result.rate,
            result.games,
            100 * result.low,
            100 * result.high,
        )

    async def _forget_counters(self) -> None:
        """Remove the counters of games against snapshots that are no longer opponents."""
        reply: Any = await self._redis.hkeys(self._keys.games)
        versions = [version for _, version in self._policies.opponents.snapshots]
        gone = forgotten_counters([name.decode() for name in reply], versions)
        if gone:
            await self._redis.hdel(self._keys.games, *gone)

    async def _concurrency(self, intent: Intent) -> int:
        """Return a quarter of all slots, 1 to 4; all of them, up to 16, when nothing is trained."""
        reply: Any = await self._redis.hgetall(self._keys.daemons)
        capacity = sum(slot.capacity for slot in slots.decode_all(reply).values())
        if intent is Intent.EVALUATE:
            return max(1, min(MOST_CONCURRENT_ALONE, capacity))
        return max(1, min(MOST_CONCURRENT, capacity // 4))

    # --- reporting --------------------------------------------------------------------------------

    def _report(self) -> EvaluatorReport:
        return EvaluatorReport(
            member=self._member,
            at=time(),
            state=self._state,
            running=self._metrics.running,
            games=self._metrics.games,
            weights_version=self._version,
        )

    def _gauges(self) -> Gauges:
        self._metrics.fractions(seconds=REPORT_SECONDS, games=max(1, self._metrics.running))
        rates = {result.opponent: result.rate for result in self._results}
        version = None if self._version < 0 else self._version
        elos = {result.opponent: result.elo for result in self._results if result.elo is not None}
        return Gauges(weights_version=version, win_rates=rates, elos=elos)


def evenly(snapshots: Sequence[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    """Return at most ``count`` of them, spread evenly, with the oldest and the newest."""
    if len(snapshots) <= count:
        return list(snapshots)
    last = len(snapshots) - 1
    return [snapshots[round(number * last / (count - 1))] for number in range(count)]
