"""The Matchmaker's calls: check, let the part that decides do it, answer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    CancelMatchRequest,
    CancelMatchResponse,
    CreateTournamentRequest,
    CreateTournamentResponse,
    FindMatchRequest,
    FindMatchResponse,
    FindTournamentMatchRequest,
    FindTournamentMatchResponse,
    GetQueueStatsRequest,
    GetQueueStatsResponse,
    GetTournamentRequest,
    GetTournamentResponse,
    KeepSeatsRequest,
    KeepSeatsResponse,
    LeaseMatchRequest,
    LeaseMatchResponse,
    ListTournamentsRequest,
    ListTournamentsResponse,
    QueueMode,
    ReportResultRequest,
    ReportResultResponse,
    ReturnWorkRequest,
    ReturnWorkResponse,
    Tournament,
    TournamentState,
)
from trainingrun_contracts.league.v1.matchmaker_pb2_grpc import MatchmakerServiceServicer

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import Conflict, InvalidRequest, NotFound
from trainingrun_league.matchmaker.answers import lease_answer, tournament_of
from trainingrun_league.matchmaker.brackets.values import Plan, problem_of
from trainingrun_league.matchmaker.leases import Lease, MatchState
from trainingrun_league.matchmaker.lobby import Lobby, Place
from trainingrun_league.matchmaker.matches import Match
from trainingrun_league.matchmaker.model_watch import ModelWatch
from trainingrun_league.matchmaker.opponents import Opponents
from trainingrun_league.matchmaker.peer_ratings import PeerRatings
from trainingrun_league.matchmaker.pool import PERSON
from trainingrun_league.matchmaker.records import Records
from trainingrun_league.matchmaker.register import Register
from trainingrun_league.matchmaker.reporting import Reporting
from trainingrun_league.matchmaker.requests import (
    check_tournament,
    player_of,
    purposes_of,
    report_of,
    seats_of,
    wait_of,
    worker_of,
)
from trainingrun_league.matchmaker.seating import Seating, seated_match
from trainingrun_league.matchmaker.signals import Signal, Whole, is_set_within
from trainingrun_league.matchmaker.tournaments import FORMATS, NewTournament, Tournaments
from trainingrun_league.matchmaker.work import Lent, Work
from trainingrun_league.server.caller import caller
from trainingrun_league.store.idempotency import Request, check_key, once

WIDEST: Final = 10_000.0
"""What is answered for a window that takes everybody."""
_MOST_PAGE: Final = 100


@dataclass(frozen=True)
class Parts:
    """What the servicer calls."""

    records: Records
    register: Register
    models: ModelWatch
    ratings: PeerRatings
    opponents: Opponents
    seating: Seating
    lobby: Lobby
    work: Work
    reporting: Reporting
    tournaments: Tournaments
    work_changed: Signal
    clock: Callable[[], float]


class MatchmakerServicer(MatchmakerServiceServicer):
    """See the protocol buffers. Errors leave as ``LeagueError``, which the server translates."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._whole = Whole()

    async def close(self) -> None:
        """Wait for changes whose callers went away."""
        await self._whole.close()

    async def FindMatch(self, request: FindMatchRequest, context: Any) -> FindMatchResponse:
        """Join the queue or wait in it."""
        player, wait = player_of(request.player_id, caller()), wait_of(request.wait)
        lobby = self._parts.lobby
        ticket_id = request.ticket
        if not ticket_id:
            check_key(request.idempotency_key)
            ticket_id = lobby.ticket_id(player, request.idempotency_key)
            if not lobby.holds(ticket_id):
                ticket_id = await self._enter(ticket_id, player, request)
        return await self._seat_or_wait(ticket_id, lobby.place(ticket_id, player), wait)

    async def _enter(self, ticket_id: str, player: str, request: FindMatchRequest) -> str:
        """Return the ticket that the player has now."""
        parts = self._parts
        match request.mode:
            case QueueMode.QUEUE_MODE_RANKED:
                return parts.lobby.join(ticket_id, player, parts.ratings.of(player))
            case QueueMode.QUEUE_MODE_SELF_PLAY:
                opponent = parts.opponents.draw(player)
                purpose = MatchPurpose.MATCH_PURPOSE_RATING
            case QueueMode.QUEUE_MODE_CASUAL:
                opponent = parts.models.player(request.opponent)
                purpose = MatchPurpose.MATCH_PURPOSE_CASUAL
            case _:
                raise InvalidRequest("mode: RANKED, SELF_PLAY or CASUAL")
        if opponent == player:
            raise InvalidRequest(f"opponent: {player} cannot play itself")
        parts.seating.check_room()
        match = _against(ticket_id, player, opponent, purpose, parts.clock())
        await self._whole(parts.lobby.meet(match))
        return ticket_id

    async def _seat_or_wait(self, ticket_id: str, place: Place, wait: float) -> FindMatchResponse:
        lobby = self._parts.lobby
        match = await lobby.wait(place, wait)
        if match is not None:
            seat = match.seat_of(place.player)
            return FindMatchResponse(ticket=ticket_id, match=seated_match(match, seat))
        ticket = lobby.queue.get(ticket_id)
        width = lobby.queue.width(ticket, self._parts.clock()) if ticket else WIDEST
        return FindMatchResponse(
            ticket=ticket_id, window=min(WIDEST, width), waiting=len(lobby.queue)
        )

    async def CancelMatch(self, request: CancelMatchRequest, context: Any) -> CancelMatchResponse:
        """Leave the queue; a ticket that is not there has left already."""
        lobby = self._parts.lobby
        if lobby.holds(request.ticket):
            if caller().audience is Audience.PLAYERS:
                lobby.place(request.ticket, caller().subject)
            lobby.cancel(request.ticket)
        return CancelMatchResponse()

    async def LeaseMatch(self, request: LeaseMatchRequest, context: Any) -> LeaseMatchResponse:
        """Give work to a worker, or wait until there is some."""
        worker, purposes = worker_of(request.worker), purposes_of(request.purposes)
        until = self._parts.clock() + wait_of(request.wait)
        while True:
            changed = self._parts.work_changed.next
            lent: Lent = await self._whole(self._parts.work.take(worker, purposes))
            left = until - self._parts.clock()
            if lent or left <= 0 or not await is_set_within(changed, left):
                return lease_answer(lent)

    async def ReportResult(
        self, request: ReportResultRequest, context: Any
    ) -> ReportResultResponse:
        """Take a report."""
        worker, report = worker_of(request.worker), report_of(request)
        is_repeated = await self._whole(
            self._parts.reporting.report(request.match_id, worker, report)
        )
        return ReportResultResponse(repeated_report=is_repeated)

    async def ReturnWork(self, request: ReturnWorkRequest, context: Any) -> ReturnWorkResponse:
        """Take work back."""
        worker, work = worker_of(request.worker), self._parts.work
        match request.WhichOneof("work"):
            case "match_id":
                await self._whole(work.give_back(worker, request.match_id, request.problem))
            case "validate_model_id":
                work.validations.give_back(request.validate_model_id)
                work.returned.notify()
            case _:
                raise InvalidRequest("work: name a match or a model")
        return ReturnWorkResponse()

    async def KeepSeats(self, request: KeepSeatsRequest, context: Any) -> KeepSeatsResponse:
        """Note which seats are played."""
        worker, match_ids = worker_of(request.worker), seats_of(request)
        return KeepSeatsResponse(lost_match_ids=self._parts.seating.keep(worker, match_ids))

    async def GetQueueStats(
        self, request: GetQueueStatsRequest, context: Any
    ) -> GetQueueStatsResponse:
        """What waits, and how many workers would play it within a minute."""
        return queue_stats(self._parts)

    async def CreateTournament(
        self, request: CreateTournamentRequest, context: Any
    ) -> CreateTournamentResponse:
        """Keep a tournament and make its first matches."""
        check_tournament(request)
        format_ = FORMATS.get(request.format)
        if format_ is None:
            raise InvalidRequest("format: ROUND_ROBIN, SINGLE_ELIMINATION or SWISS")
        plan = Plan(format_, self._entrants(request), request.rounds)
        if problem := problem_of(plan):
            raise InvalidRequest(f"entrants: {problem}")
        new = NewTournament(
            id=f"t{uuid4().hex[:16]}",
            name=request.name,
            format=request.format,
            plan=plan,
            pairs=request.pairs_per_match or 1,
            seed=request.seed % 2**63,
        )
        return await self._whole(self._create(request, new))

    async def _create(
        self, request: CreateTournamentRequest, new: NewTournament
    ) -> CreateTournamentResponse:
        parts = self._parts

        async def act(connection: AsyncConnection) -> CreateTournamentResponse:
            await parts.records.fence.check(connection)
            parts.tournaments.check_room()
            row = await parts.tournaments.insert(connection, new)
            tournament = tournament_of(_Columns(row), ())
            return CreateTournamentResponse(tournament=tournament)

        asked = Request("matchmaker", request.idempotency_key, request, parts.clock())
        answer = await once(parts.records.engine, asked, CreateTournamentResponse, act)
        if answer.tournament.id == new.id:
            await parts.tournaments.begin(new)
        return answer

    def _entrants(self, request: CreateTournamentRequest) -> tuple[str, ...]:
        found = []
        for number, name in enumerate(request.entrants):
            if name.startswith(PERSON):
                found.append(name)
                continue
            try:
                found.append(self._parts.models.player(name))
            except (NotFound, Conflict) as error:
                raise InvalidRequest(f"entrants[{number}]: {error}") from error
        return tuple(found)

    async def GetTournament(
        self, request: GetTournamentRequest, context: Any
    ) -> GetTournamentResponse:
        """A tournament with its matches and standings by now."""
        row = await self._parts.records.tournament(request.id)
        if row is None:
            raise NotFound(f"id: there is no tournament {request.id[:100]!r}")
        matches = await self._parts.records.of_tournament(request.id)
        return GetTournamentResponse(tournament=tournament_of(row, matches))

    async def ListTournaments(
        self, request: ListTournamentsRequest, context: Any
    ) -> ListTournamentsResponse:
        """Tournaments, the newest first."""
        size = min(request.page_size or _MOST_PAGE, _MOST_PAGE)
        before = _position_of(request.page_token)
        rows = await self._parts.records.tournaments_before(size + 1, before)
        token = ""
        if len(rows) > size:
            token = _token_of(rows[size - 1].created_at, rows[size - 1].id)
        tournaments: list[Tournament] = [tournament_of(row, None) for row in rows[:size]]
        return ListTournamentsResponse(tournaments=tournaments, next_page_token=token)

    async def FindTournamentMatch(
        self, request: FindTournamentMatchRequest, context: Any
    ) -> FindTournamentMatchResponse:
        """Seat an entrant in the game that is next for it."""
        player = player_of(request.player_id, caller())
        parts = self._parts
        until = parts.clock() + wait_of(request.wait)
        while True:
            changed = parts.tournaments.changed.next
            match = await self._whole(parts.tournaments.seat(request.tournament_id, player))
            state = await self._state(request.tournament_id)
            if match is not None and match.seats.game_id:
                seat = seated_match(match, match.seat_of(player))
                return FindTournamentMatchResponse(match=seat, state=state)
            left = until - parts.clock()
            is_over = state != TournamentState.TOURNAMENT_STATE_RUNNING
            if is_over or left <= 0 or not await is_set_within(changed, left):
                return FindTournamentMatchResponse(state=state)

    async def _state(self, tournament_id: str) -> TournamentState.ValueType:
        row = await self._parts.records.tournament(tournament_id)
        return TournamentState.ValueType(row.state if row is not None else 0)


