"""The Game service: its calls, its clock, and the results that it reports.

Thin: requests are read by ``requests``, seats by ``seat_tokens``; what happens is the ``hall``'s.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Any, Final

import grpc.aio
import msgspec
from prometheus_client import CollectorRegistry, Counter
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import counter, gauge
from trainingrun_contracts.league.v1.game_pb2 import (
    CreateGameRequest,
    CreateGameResponse,
    DeleteGameRequest,
    DeleteGameResponse,
    GamePhase,
    GetGameStateRequest,
    GetGameStateResponse,
    GetReplayRequest,
    GetReplayResponse,
    JoinGameRequest,
    JoinGameResponse,
    ListGamesRequest,
    ListGamesResponse,
    RecordedGame,
    RecordGamesRequest,
    RecordGamesResponse,
    StreamGameRequest,
    StreamGameResponse,
    SubmitActionRequest,
    SubmitActionResponse,
)
from trainingrun_contracts.league.v1.game_pb2_grpc import (
    GameServiceServicer,
    add_GameServiceServicer_to_server,
)
from trainingrun_environments.errors import GameFault, UnknownEnvironment
from trainingrun_protocol.access import TokenError
from trainingrun_protocol.given_token import token_in_environment

from trainingrun_league.declaration import Audience, Host, ServiceDeclaration
from trainingrun_league.errors import InvalidRequest, LeagueError, NotPermitted
from trainingrun_league.game.daemon_metrics import DaemonMetrics
from trainingrun_league.game.daemons import Daemons, daemons_of
from trainingrun_league.game.engine import Engine
from trainingrun_league.game.hall import Bounds, Hall, Move
from trainingrun_league.game.journal import (
    Creation,
    GameJournal,
    JournalGame,
    page_token,
    read_page_token,
)
from trainingrun_league.game.played import PlayedGame
from trainingrun_league.game.reports import ResultReporter
from trainingrun_league.game.requests import (
    actions_of,
    digest_of,
    key_of,
    match_of,
    move_seconds_of,
    player_of,
    players_of,
    purpose_of,
    thought_of,
)
from trainingrun_league.game.seat_tokens import SEATS, seat_of, seat_token
from trainingrun_league.game.sources import GameSource, source_of
from trainingrun_league.game.table import Phase, Table, Thought, Turn
from trainingrun_league.game.views import WATCHER, summary_message
from trainingrun_league.server.caller import caller
from trainingrun_league.settings import ServiceName

MOST_RECORDED: Final = 64
_PAGE, _LONGEST_PAGE = 50, 500
_EXPIRE_SECONDS: Final = 0.5
_TIDY_SECONDS: Final = 60.0
_COUNT_SECONDS: Final = 15.0
"""Between two questions to all daemons, which metrics answer."""

_log = logging.getLogger(__name__)


class GameSettings(msgspec.Struct, frozen=True):
    """Settings of the service's own.

    Attributes:
        holder: names this process among those that hold games; the same one after a restart.
        games: that are played at once.
        games_of_person: of these, by one person.
        kept: games in the database; the oldest are deleted beyond.
        daemons: ``HOST:PORT,…`` of an engine that games are played by; a name may stand for several
            addresses.
        decks: names with commas, of which each game's seed draws two.
        engine_seconds: that an engine may take until it asks again.
    """

    holder: str = "game-0"
    games: int = 2000
    games_of_person: int = 4
    kept: int = 200_000
    daemons: str = ""
    decks: str = ""
    engine_seconds: Annotated[float, msgspec.Meta(ge=1, le=600)] = 60.0


class GameServicer(GameServiceServicer):
    """The calls; see ``game.proto``."""

    def __init__(
        self, hall: Hall, journal: GameJournal, source: GameSource, host: Host, *, holder: str
    ) -> None:
        self._hall = hall
        self._journal = journal
        self._source = source
        self._clock = host.clock
        self._key = host.settings.token_key
        self._address = host.addresses.get(ServiceName.GAME, "")
        self._holder = holder

    async def CreateGame(self, request: CreateGameRequest, _context: Any) -> CreateGameResponse:
        """See the protocol."""
        creation = Creation(key_of(request.idempotency_key), digest_of(request))
        table = Table(
            game_id=_new_id(),
            match_id=match_of(request.match_id),
            purpose=purpose_of(request.purpose),
            players=players_of(list(request.players)),
            seed=request.seed,
            move_seconds=move_seconds_of(request),
            created_at=self._clock(),
        )
        table = await self._hall.open(table, creation)
        tokens = [seat_token(self._key, table.game_id, seat) for seat in SEATS]
        return CreateGameResponse(game_id=table.game_id, address=self._address, seat_tokens=tokens)

    async def JoinGame(self, request: JoinGameRequest, _context: Any) -> JoinGameResponse:
        """See the protocol."""
        seat = seat_of(self._key, request.game_id, request.seat_token)
        player = player_of(request.player_id, field="player_id")
        found = caller()
        if found.audience is Audience.PLAYERS and found.subject != player:
            raise NotPermitted(f"player_id: the token is {found.subject}'s, not {player}'s")
        state = await self._hall.join(request.game_id, seat, player)
        return JoinGameResponse(seat=seat, state=state)

    async def SubmitAction(
        self, request: SubmitActionRequest, _context: Any
    ) -> SubmitActionResponse:
        """See the protocol."""
        seat = seat_of(self._key, request.game_id, request.seat_token)
        key = key_of(request.idempotency_key)
        turn = Turn(seat, request.action, key, thought_of(request))
        move = Move(seat, key, request.expected_turn, turn)
        return SubmitActionResponse(state=await self._hall.play(request.game_id, move))

    async def GetGameState(
        self, request: GetGameStateRequest, _context: Any
    ) -> GetGameStateResponse:
        """See the protocol."""
        seat = self._seat(request)
        return GetGameStateResponse(state=await self._hall.state(request.game_id, seat))

    async def StreamGame(
        self, request: StreamGameRequest, _context: Any
    ) -> AsyncIterator[StreamGameResponse]:
        """See the protocol."""
        seat = self._seat(request)
        async for state in self._hall.watch(request.game_id, seat):
            yield StreamGameResponse(state=state)

    async def GetReplay(self, request: GetReplayRequest, _context: Any) -> GetReplayResponse:
        """See the protocol."""
        return self._source.replay(await self._hall.replayed(request.game_id))

    async def ListGames(self, request: ListGamesRequest, _context: Any) -> ListGamesResponse:
        """See the protocol."""
        size = min(request.page_size or _PAGE, _LONGEST_PAGE)
        before = read_page_token(request.page_token)
        tables = await self._journal.page(_phases(request.phases), size=size + 1, before=before)
        shown = tables[:size]
        token = page_token(shown[-1]) if len(tables) > size else ""
        return ListGamesResponse(
            games=[summary_message(table) for table in shown], next_page_token=token
        )

    async def DeleteGame(self, request: DeleteGameRequest, _context: Any) -> DeleteGameResponse:
        """See the protocol."""
        await self._hall.delete(request.game_id)
        return DeleteGameResponse()

    async def RecordGames(self, request: RecordGamesRequest, _context: Any) -> RecordGamesResponse:
        """See the protocol; games that the rules here do not allow are refused."""
        key = key_of(request.idempotency_key)
        if len(request.games) > MOST_RECORDED:
            raise InvalidRequest(
                f"games: {len(request.games)} of them: send at most {MOST_RECORDED} in one call"
            )
        made = [await self._recorded(game, key, place) for place, game in enumerate(request.games)]
        for game, turns in made:
            await self._journal.record(game, turns)
        return RecordGamesResponse(game_ids=[game.table.game_id for game, _ in made])

    async def _recorded(
        self, game: RecordedGame, key: str, place: int
    ) -> tuple[JournalGame, tuple[Turn, ...]]:
        field = f"games[{place}]"
        # The id follows from the key, so that a repeated call names the games of before.
        game_id = f"g-{sha256(f'{key} {place}'.encode()).hexdigest()[:20]}"
        now = self._clock()
        table = Table(
            game_id=game_id,
            match_id=match_of(game.match_id),
            purpose=purpose_of(game.purpose),
            players=players_of(list(game.players)),
            seed=game.seed,
            move_seconds=1.0,
            created_at=now,
            is_taken=(True, True),
            phase=Phase.RUNNING,
            started_at=now,
        )
        actions = actions_of(game, field=field)
        try:
            played = await asyncio.to_thread(_played, self._source.rules(), table, actions)
        except GameFault as fault:
            raise InvalidRequest(f"{field}: {fault}") from fault
        if not played.table.phase.is_over:
            raise InvalidRequest(
                f"{field}: after its {len(actions)} actions the game is not over: record it whole"
            )
        creation = Creation(f"{key} {place}", digest_of(game))
        return JournalGame(played.table, self._holder, creation), tuple(played.turns)

    def _seat(self, request: GetGameStateRequest | StreamGameRequest) -> int:
        if not request.seat_token:
            return WATCHER
        return seat_of(self._key, request.game_id, request.seat_token)


class GameService:
    """See ``declaration.Service``."""

    def __init__(
        self, host: Host, source: GameSource, settings: GameSettings, daemons: Daemons | None
    ) -> None:
        self._daemons = daemons
        bounds = Bounds(
            games=settings.games, games_of_person=settings.games_of_person, kept=settings.kept
        )
        self._clock = host.clock
        self._journal = GameJournal(host.engine)
        self._bounds = bounds
        self._hall = Hall(
            source, self._journal, holder=settings.holder, clock=host.clock, bounds=bounds
        )
        self._reporter = ResultReporter(self._journal, host.peers, bound=source.spec.reward_bound)
        self._servicer = GameServicer(
            self._hall, self._journal, source, host, holder=settings.holder
        )
        ended = _metrics(host.metrics, self._hall)
        DaemonMetrics(host.metrics, daemons)

        def note_end(table: Table) -> None:
            ended.labels(table.phase.name.lower()).inc()
            self._reporter.wake()

        self._hall.on_end = note_end

    @classmethod
    async def start(cls, host: Host) -> GameService:
        """Start it, with the games that were played when the process before ended.

        Raises:
            InvalidRequest: the environment's games cannot be played here.
        """
        settings = host.settings.section(ServiceName.GAME, GameSettings)
        try:
            daemons = None if not settings.daemons else Daemons(daemons_of(settings.daemons))
            source = _source(host, settings, daemons)
        except (UnknownEnvironment, TokenError) as error:
            raise InvalidRequest(f"the Game service: {error}") from error
        service = cls(host, source, settings, daemons)
        await service._hall.resume()
        return service

    def add_to(self, server: grpc.aio.Server) -> None:
        """See Service."""
        add_GameServiceServicer_to_server(self._servicer, server)

    async def run(self) -> None:
        """See Service."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._hall.expire, _EXPIRE_SECONDS))
            tasks.create_task(self._repeat(self._hall.tidy, _TIDY_SECONDS))
            tasks.create_task(self._reporter.run())
            if self._daemons is not None:
                tasks.create_task(self._repeat(self._daemons.count, _COUNT_SECONDS))

    async def is_ready(self) -> str:
        """See Service."""
        return ""

    async def close(self) -> None:
        """See Service: every action is in the journal, so there is nothing to keep."""
        await self._hall.close()

    async def _repeat(self, act: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Act again and again; a database that is away for a while ends no game and no process."""
        failures = 0
        while True:
            try:
                await act()
                failures = 0
            except LeagueError as error:
                failures += 1
                if failures == 1:
                    _log.warning("the clocks of games are read again soon: %s", error)
            await asyncio.sleep(seconds)


GAME: Final = ServiceDeclaration(
    name=ServiceName.GAME,
    full_name="trainingrun.league.v1.GameService",
    start=GameService.start,
    open_to_players=frozenset(
        {"JoinGame", "SubmitAction", "GetGameState", "StreamGame", "GetReplay", "ListGames"}
    ),
    most_calls_of_connection=5000,  # the pages stream all games that are watched over one
)


def _source(host: Host, settings: GameSettings, daemons: Daemons | None) -> GameSource:
    return source_of(
        host.settings.environment,
        daemons,
        decks=[name for name in settings.decks.split(",") if name],
        seconds=settings.engine_seconds,
        token=token_in_environment(),
    )


def _metrics(registry: CollectorRegistry, hall: Hall) -> Counter:
    """Register the service's metrics; return the counter of games that ended."""
    gauge(metrics.LEAGUE_GAMES_RUNNING, registry).set_function(lambda: hall.running)
    gauge(metrics.LEAGUE_GAMES_WATCHED, registry).set_function(lambda: hall.watchers)
    return counter(metrics.LEAGUE_GAMES_ENDED, registry)


def _new_id() -> str:
    return f"g-{secrets.token_hex(10)}"


def _phases(phases: Iterable[int]) -> list[Phase]:
    wanted = set(phases)
    unknown = wanted - {phase.value for phase in Phase}
    if unknown:
        known = ", ".join(GamePhase.Name(GamePhase.ValueType(phase.value)) for phase in Phase)
        raise InvalidRequest(f"phases: {unknown.pop()} is none of {known}")
    return [Phase(number) for number in sorted(wanted)]


def _played(engine: Engine, table: Table, actions: list[tuple[int, Thought | None]]) -> PlayedGame:
    """Play a recorded game; raises GameFault where the rules do not allow it."""
    played = PlayedGame(engine, table)
    for number, (action, thought) in enumerate(actions):
        position = played.position
        if action not in position.legal:
            raise GameFault(f"actions[{number}]: {action} is not legal there")
        after = played.play(Turn(position.seat_to_move, action, "", thought), now=table.created_at)
        if after.phase is Phase.ABANDONED:
            raise GameFault(after.reason)
        played.settle(replace(after, deadline=0.0))
    return played
