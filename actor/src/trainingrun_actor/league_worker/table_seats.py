"""Plays seats in games that the Game service holds, against people and clients of their own.

A seat follows its game by a stream; where that breaks off, it takes its seat again. Every action
has a key of its turn, so one that was sent twice is played once.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

import grpc
import grpc.aio
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.v1.game_pb2 import (
    GamePhase,
    GameState,
    JoinGameRequest,
    StreamGameRequest,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.matchmaker_pb2 import SeatedMatch

from trainingrun_actor.league_worker.roster import Players
from trainingrun_actor.league_worker.thinking import Thinker

if TYPE_CHECKING:  # asynchronous clients have a type in the stubs alone
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub

THREADS: Final = 2
"""That think at once, beside the one that plays matches."""
_BACKOFF: Final = Backoff(first=0.5, longest=10.0, spread=0.5)
_MOST_FAILURES: Final = 30
"""In a row, after which a seat is left to the clock: about four minutes."""
_PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
    }
)

_R = TypeVar("_R")

_log = logging.getLogger(__name__)


class TableSeats:
    """See above; one object for all seats of a worker."""

    def __init__(self, players: Players) -> None:
        self._players = players
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="seat")
        self._random = Random()

    async def play(self, stub: GameServiceAsyncStub, seated: SeatedMatch, player_id: str) -> None:
        """Play a seat to the game's end.

        Raises:
            Unusable: the player cannot play this game.
            grpc.aio.AioRpcError: the Game service refuses it, or is away for minutes.
        """
        contender = await self._players.find(player_id)
        seed = zlib.crc32(f"{seated.game_id}/{seated.seat}".encode())
        thinker = await self._in_thread(
            lambda: Thinker(
                self._players.local_games, contender, seed=seed, spec=self._players.spec
            )
        )
        failures = 0
        while True:
            try:
                await stub.JoinGame(
                    JoinGameRequest(
                        game_id=seated.game_id, player_id=player_id, seat_token=seated.seat_token
                    )
                )
                async for state in self._states(stub, seated):
                    failures = 0
                    if _is_to_move(state, seated.seat):
                        await self._move(stub, seated, state, thinker)
                return
            except grpc.aio.AioRpcError as error:
                failures += 1
                if error.code() not in _PASSING or failures > _MOST_FAILURES:
                    raise
                _log.info("the game %s: %s; again soon", seated.game_id, error.code().name)
                await asyncio.sleep(_BACKOFF.seconds(failures, self._random))

    def close(self) -> None:
        """Think no longer."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _states(
        self, stub: GameServiceAsyncStub, seated: SeatedMatch
    ) -> AsyncIterator[GameState]:
        call = stub.StreamGame(
            StreamGameRequest(game_id=seated.game_id, seat_token=seated.seat_token)
        )
        try:
            async for answer in call:
                yield answer.state
        finally:
            call.cancel()

    async def _move(
        self,
        stub: GameServiceAsyncStub,
        seated: SeatedMatch,
        state: GameState,
        thinker: Thinker,
    ) -> None:
        action, thought = await self._in_thread(lambda: thinker.choose(state))
        request = SubmitActionRequest(
            idempotency_key=f"{seated.game_id}/{seated.seat}/{state.turn}",
            game_id=seated.game_id,
            seat_token=seated.seat_token,
            expected_turn=state.turn,
            action=action,
            thought=thought,
        )
        try:
            await stub.SubmitAction(request)
        except grpc.aio.AioRpcError as error:
            # The clock or a deletion was faster: the stream says how the game stands.
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise

    async def _in_thread(self, act: Callable[[], _R]) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)


def _is_to_move(state: GameState, seat: int) -> bool:
    return state.phase == GamePhase.GAME_PHASE_RUNNING and state.seat_to_move == seat
