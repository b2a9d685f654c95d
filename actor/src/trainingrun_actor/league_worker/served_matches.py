"""Plays matches and trials in the Game service: of environments whose engine is a daemon's.

The Game service alone holds slots of daemons, so a worker needs to reach the league and nothing
else. Both seats are played from here; each sees what the service shows it. A game that is not to be
seen again is deleted when its result is known, and so is one that was broken off, which frees its
slot. A worker that was killed leaves its games behind: started again under its name it plays them
on, as a game is created by a key of the worker, the match and the place in it; those
that no worker takes up end by their clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from msgspec import Struct
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.league.game_reasons import GAME_LOST
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.game_pb2 import (
    CreateGameRequest,
    CreateGameResponse,
    DeleteGameRequest,
    GamePhase,
    GameState,
    GetGameStateRequest,
    JoinGameRequest,
    SubmitActionRequest,
)
from trainingrun_contracts.league.v1.matchmaker_pb2 import GameResult, LeasedMatch
from trainingrun_contracts.league.v1.model_pb2 import Validation
from trainingrun_environments.errors import describe_error

from trainingrun_actor.league_worker.matches import (
    GamesFailed,
    Interrupted,
    Played,
    PlayerFailed,
    check_time_left,
    pairs_in,
)
from trainingrun_actor.league_worker.roster import BUILTIN, RANDOM, Contender, Players
from trainingrun_actor.league_worker.thinking import Thinker
from trainingrun_actor.league_worker.weights import Unusable

if TYPE_CHECKING:  # asynchronous clients have a type in the stubs alone
    from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceAsyncStub

AT_ONCE: Final = 4
"""Games of a match."""
MOVE_SECONDS: Final = 120
"""After which a game that a killed worker has left is over."""
_MOST_ATTEMPTS: Final = 50
"""To create one game: earlier ones of the same key that are over, and are kept."""
TRIAL_PAIRS: Final = 2
TRIAL_SECONDS: Final = 900.0
_SEED: Final = 1
_SEEDS: Final = 2**64
_PAUSE_SECONDS: Final = 0.5
_MOST_PROBLEM: Final = 500
_BACKOFF: Final = Backoff(first=0.5, longest=10.0, spread=0.5)
_WAITED_OUT: Final = frozenset(
    {
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
"""No slot is free, no daemon is there, or its engine takes long to begin."""
_R = TypeVar("_R")
_CHANCE: Final = Contender(f"{BUILTIN}{RANDOM}", None, 0)


@dataclass(frozen=True)
class _Match:
    """What all games of one match, or of one trial, have in common.

    Attributes:
        key: that its games are created by, with their place and attempt.
        contenders: the first one has seat 1 of the first game.
        until: by the monotonic clock.
        kept: pairs that are to be seen again.
    """

    key: str
    contenders: tuple[Contender, Contender]
    pairs: int
    seed: int
    purpose: MatchPurpose.ValueType
    until: float
    kept: int

    def seats(self, place: int) -> tuple[Contender, Contender]:
        """Return who has seat 1 and seat 2 of a game."""
        first, second = self.contenders
        return (second, first) if place % 2 else (first, second)

    def seed_of(self, place: int) -> int:
        """Return a game's seed: that of its pair."""
        return (self.seed + place // 2) % _SEEDS

    def is_kept(self, place: int) -> bool:
        """Whether a game is to be seen again."""
        return place < 2 * self.kept


GameAt = Callable[[str], "GameServiceAsyncStub"]


class _Ended(Struct, frozen=True):
    """A game to its end; ``outcome`` is that of seat 1, -1 to 1."""

    game_id: str
    outcome: float
    moves: int
    decisions: dict[str, tuple[int, float]]
    """By player: how many, and seconds of thinking."""


class ServedMatches:
    """See above."""

    def __init__(
        self,
        players: Players,
        game_at: GameAt,
        *,
        name: str,
        recorded: int,
        is_stopping: Callable[[], bool],
    ) -> None:
        """``name`` is the worker's; ``recorded`` the number of pairs of each match to be kept for
        people.
        """
        self._players = players
        self._game_at = game_at
        self._name = name
        self._recorded = recorded
        self._is_stopping = is_stopping
        self._random = Random()

    async def play(
        self, leased: LeasedMatch, first: Contender, second: Contender, *, until: float
    ) -> Played:
        """Play all games; ``until`` is by the monotonic clock.

        Raises:
            Interrupted: the worker is to stop, or the Game service was away.
            PlayerFailed: a player cannot play.
            GamesFailed: the engine fails, or has no slot in time.
            grpc.aio.AioRpcError: the Game service is away.
        """
        match = _Match(
            key=f"worker/{self._name}/{leased.match_id}",
            contenders=(first, second),
            pairs=pairs_in(leased),
            seed=leased.seed,
            purpose=leased.purpose,
            until=until,
            kept=self._recorded,
        )
        results = [
            GameResult(
                outcome=-game.outcome if place % 2 else game.outcome,
                moves=game.moves,
                seed=match.seed_of(place),
                game_id=game.game_id if match.is_kept(place) else "",
            )
            for place, game in enumerate(await self._all(match))
        ]
        return Played(results, [])

    async def validate(self, model_id: str) -> Validation | None:
        """Return what was found of a model; None where the worker is to stop first.

        Raises:
            grpc.aio.AioRpcError: the model, or a game, cannot be had now.
            GamesFailed: the engine fails with any players.
        """
        try:
            tried = await self._players.find(f"model/{model_id}")
        except Unusable as error:
            return Validation(problem=str(error)[:_MOST_PROBLEM])
        trial = _Match(
            key=f"worker/{self._name}/{tried.player_id}",
            contenders=(tried, _CHANCE),
            pairs=TRIAL_PAIRS,
            seed=_SEED,
            purpose=MatchPurpose.MATCH_PURPOSE_UNSPECIFIED,
            until=monotonic() + TRIAL_SECONDS,
            kept=0,
        )
        try:
            ended = await self._all(trial)
        except Interrupted:
            return None
        except PlayerFailed as error:
            return Validation(loads=True, problem=str(error)[:_MOST_PROBLEM])
        spent = [game.decisions[tried.player_id] for game in ended]
        count, seconds = sum(each[0] for each in spent), sum(each[1] for each in spent)
        return Validation(
            loads=True,
            is_finite=True,
            games=len(ended),
            decisions_per_second=count / max(seconds, 1e-9),
        )

    async def _all(self, match: _Match) -> list[_Ended]:
        """Play pairs of games with changed seats, some at once; the first failure ends all."""
        free = asyncio.Semaphore(AT_ONCE)

        async def play(place: int) -> _Ended:
            async with free:
                return await self._game(match, place)

        tasks = [asyncio.create_task(play(place)) for place in range(2 * match.pairs)]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _game(self, match: _Match, place: int) -> _Ended:
        """Play one game: one that this worker has left behind, or a new one."""
        for attempt in range(_MOST_ATTEMPTS):
            request = CreateGameRequest(
                idempotency_key=f"{match.key}/{place}/{attempt}",
                purpose=match.purpose,
                players=[each.player_id for each in match.seats(place)],
                seed=match.seed_of(place),
                move_limit=Duration(seconds=MOVE_SECONDS),
            )
            made = await self._created(request, until=match.until)
            ended = None if made is None else await self._joined(made, match, place)
            if ended is not None:
                return ended
        raise GamesFailed(f"{_MOST_ATTEMPTS} games of this match are over without a result")

    async def _joined(self, made: CreateGameResponse, match: _Match, place: int) -> _Ended | None:
        """Play a game to its end; None where it was over already: its clock may have ended it."""
        stub = self._game_at(made.address)
        ended: _Ended | None = None
        is_kept = match.is_kept(place)
        try:
            state = await self._seated(stub, made, match, place)
            if state.phase != GamePhase.GAME_PHASE_RUNNING:
                return None
            ended = await self._played(stub, made, state, match, place)
        finally:
            if ended is None or not is_kept:
                await _delete(stub, made.game_id)
        return ended

    async def _created(
        self, request: CreateGameRequest, *, until: float
    ) -> CreateGameResponse | None:
        """Create a game as soon as a slot is free; None where the key is another game's."""
        failures = 0
        while True:
            check_time_left(self._is_stopping, until)
            try:
                return await self._asked_for(request)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.ALREADY_EXISTS:
                    return None
                if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                    raise GamesFailed(error.details() or "the engine fails") from error
                if error.code() not in _WAITED_OUT:
                    raise
                failures += 1
                if monotonic() > until:
                    raise GamesFailed(f"no game began in time: {error.details()}") from error
            await asyncio.sleep(_BACKOFF.seconds(failures, self._random))

    async def _asked_for(self, request: CreateGameRequest) -> CreateGameResponse:
        """Create a game; one whose match has ended is deleted as soon as its id is known."""

        async def created() -> CreateGameResponse:
            return await self._game_at("").CreateGame(request)

        call = asyncio.create_task(created())
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            with suppress(grpc.aio.AioRpcError):
                made = await call
                await _delete(self._game_at(made.address), made.game_id)
            raise

    async def _played(
        self,
        stub: GameServiceAsyncStub,
        made: CreateGameResponse,
        state: GameState,
        match: _Match,
        place: int,
    ) -> _Ended:
        games, spec = self._players.local_games, self._players.spec
        seats, seed = match.seats(place), match.seed_of(place)
        thinkers = [
            Thinker(games, each, seed=(2 * seed + seat) % _SEEDS, spec=spec)
            for seat, each in enumerate(seats)
        ]
        counts = {each.player_id: (0, 0.0) for each in seats}
        while state.phase == GamePhase.GAME_PHASE_RUNNING:
            check_time_left(self._is_stopping, match.until)
            seat = max(0, state.seat_to_move - 1)
            if not state.legal_actions:
                seen = GetGameStateRequest(game_id=made.game_id, seat_token=made.seat_tokens[seat])
                answer = await self._answer(partial(stub.GetGameState, seen), until=match.until)
                state = answer.state
            if not state.legal_actions:  # it ends just now
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            player, began = seats[seat].player_id, monotonic()
            try:
                action, thought = await asyncio.to_thread(thinkers[seat].choose, state)
            except Exception as error:
                raise PlayerFailed(player, describe_error(error)) from error
            count, seconds = counts[player]
            counts[player] = count + 1, seconds + monotonic() - began
            request = SubmitActionRequest(
                idempotency_key=f"{seat}/{state.turn}",
                game_id=made.game_id,
                seat_token=made.seat_tokens[seat],
                expected_turn=state.turn,
                action=action,
                thought=thought if match.is_kept(place) else None,
            )
            played = await self._answer(partial(stub.SubmitAction, request), until=match.until)
            state = played.state
        if state.phase == GamePhase.GAME_PHASE_ABANDONED and state.reason.startswith(GAME_LOST):
            raise Interrupted(state.reason)
        if state.phase != GamePhase.GAME_PHASE_FINISHED:
            raise GamesFailed(f"a game was abandoned: {state.reason}")
        first, second = state.returns
        outcome = max(-1.0, min(1.0, (first - second) / (2 * spec.reward_bound)))
        return _Ended(made.game_id, outcome, state.turn, counts)

    async def _answer(self, call: Callable[[], Awaitable[_R]], *, until: float) -> _R:
        """Return the answer to a call that may be repeated: an engine may take longer for its next
        question than a call waits.
        """
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise
            check_time_left(self._is_stopping, until)

    async def _seated(
        self, stub: GameServiceAsyncStub, made: CreateGameResponse, match: _Match, place: int
    ) -> GameState:
        """Take both seats of a game, again where they are taken; return how it stands."""
        for each, token in zip(match.seats(place), made.seat_tokens, strict=True):
            request = JoinGameRequest(
                game_id=made.game_id, player_id=each.player_id, seat_token=token
            )
            joined = await self._answer(partial(stub.JoinGame, request), until=match.until)
        return joined.state


async def _delete(stub: GameServiceAsyncStub, game_id: str) -> None:
    """Delete a game; where the service is away, the game's clock ends it."""
    try:
        await stub.DeleteGame(DeleteGameRequest(game_id=game_id))
    except grpc.aio.AioRpcError:
        return
