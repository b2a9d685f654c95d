"""The worker as a process: its connections, and the signals that end it."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from trainingrun_contracts.league.channel import open_channel
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceStub
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_environments.games import Games
from trainingrun_environments.registry import environment_of

from trainingrun_actor.league_worker.options import Options
from trainingrun_actor.league_worker.roster import Players, Roster
from trainingrun_actor.league_worker.weights import Weights
from trainingrun_actor.league_worker.worker import LeagueServices, Worker
from trainingrun_actor.startup import stop_event

if TYPE_CHECKING:  # asynchronous clients have a type in the stubs alone
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub

_log = logging.getLogger(__name__)


async def work(options: Options) -> None:
    """Work until SIGTERM.

    Raises:
        ConfigError: there is no such environment, or the league refuses the token.
    """
    environment = environment_of(options.environment)
    games: Games | None = getattr(environment, "games", None)
    spec = environment.spec
    stop = stop_event()
    async with AsyncExitStack() as stack:
        channels = {
            address.target: await stack.enter_async_context(open_channel(address))
            for address in (options.matchmaker, options.model, options.game)
        }
        stubs: dict[str, GameServiceAsyncStub] = {}

        def game_at(target: str) -> GameServiceAsyncStub:
            where = target or options.game.target
            if where not in channels:
                channels[where] = open_channel(replace(options.game, target=where))
                stack.push_async_callback(channels[where].close)
            return stubs.setdefault(where, GameServiceStub(channels[where]))

        model = ModelServiceStub(channels[options.model.target])
        services = LeagueServices(
            matchmaker=MatchmakerServiceStub(channels[options.matchmaker.target]),
            model=model,
            game=game_at(options.game.target),
            game_at=game_at,
        )
        weights = Weights(model, options.cache, spec)
        worker = Worker(
            services,
            Players(spec, weights) if games is None else Roster(games, weights),
            name=options.name,
            seats=options.seats,
            recorded=options.recorded,
            stop=stop,
        )
        _log.info("worker %s plays %s", options.name, spec.name)
        await worker.run()
        _log.info("worker %s ended after %d games", options.name, worker.played)
