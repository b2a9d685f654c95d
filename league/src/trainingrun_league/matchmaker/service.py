"""The Matchmaker as a service: its parts put together, and what runs beside its calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final

import grpc.aio
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import (
    add_MatchmakerServiceServicer_to_server,
)
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import spec_of

from trainingrun_league.declaration import Host, ServiceDeclaration
from trainingrun_league.errors import InvalidRequest, LeagueError
from trainingrun_league.matchmaker.deliveries import Deliveries
from trainingrun_league.matchmaker.leases import is_given_up
from trainingrun_league.matchmaker.live_tickets import WRITE_SECONDS
from trainingrun_league.matchmaker.lobby import Lobby
from trainingrun_league.matchmaker.metrics import MatchmakerMetrics
from trainingrun_league.matchmaker.model_watch import ModelWatch
from trainingrun_league.matchmaker.opponents import Opponents
from trainingrun_league.matchmaker.peer_ratings import EVERY_SECONDS, PeerRatings
from trainingrun_league.matchmaker.planner import Planner
from trainingrun_league.matchmaker.pool import builtins_of
from trainingrun_league.matchmaker.records import Records
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.reporting import Reporting
from trainingrun_league.matchmaker.seating import Seating
from trainingrun_league.matchmaker.servicer import MatchmakerServicer, Parts, queue_stats
from trainingrun_league.matchmaker.settings import MatchmakerSettings
from trainingrun_league.matchmaker.signals import KeyedLocks, Signal, is_set_within
from trainingrun_league.matchmaker.tournaments import Tournaments
from trainingrun_league.matchmaker.work import Work
from trainingrun_league.settings import ServiceName
from trainingrun_league.store.fence import Fence

SWEEP_SECONDS: Final = 0.5
"""Between two checks of windows, leases and tickets, which time changes."""
TIDY_SECONDS: Final = 10.0
"""Between two checks of all games that are played, of which there may be many."""
PLAN_SECONDS: Final = 15.0
"""After which an evaluation is compared anew though nothing was heard of."""
LONGEST_GAME: Final = 6 * 3600.0
"""After which a game of the queue is given up: the process that held it is gone."""
_BACKOFF: Final = Backoff(first=0.2, longest=10.0, spread=0.5)

_log: Final = logging.getLogger(__name__)


class MatchmakerService:
    """See above."""

    def __init__(
        self,
        host: Host,
        records: Records,
        register: Register,
        settings: MatchmakerSettings,
        builtins: Sequence[str],
    ) -> None:
        locks = KeyedLocks()
        self._clock = host.clock
        self._register = register
        self._records = records
        self._models = ModelWatch(host.peers, builtins)
        self._ratings = PeerRatings(host.peers)
        self._seating = Seating(
            records,
            register,
            host.peers,
            locks=locks,
            move_seconds=settings.move_seconds,
            seat_seconds=settings.seat_seconds,
            clock=host.clock,
        )
        self._lobby = Lobby(
            records,
            register,
            self._seating,
            host.live,
            window=settings.of_queue,
            secret=host.settings.token_key,
            clock=host.clock,
        )
        self._work = Work(
            records, register, self._seating, self._models, locks=locks, clock=host.clock
        )
        self._tournaments = Tournaments(
            records,
            register,
            self._seating,
            locks=locks,
            clock=host.clock,
            show_up_seconds=settings.show_up_seconds,
        )
        self._reporting = Reporting(
            records, register, self._tournaments, locks=locks, clock=host.clock
        )
        self._planner = Planner(
            records,
            register,
            self._models,
            self._reporting,
            wanted=settings.of_evaluation,
            clock=host.clock,
        )
        self._deliveries = Deliveries(records, host.peers, host.clock)
        self._work_changed = Signal()
        self._parts = Parts(
            records,
            register,
            self._models,
            self._ratings,
            Opponents(self._models, register),
            self._seating,
            self._lobby,
            self._work,
            self._reporting,
            self._tournaments,
            self._work_changed,
            host.clock,
        )
        self._servicer = MatchmakerServicer(self._parts)
        self._metrics = MatchmakerMetrics(host.metrics, lambda: queue_stats(self._parts))

    @classmethod
    async def start(cls, host: Host) -> MatchmakerService:
        """Take the service over, read what is there, and take up what a process before left."""
        settings = host.settings.section(ServiceName.MATCHMAKER, MatchmakerSettings)
        try:
            spec = spec_of(host.settings.environment)
        except UnknownEnvironment as error:
            raise InvalidRequest(f"--environment: {error}") from error
        records = Records(await Fence.take(host.engine, ServiceName.MATCHMAKER.value, host.clock()))
        builtins = builtins_of(can_search=spec.is_forkable)
        service = cls(host, records, Register(await records.load()), settings, builtins)
        await service._tournaments.restore()
        await service._lobby.restore()
        return service

    def add_to(self, server: grpc.aio.Server) -> None:
        """See ``Service``."""
        add_MatchmakerServiceServicer_to_server(self._servicer, server)

    async def is_ready(self) -> str:
        """See ``Service``; other services may be away for a while."""
        return ""

    async def run(self) -> None:
        """See ``Service``."""
        self._lobby.resume()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._records.fence.watch())
            tasks.create_task(self._follow_models())
            tasks.create_task(self._forward(self._seating.offered))
            tasks.create_task(self._forward(self._work.returned))
            tasks.create_task(self._forward(self._planner.added))
            tasks.create_task(self._forward(self._tournaments.changed))
            tasks.create_task(self._forward(self._models.changed))
            tasks.create_task(self._repeat(self._sweep, None, SWEEP_SECONDS))
            tasks.create_task(self._repeat(self._tidy, None, TIDY_SECONDS))
            tasks.create_task(self._repeat(self._lobby.keep_live, None, WRITE_SECONDS))
            tasks.create_task(self._repeat(self._plan, self._models.changed, PLAN_SECONDS))
            tasks.create_task(self._repeat(self._follow_up, self._reporting.changed, PLAN_SECONDS))
            tasks.create_task(self._repeat(self._ratings.refresh, None, EVERY_SECONDS))
            tasks.create_task(
                self._repeat(self._deliveries.results, self._reporting.changed, PLAN_SECONDS)
            )
            tasks.create_task(
                self._repeat(self._deliveries.verdicts, self._planner.decided, PLAN_SECONDS)
            )

    async def close(self) -> None:
        """See ``Service``."""
        await self._lobby.close()
        await self._servicer.close()
        await self._records.close()
        self._metrics.close()

    async def _forward(self, signal: Signal) -> None:
        """Wake workers when it wakes."""
        while True:
            await signal.next.wait()
            self._work_changed.notify()

    async def _repeat(
        self, act: Callable[[], Awaitable[None]], signal: Signal | None, seconds: float
    ) -> None:
        """Act at each signal and after this time; with growing pauses while it fails."""
        failures, chance = 0, Random()
        while True:
            due = signal.next if signal is not None else asyncio.Event()
            pause = seconds
            try:
                await act()
                failures = 0
            except (LeagueError, grpc.aio.AioRpcError) as error:
                failures += 1
                pause = _BACKOFF.seconds(failures, chance)
                if failures == 1:
                    _log.warning("%s is tried again: %s", _named(act), _said(error))
                await asyncio.sleep(pause)
                continue
            await is_set_within(due, pause)

    async def _follow_models(self) -> None:
        failures, chance = 0, Random()
        while True:
            try:
                await self._models.follow()
                failures = 0
            except (LeagueError, grpc.aio.AioRpcError) as error:
                failures += 1
                if failures == 1:
                    _log.warning("the Model service is followed again soon: %s", _said(error))
            await asyncio.sleep(_BACKOFF.seconds(max(1, failures), chance))

    async def _plan(self) -> None:
        await self._planner.step()

    async def _follow_up(self) -> None:
        """What follows from reports: the next round, the next game, the next matches."""
        await self._tournaments.step()
        await self._planner.step()

    async def _sweep(self) -> None:
        """What time alone changes."""
        now = self._clock()
        self._lobby.pair()
        self._lobby.expire()
        await self._seating.offer_forsaken()
        await self._reporting.forfeit_no_shows()
        is_due = False
        for match in self._register:
            if is_given_up(match.lease, now):
                await self._reporting.give_up(
                    match, "no worker finished it", still=lambda it: is_given_up(it.lease, now)
                )
            is_due = is_due or 0.0 < match.lease.expires_at <= now
        for entry in self._work.validations.exhausted(self._models.entries, now):
            await self._deliveries.refuse(entry, "no worker finished its validation")
        if is_due or self._work.waiting():
            self._work_changed.notify()

    async def _tidy(self) -> None:
        """What is left behind when a game's process is gone, or its game is over."""
        now = self._clock()
        self._lobby.forget()
        for match in self._register.seated:
            if match.table is None and now - match.created_at > LONGEST_GAME:
                await self._reporting.give_up(
                    match, "its game was never reported", still=lambda _: True
                )


def _named(act: Callable[[], Awaitable[None]]) -> str:
    return getattr(act, "__qualname__", "a task").replace("_", " ").strip()


def _said(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"[:300]
    return str(error)[:300]


MATCHMAKER: Final = ServiceDeclaration(
    name=ServiceName.MATCHMAKER,
    full_name="trainingrun.league.v1.MatchmakerService",
    start=MatchmakerService.start,
    open_to_players=frozenset(
        {
            "FindMatch",
            "CancelMatch",
            "GetQueueStats",
            "GetTournament",
            "ListTournaments",
            "FindTournamentMatch",
        }
    ),
    most_request_bytes=1 << 20,
)
