"""The worker's loop: lease, do the work, report; again, until asked to stop.

Matches and trials are done one at a time, as each takes a core; games against people are played
beside them, under leases of a name of their own, so that no person waits for a match to end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.game_pb2 import RecordGamesRequest
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    KeepSeatsRequest,
    LeasedMatch,
    LeaseMatchRequest,
    LeaseMatchResponse,
    ReportResultRequest,
    ReturnWorkRequest,
)
from trainingrun_contracts.league.v1.model_pb2 import ReportValidationRequest, Validation
from trainingrun_contracts.run_config import ConfigError

from trainingrun_actor.league_worker.matches import (
    GamesFailed,
    Interrupted,
    MatchPlayer,
    Played,
    PlayerFailed,
)
from trainingrun_actor.league_worker.roster import Contender, Players, Roster
from trainingrun_actor.league_worker.served_matches import ServedMatches
from trainingrun_actor.league_worker.table_seats import TableSeats
from trainingrun_actor.league_worker.validation import validate
from trainingrun_actor.league_worker.weights import Unusable

if TYPE_CHECKING:  # asynchronous clients have a type in the stubs alone
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub
    from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceAsyncStub
    from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceAsyncStub

WAIT_SECONDS: Final = 20
"""That a lease waits for work."""
END_SECONDS: Final = 5.0
"""For the last reports after SIGTERM."""
KEEP_SECONDS: Final = 8.0
"""Between two calls that say which seats are played; three may fail before one is given away."""
_LEASE_SECONDS: Final = 600.0
_MARGIN_SECONDS: Final = 2.0
"""A report must arrive before its lease ends."""
_BACKOFF: Final = Backoff(first=0.5, longest=15.0, spread=0.5)
_REFUSED: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})
_MOST_RECORDED: Final = 64
_PAUSE_SECONDS: Final = 5.0
"""Before a model is given back that no engine is there to try."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeagueServices:
    """The services that a worker calls; ``game_at`` gives the Game service of an address."""

    matchmaker: MatchmakerServiceAsyncStub
    model: ModelServiceAsyncStub
    game: GameServiceAsyncStub
    game_at: Callable[[str], GameServiceAsyncStub]


@dataclass(frozen=True)
class _Seat:
    """A seat that is played, and the name that it was leased by."""

    match_id: str
    worker: str


class Plays(Protocol):
    """Plays matches, and tries models: in this process, or in the Game service."""

    async def play(
        self, leased: LeasedMatch, first: Contender, second: Contender, *, until: float
    ) -> Played:
        """See ``matches.MatchPlayer``."""

    async def validate(self, model_id: str) -> Validation | None:
        """See ``validation.validate``."""


class PlaysHere:
    """Plays games of this process."""

    def __init__(self, roster: Roster, *, recorded: int, is_stopping: Callable[[], bool]) -> None:
        self._roster = roster
        self._is_stopping = is_stopping
        self._matches = MatchPlayer(roster, recorded=recorded, is_stopping=is_stopping)

    async def play(
        self, leased: LeasedMatch, first: Contender, second: Contender, *, until: float
    ) -> Played:
        """See Plays."""
        return await self._matches.play(leased, first, second, until=until)

    async def validate(self, model_id: str) -> Validation | None:
        """See Plays."""
        return await validate(self._roster, model_id, is_stopping=self._is_stopping)


def plays_of(
    players: Players,
    services: LeagueServices,
    *,
    name: str,
    recorded: int,
    is_stopping: Callable[[], bool],
) -> Plays:
    """Return where matches are played: the games of an engine are the Game service's."""
    if isinstance(players, Roster):
        return PlaysHere(players, recorded=recorded, is_stopping=is_stopping)
    return ServedMatches(
        players, services.game_at, name=name, recorded=recorded, is_stopping=is_stopping
    )