class _Columns:
    """A row that is about to be written, as one that was read."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)


def queue_stats(parts: Parts) -> GetQueueStatsResponse:
    """Return what waits now."""
    now, register = parts.clock(), parts.register
    matches = list(register)
    leased = [match for match in matches if match.lease.expires_at > now]
    waits = [now - ticket.joined_at for ticket in parts.lobby.queue]
    pairs = sum(match.pairs for match in matches)
    return GetQueueStatsResponse(
        waiting_players=len(waits),
        oldest_wait_seconds=max(0.0, max(waits, default=0.0)),
        open_matches=len(matches) - len(leased),
        leased_matches=len(leased),
        matches_per_minute=register.matches_per_minute(now),
        wanted_workers=register.durations.wanted_workers(
            pairs, parts.work.waiting(), matches=len(matches)
        ),
        reported_matches=register.reported,
    )


def _against(ticket_id: str, player: str, opponent: str, purpose: int, now: float) -> Match:
    """Return the match of one ticket against a player that workers play for."""
    name = uuid4()
    sides = [(player, ticket_id), (opponent, "")]
    (first, first_ticket), (second, second_ticket) = sides if name.int % 2 else sides[::-1]
    return Match(
        id=name.hex,
        purpose=purpose,
        first=first,
        second=second,
        pairs=1,
        games=1,
        seed=name.int % 2**63,
        created_at=now,
        lease=Lease(MatchState.SEATED),
        tickets=(first_ticket, second_ticket),
    )


def _token_of(moment: float, name: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((moment, name))).decode()


def _position_of(token: str) -> tuple[float, str] | None:
    """Return where a page begins.

    Raises:
        InvalidRequest: the token is none of an earlier answer.
    """
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token[:1000])
        return msgspec.json.decode(text, type=tuple[float, str])
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise InvalidRequest("page_token: it is none of an earlier answer") from None
