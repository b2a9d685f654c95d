"""What both roles of an actor are made of: Redis, weights, slots, games, reports; and their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from time import monotonic, time
from typing import Any

import redis.asyncio
from trainingrun_contracts.connection import address_of
from trainingrun_contracts.metrics import Server
from trainingrun_contracts.own_network import own_network
from trainingrun_contracts.role_environment import RoleEnvironment
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.stream.keys import Keys
from trainingrun_environments.agents import Agents
from trainingrun_environments.embedded import EmbeddedGames
from trainingrun_environments.players import players_of
from trainingrun_environments.potentials import potential_of
from trainingrun_environments.registry import environment_of
from trainingrun_environments.seam import Environment
from trainingrun_protocol.access import Token

from trainingrun_actor.arena import Arena
from trainingrun_actor.embedded_arena import AnyArena, EmbeddedArena
from trainingrun_actor.leases import Leases
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import Loader, Policies
from trainingrun_actor.policy import ModelLoader, Policy, PolicyLoader
from trainingrun_actor.recorder import Clock
from trainingrun_actor.reporting import Exporter, Reporter
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.running import running
from trainingrun_actor.schedule import PAST
from trainingrun_actor.search_extra import check_search, searching_opponents
from trainingrun_actor.startup import incarnation
from trainingrun_actor.tapes import Tapes
from trainingrun_actor.watchdog import PointerWatchdog


@dataclass(frozen=True)
class RoleParts:
    """The parts of one process.

    Attributes:
        client: of the run's Redis, whose keys are ``keys``.
        member: the process's name in reports.
        actor: the same with a suffix of this start.
    """

    client: redis.asyncio.Redis
    keys: Keys
    member: str
    actor: str
    metrics: PlayMetrics
    reporter: Reporter
    policies: Policies
    loader: Loader[Policy]
    leases: Leases
    environment: Environment
    players: Agents
    """Scripted ones that the run names, the curriculum's aside."""
    arena: AnyArena
    clock: Clock
    tapes: Tapes
    watchdog: PointerWatchdog

    def run_state(
        self,
        *,
        note_depth: Callable[[int], None] = lambda _depth: None,
        note_games: Callable[[int], None] = lambda _games: None,
        is_eager: Callable[[], bool] = lambda: False,
    ) -> RunStatePoller:
        """Return what reads the run's state, more often while ``is_eager``; each reading is passed
        on.
        """
        return RunStatePoller(
            self.client,
            self.keys,
            self.policies,
            member=self.actor,
            note_depth=note_depth,
            note_pointer=self.watchdog.note,
            note_games=note_games,
            is_eager=is_eager,
        )

    @asynccontextmanager
    async def running(
        self, stop: asyncio.Event, *loops: Coroutine[Any, Any, None]
    ) -> AsyncIterator[None]:
        """Run the loops until the event is set, enter, and end them afterwards.

        Raises:
            NoPointer: no weights were published for too long; a notice says so.
        """
        try:
            async with running(stop, loops, reporter=self.reporter):
                yield
        finally:
            self.arena.close()


def role_parts(
    config: RunConfig,
    environment: RoleEnvironment,
    client: redis.asyncio.Redis,
    *,
    server: Server,
    pointer_seconds: float,
) -> RoleParts:
    """Return the parts of the role that serves these metrics; it serves them from now on.

    Raises:
        ConfigError: the metrics port cannot be used, a player is none of the environment's, a
            part of the user's cannot be had here, or what is to search cannot.
        UnknownEnvironment: the run plays in an environment that cannot be had here.
    """
    keys = Keys(config.run_id, config.learner.shards)
    game = environment_of(config.environment)
    players = players_of(game, named_players(config))
    if server is Server.ACTOR:
        potential_of(game, config.shaping)
    if server is Server.EVALUATOR:
        check_search(config, game)
    loader = _loader(config, game)
    actor, metrics = incarnation(environment.member), PlayMetrics()
    exporter = Exporter(metrics, server)
    exporter.serve(environment.metrics_port)
    leases, clock = Leases(client, keys, member=actor), Clock(monotonic, time)
    return RoleParts(
        client=client,
        keys=keys,
        member=environment.member,
        actor=actor,
        metrics=metrics,
        reporter=Reporter(client, keys, environment, role=server.value, exporter=exporter),
        policies=Policies(
            client,
            keys,
            loader,
            wall=time,
            curve=config.self_play.pfsp,
            note_sync=metrics.sync_seconds.observe,
            league_loader=ModelLoader(game.spec),
            keeps_blob=_may_crown(config, server),
        ),
        loader=loader,
        leases=leases,
        environment=game,
        players=players,
        arena=_arena(config, game, leases, metrics=metrics, token=environment.daemon_token),
        clock=clock,
        tapes=Tapes(
            config.tapes,
            game,
            found_by=config.environment,
            run=config.run,
            member=environment.member,
            clock=clock,
        ),
        watchdog=PointerWatchdog(
            keys, address_of(environment.redis_url), limit_seconds=pointer_seconds, now=monotonic
        ),
    )


def _loader(config: RunConfig, game: Environment) -> Loader[Policy]:
    """Return what reads the run's weights.

    Raises:
        ConfigError: a network of the user's cannot be had here.
    """
    if config.alpha_zero is None:
        return PolicyLoader(game.spec, own_network(config.learner.network, game.spec))
    # Imported here because it needs the extra ``search``, which actors of PPO have not.
    from trainingrun_actor.board_policies import BoardPolicyLoader  # noqa: PLC0415

    return BoardPolicyLoader(game.spec)


def _arena(
    config: RunConfig,
    game: Environment,
    leases: Leases,
    *,
    metrics: PlayMetrics,
    token: Token | None,
) -> AnyArena:
    """Where the games are played: on daemons, or here.

    Raises:
        UnknownEnvironment: they are to be played here, and are an engine's.
    """
    random = Random(leases.member)
    if config.daemon.embedded:
        return EmbeddedArena(leases, EmbeddedGames(game), metrics=metrics, random=random)
    return Arena(leases, game, metrics=metrics, random=random, token=token)


def named_players(config: RunConfig) -> tuple[str, ...]:
    """Return the scripted players that a run trains against, or is measured against; opponents
    that search are none.
    """
    trains = config.self_play.scripted > 0 and config.alpha_zero is None
    trained = config.self_play.scripted_players if trains else ()
    others = {PAST, *searching_opponents(config.evaluation.opponents)}
    measured = [name for name in config.evaluation.opponents if name not in others]
    return tuple(name for name in (*trained, *measured) if name != PAST)


def _may_crown(config: RunConfig, server: Server) -> bool:
    """Return whether the newest weights may become the champion, as they were published."""
    return server is Server.EVALUATOR and config.evaluation.gate is not None