class Worker:
    """See above."""

    def __init__(
        self,
        services: LeagueServices,
        players: Players,
        *,
        name: str,
        seats: int,
        recorded: int,
        stop: asyncio.Event,
    ) -> None:
        self._services = services
        self._players = players
        self._name = name
        self._stop = stop
        self._plays = plays_of(
            players, services, name=name, recorded=recorded, is_stopping=stop.is_set
        )
        self._seats = TableSeats(players)
        self._free_seats = asyncio.Semaphore(seats)
        self._seated: dict[asyncio.Task[None], _Seat] = {}
        self._random = Random()
        self.played = 0
        """Games of matches that were reported."""

    async def run(self) -> None:
        """Work until the stop event.

        Raises:
            ConfigError: the league refuses the token.
        """
        loops = [
            asyncio.create_task(self._lease_for_ever(self._work, self._work_request())),
            asyncio.create_task(self._lease_for_ever(self._sit, self._seat_request())),
            asyncio.create_task(self._keep_seats()),
        ]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait({*loops, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stopping in done:
                # The match that is played ends by itself at its next slice, and is given back.
                for loop in loops[1:]:
                    loop.cancel()
                await asyncio.wait(loops, timeout=END_SECONDS)
        finally:
            tasks = [*loops, stopping, *self._seated]
            seats = tuple(self._seated.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*self._seated, return_exceptions=True)
            self._seats.close()
            await self._return_seats(seats)
        for task in loops:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _work_request(self) -> LeaseMatchRequest:
        return LeaseMatchRequest(worker=self._name, wait=Duration(seconds=WAIT_SECONDS))

    def _seat_request(self) -> LeaseMatchRequest:
        return LeaseMatchRequest(
            worker=f"{self._name}.seats",
            wait=Duration(seconds=WAIT_SECONDS),
            purposes=[MatchPurpose.MATCH_PURPOSE_CASUAL],
        )

    async def _lease_for_ever(
        self,
        act: Callable[[LeaseMatchResponse, str], Coroutine[Any, Any, None]],
        request: LeaseMatchRequest,
    ) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                leased = await self._until_stop(
                    self._services.matchmaker.LeaseMatch(request, timeout=WAIT_SECONDS + 20)
                )
                if leased is not None:
                    await act(leased, request.worker)
                failures = 0
            except grpc.aio.AioRpcError as error:
                if error.code() in _REFUSED:
                    raise ConfigError(
                        f"the league refuses this worker: {error.details()}"
                    ) from error
                failures += 1
                _log.warning("the league: %s: %s", error.code().name, error.details())
            except OSError as error:
                failures += 1
                _log.warning("this machine: %s", error)
            if failures:
                await self._until_stop(
                    asyncio.sleep(_BACKOFF.seconds(failures, self._random), None)
                )

    async def _until_stop(self, awaited: Any) -> Any:
        """Await something, but no longer than until the worker is to stop; None then."""

        async def waited() -> Any:
            return await awaited

        task = asyncio.create_task(waited())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for each in (task, stopping):
                each.cancel()

    async def _work(self, leased: LeaseMatchResponse, worker: str) -> None:
        match leased.WhichOneof("work"):
            case "match":
                await self._play(leased.match, worker)
            case "validate_model_id":
                await self._validate(leased.validate_model_id, worker)
            case "seat":
                await self._sit(leased, worker)
            case _:
                pass  # nothing was open

    async def _sit(self, leased: LeaseMatchResponse, worker: str) -> None:
        if leased.WhichOneof("work") != "seat":
            if leased.WhichOneof("work") is not None:
                await self._work(leased, worker)
            return
        await self._free_seats.acquire()
        task = asyncio.create_task(self._play_seat(leased))
        self._seated[task] = _Seat(leased.seat.match_id, worker)
        task.add_done_callback(self._leave)

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._seated.pop(task, None)
        self._free_seats.release()

    async def _keep_seats(self) -> None:
        """Say which seats are played, and leave those that another worker has."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            for worker in {seat.worker for seat in self._seated.values()}:
                mine = {
                    seat.match_id: task
                    for task, seat in self._seated.items()
                    if seat.worker == worker
                }
                try:
                    kept = await self._services.matchmaker.KeepSeats(
                        KeepSeatsRequest(worker=worker, match_ids=mine), timeout=KEEP_SECONDS
                    )
                except grpc.aio.AioRpcError as error:
                    _log.warning("seats are not kept: %s", error.details())
                    continue
                for match_id in kept.lost_match_ids:
                    if (task := mine.get(match_id)) is not None:
                        task.cancel()

    async def _return_seats(self, seats: Sequence[_Seat]) -> None:
        returns = (
            self._return(ReturnWorkRequest(worker=seat.worker, match_id=seat.match_id))
            for seat in seats
        )
        await asyncio.gather(*returns)

    async def _return(self, request: ReturnWorkRequest) -> None:
        """Give work back; where the league is away, its lease ends by itself."""
        try:
            await self._services.matchmaker.ReturnWork(request, timeout=END_SECONDS)
        except grpc.aio.AioRpcError as error:
            _log.warning("work is not given back: %s", error.details())

    async def _play_seat(self, leased: LeaseMatchResponse) -> None:
        seat, player = leased.seat, leased.seat_player
        try:
            await self._seats.play(self._services.game_at(seat.game_address), seat, player)
        except (Unusable, grpc.aio.AioRpcError, OSError) as error:
            said = error.details() if isinstance(error, grpc.aio.AioRpcError) else error
            _log.warning("%s leaves the game %s: %s", player, seat.game_id, said)

    async def _validate(self, model_id: str, worker: str) -> None:
        try:
            found = await self._plays.validate(model_id)
        except GamesFailed as error:
            _log.warning("the model %s cannot be tried now: %s", model_id, error)
            found = None
            await self._until_stop(asyncio.sleep(_PAUSE_SECONDS))
        if found is None:
            await self._return(ReturnWorkRequest(worker=worker, validate_model_id=model_id))
            return
        _log.info("model %s: %s", model_id, found.problem or f"plays, {found.games} games")
        await self._services.model.ReportValidation(
            ReportValidationRequest(
                idempotency_key=f"{self._name}/{model_id}", id=model_id, validation=found
            )
        )

    async def _play(self, match: LeasedMatch, worker: str) -> None:
        report = ReportResultRequest(
            idempotency_key=f"{worker}/{match.match_id}", match_id=match.match_id, worker=worker
        )
        try:
            await self._play_into(report, match)
        except (Interrupted, GamesFailed) as error:
            _log.warning("match %s: %s", match.match_id, error)
            problem = str(error) if isinstance(error, GamesFailed) else ""
            await self._return(
                ReturnWorkRequest(worker=worker, match_id=match.match_id, problem=problem)
            )
            return
        except PlayerFailed as error:
            report.failed_player, report.problem = error.player_id, str(error)
            _log.warning("match %s: %s", match.match_id, report.problem)
        await self._services.matchmaker.ReportResult(report)
        self.played += len(report.games)

    async def _play_into(self, report: ReportResultRequest, match: LeasedMatch) -> None:
        """Play a match, keep some of its games for people, and write all results down."""
        contenders = []
        for player_id in (match.first, match.second):
            try:
                contenders.append(await self._players.find(player_id))
            except Unusable as error:
                raise PlayerFailed(player_id, str(error)) from error
        first, second = contenders
        until = monotonic() + _seconds_left(match) - _MARGIN_SECONDS
        played = await self._plays.play(match, first, second, until=until)
        report.games.extend(played.results)
        recorded = played.recorded[:_MOST_RECORDED]
        if not recorded:
            return
        try:
            kept = await self._services.game.RecordGames(
                RecordGamesRequest(idempotency_key=f"match/{match.match_id}", games=recorded)
            )
        except grpc.aio.AioRpcError as error:
            # Results count without their tapes.
            _log.warning("games of %s are not kept: %s", match.match_id, error.details())
            return
        for place, game_id in enumerate(kept.game_ids):
            report.games[place].game_id = game_id


def _seconds_left(match: LeasedMatch) -> float:
    """Return how long a lease lasts, by the Matchmaker's clock where it says so."""
    if not match.HasField("expires_at"):
        return _LEASE_SECONDS
    from time import time  # noqa: PLC0415

    return max(0.0, match.expires_at.ToNanoseconds() / 1e9 - time())
