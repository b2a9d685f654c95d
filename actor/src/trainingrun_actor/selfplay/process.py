"""The role ``selfplay``: puts a producer together, runs it, and ends it in order."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from time import monotonic, time
from typing import Final

import redis.asyncio
from trainingrun_contracts.connection import address_of
from trainingrun_contracts.inference_frames import Layout, speaker_of
from trainingrun_contracts.metrics import Server
from trainingrun_contracts.reports import ActorReport
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import ConfigError, RunConfig
from trainingrun_contracts.stream.keys import Keys
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import games_of
from trainingrun_search.evaluators import Evaluator
from trainingrun_search.selfplay import SelfPlay

from trainingrun_actor.game_numbers import GameNumbers
from trainingrun_actor.leases import Leases
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.play_report import PlayReport
from trainingrun_actor.policies import PublishedWeights
from trainingrun_actor.recorder import Clock
from trainingrun_actor.reporting import Exporter, Reporter
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.running import running
from trainingrun_actor.selfplay.admission import Admitted, admit
from trainingrun_actor.selfplay.producer import Parts, Producer
from trainingrun_actor.selfplay.remote import Client, RemoteEvaluator
from trainingrun_actor.selfplay.searcher import NoWeights, Progress, Searcher, Weights
from trainingrun_actor.selfplay.servers import Served, watch_servers
from trainingrun_actor.selfplay.weights import BoardLoader, PublishedBoard, Timed, around, is_costly
from trainingrun_actor.sink import Sink
from trainingrun_actor.startup import incarnation, reach_redis, stop_event
from trainingrun_actor.watchdog import POINTER_SECONDS, PointerWatchdog

FLUSH_GRACE_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


async def selfplay(
    config: RunConfig, environment: RoleEnvironment, *, pointer_seconds: float = POINTER_SECONDS
) -> None:
    """Play until SIGTERM.

    Raises:
        ConfigError: the run's games cannot be searched, its settings exclude one another, Redis
            refuses the password, or the metrics port cannot be used.
        StartError: Redis was away for ten minutes at the start.
        NoPointer: no weights were published for ``pointer_seconds``.
        SearchStuck: a round of searches does not end.
    """
    stop = stop_event()
    try:
        admitted = admit(config, games_of(config.environment))
    except UnknownEnvironment as error:
        raise ConfigError(f"self-play needs games that it can search: {error}") from error
    client = await reach_redis(environment.redis_url, stop)
    if client is None:
        return
    async with client:
        process = _Process(config, admitted, environment, client, pointer_seconds=pointer_seconds)
        await process.run(stop)


class _Process:
    """One process."""

    def __init__(
        self,
        config: RunConfig,
        admitted: Admitted,
        environment: RoleEnvironment,
        client: redis.asyncio.Redis,
        *,
        pointer_seconds: float,
    ) -> None:
        self._config = config
        self._admitted = admitted
        self._member = environment.member
        self._actor = incarnation(environment.member)
        self._metrics = PlayMetrics()
        self._client = client
        self._keys = keys = Keys(config.run_id, config.learner.shards)
        exporter = Exporter(self._metrics, Server.SELFPLAY)
        exporter.serve(environment.metrics_port)
        self._reporter = Reporter(
            client, keys, environment, role=Server.SELFPLAY.value, exporter=exporter
        )
        self._notices: set[asyncio.Task[None]] = set()
        spec = admitted.games.spec
        self._policies: PublishedWeights[PublishedBoard] = PublishedWeights(
            client,
            keys,
            BoardLoader(spec, refuse=self._refuse),
            wall=time,
            note_sync=self._metrics.sync_seconds.observe,
        )
        self._remote = self._new_remote()
        self._leases = Leases(client, keys, member=self._actor)
        self._sink = Sink(
            client,
            keys,
            actor=self._actor,
            batch_transitions=config.learner.batch_transitions,
            now=monotonic,
            on_closed=self._leases.close_game,
        )
        watchdog = PointerWatchdog(
            keys, address_of(environment.redis_url), limit_seconds=pointer_seconds, now=monotonic
        )
        self._run_state = RunStatePoller(
            client,
            keys,
            self._policies,
            member=self._actor,
            note_depth=self._sink.note_depth,
            note_pointer=watchdog.note,
            is_eager=lambda: self._sink.is_paused,
        )
        # The name has a random suffix, so that other games are played after a restart.
        seed = Random(f"{config.seed}:{self._actor}").getrandbits(63)
        self._producer = Producer(
            config,
            self._parts(seed),
            actor=self._actor,
            schema_hash=spec.schema_hash,
            seed=seed,
        )
        self._reports = PlayReport(
            config,
            member=self._member,
            metrics=self._metrics,
            policies=self._policies,
            sink=self._sink,
        )
        self._asked = 0

    def _parts(self, seed: int) -> Parts:
        admitted = self._admitted
        try:
            play = SelfPlay(admitted.games, NoWeights(), admitted.settings, seed=seed)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return Parts(
            policies=self._policies,
            sink=self._sink,
            run_state=self._run_state,
            metrics=self._metrics,
            numbers=GameNumbers(self._leases, random=Random(self._actor)),
            searcher=Searcher(
                play,
                slots=admitted.settings.slots,
                refuse=self._refuse_generation,
                note=self._note_progress,
            ),
            clock=Clock(monotonic, time),
            evaluator_of=self._evaluator_of,
            notify=self._reporter.notify,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Play until the event is set, then end in order."""
        loops = [
            self._run_state.run(),
            self._sink.run(),
            self._leases.run(),
            self._producer.run(),
            self._reporter.run(self._report, self._reports.gauges),
        ]
        if self._remote is not None:
            loops.append(watch_servers(self._client, self._keys, self._remote.use))
        async with running(stop, loops, reporter=self._reporter):
            await self._producer.stop(seconds=self._config.actor.stop_seconds)
            await self._sink.flush(FLUSH_GRACE_SECONDS)
            await self._reporter.write(self._report(), self._reports.gauges())
            if self._remote is not None:
                self._remote.close()

    def _evaluator_of(self, board: PublishedBoard) -> Weights:
        admitted, spec, remote = self._admitted, self._admitted.games.spec, self._remote
        generation = board.pointer.publish
        asked: Evaluator = Timed(board.policy, self._note_network)
        if remote is not None:
            asked = Timed(Served(remote, asked), self._note_answer)
        return Weights(
            around(
                asked,
                admitted.games,
                symmetries=admitted.alpha_zero.search.symmetries,
                is_costly=remote is not None or is_costly(self._config.learner.network, spec),
                seed=generation,
            ),
            generation,
        )

    def _new_remote(self) -> RemoteEvaluator | None:
        """Return what asks inference servers, where the run has any."""
        if not self._admitted.alpha_zero.inference_servers:
            return None
        config, spec, loop = self._config, self._admitted.games.spec, asyncio.get_running_loop()

        def notify(reason: str, message: str) -> None:
            loop.call_soon_threadsafe(self._say, reason, message)

        return RemoteEvaluator(
            Client(
                speaker_of(config.run_id, spec, config.learner.network),
                Layout.of(spec),
                self._member,
            ),
            NoWeights(),
            notify=notify,
        )

    def _say(self, reason: str, message: str) -> None:
        """Publish a notice, without waiting for it."""
        notice = asyncio.create_task(self._reporter.notify(reason, message))
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    def _refuse(self, reason: str) -> None:
        self._say("WeightsRefused", reason)

    def _refuse_generation(self, generation: int, reason: str) -> None:
        _log.warning("publication %d is not played with: %s", generation, reason)
        self._refuse(f"publication {generation}: {reason}")

    def _note_progress(self, done: Progress) -> None:
        metrics = self._metrics
        metrics.waited["inference"] += done.evaluator_seconds
        metrics.waited["engine"] += done.tree_seconds
        metrics.decisions += done.moves
        metrics.simulations += done.simulations
        self._asked += done.positions
        positions = metrics.positions
        if self._remote is not None:
            positions["server"] = self._remote.counts.remote
            positions["network"] += 0  # none is known to be none: an alert asks for it
        positions["cache"] = self._asked - positions["network"] - positions["server"]

    def _note_network(self, positions: int, seconds: float) -> None:
        self._metrics.positions["network"] += positions
        if self._remote is None:
            self._metrics.note_inference(positions, seconds)

    def _note_answer(self, positions: int, seconds: float) -> None:
        self._metrics.note_inference(positions, seconds)

    def _report(self) -> ActorReport:
        return self._reports.report(self._producer.state())
