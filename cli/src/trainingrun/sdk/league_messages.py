"""Messages of the league's services as the SDK's values, and back.

What a league of a newer version, or one that means harm, says beyond the protocol is an answer that
cannot be read (``Refused``), and no error of protocol buffers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from trainingrun_contracts.league.v1 import common_pb2, elo_pb2, matchmaker_pb2, model_pb2
from trainingrun_contracts.league.v1.replay_pb2 import GetStatsResponse, Table

from trainingrun.sdk.errors import Refused
from trainingrun.sdk.league_values import (
    Model,
    ModelHistory,
    PlayedMatch,
    Queue,
    RankedPlayer,
    Ratings,
    ReplayStats,
    ReplayTable,
    Role,
    Score,
    Stage,
    StageChange,
    Standing,
    Tournament,
    TournamentFormat,
    TournamentRequest,
)

STAGES: Final = {
    Stage.PENDING: model_pb2.STAGE_PENDING_VALIDATION,
    Stage.VALIDATED: model_pb2.STAGE_VALIDATED,
    Stage.CHAMPION: model_pb2.STAGE_PROMOTED,
    Stage.REJECTED: model_pb2.STAGE_REJECTED,
    Stage.RETIRED: model_pb2.STAGE_RETIRED,
}
_STAGE_OF: Final = {number: stage for stage, number in STAGES.items()}
_ROLE_OF: Final = {
    model_pb2.POPULATION_ROLE_MAIN_EXPLOITER: Role.MAIN_EXPLOITER,
    model_pb2.POPULATION_ROLE_LEAGUE_EXPLOITER: Role.LEAGUE_EXPLOITER,
}
"""A model that was published under no role is a main one."""
FORMATS: Final = {
    TournamentFormat.ROUND_ROBIN: matchmaker_pb2.TOURNAMENT_FORMAT_ROUND_ROBIN,
    TournamentFormat.SINGLE_ELIMINATION: matchmaker_pb2.TOURNAMENT_FORMAT_SINGLE_ELIMINATION,
    TournamentFormat.SWISS: matchmaker_pb2.TOURNAMENT_FORMAT_SWISS,
}
_FORMAT_OF: Final = {number: each for each, number in FORMATS.items()}
Known = TypeVar("Known")


def model_of(message: model_pb2.Model) -> Model:
    """Return a model."""
    checked = message.validation if message.HasField("validation") else None
    return Model(
        id=message.id,
        lineage=message.lineage,
        version=message.version,
        stage=_known(_STAGE_OF, message.stage, "stage"),
        reason=message.reason,
        algorithm=message.algorithm,
        simulations=message.simulations,
        training_games=message.training_games,
        sha256=message.sha256,
        size=message.size_bytes,
        schema_hash=message.schema_hash,
        published_at=_moment(message.published_at),
        role=_ROLE_OF.get(message.role, Role.MAIN),
        parent=message.parent or None,
        problem=(checked.problem or None) if checked else None,
        decisions_per_second=(checked.decisions_per_second or None) if checked else None,
    )


def history_of(message: model_pb2.GetModelResponse) -> ModelHistory:
    """Return a model with its history."""
    return ModelHistory(
        model_of(message.model),
        tuple(map(_change_of, message.changes)),
        tuple(map(model_of, message.ancestors)),
    )


def ratings_of(players: Iterable[elo_pb2.Player], fitted_at: Timestamp | None) -> Ratings:
    """Return the ratings of all players."""
    return Ratings(
        tuple(map(_player_of, players)), _moment(fitted_at) if fitted_at is not None else None
    )


def match_of(message: elo_pb2.MatchResult) -> PlayedMatch:
    """Return a match."""
    purpose = _name_of(common_pb2.MatchPurpose, message.purpose, "purpose of a match")
    return PlayedMatch(
        id=message.match_id,
        at=_moment(message.played_at),
        purpose=purpose.removeprefix("MATCH_PURPOSE_").lower(),
        first=message.first,
        second=message.second,
        score=_score_of(message.score),
    )


def queue_of(message: matchmaker_pb2.GetQueueStatsResponse) -> Queue:
    """Return what the Matchmaker has before it."""
    return Queue(
        waiting_players=message.waiting_players,
        oldest_wait_seconds=message.oldest_wait_seconds,
        open_matches=message.open_matches,
        leased_matches=message.leased_matches,
        matches_per_minute=message.matches_per_minute,
        wanted_workers=message.wanted_workers,
        reported_matches=message.reported_matches,
    )


def tournament_of(message: matchmaker_pb2.Tournament) -> Tournament:
    """Return a tournament."""
    state = _name_of(matchmaker_pb2.TournamentState, message.state, "state of a tournament")
    return Tournament(
        id=message.id,
        name=message.name,
        format=_known(_FORMAT_OF, message.format, "format of a tournament"),
        state=state.removeprefix("TOURNAMENT_STATE_").lower(),
        round=message.round,
        rounds=message.rounds,
        entrants=tuple(message.entrants),
        standings=tuple(map(_standing_of, message.standings)),
        problem=message.problem,
    )


def create_request(
    request: TournamentRequest, *, key: str
) -> matchmaker_pb2.CreateTournamentRequest:
    """Return the request for a tournament."""
    return matchmaker_pb2.CreateTournamentRequest(
        idempotency_key=key,
        name=request.name,
        format=FORMATS[request.format],
        entrants=request.entrants,
        pairs_per_match=request.pairs_per_match or 0,
        rounds=request.rounds or 0,
        seed=request.seed,
    )


def replay_stats_of(message: GetStatsResponse) -> ReplayStats:
    """Return what the Replay service holds."""
    return ReplayStats(
        items=message.items,
        experiences=message.experiences,
        bytes=message.bytes,
        recorded=message.recorded,
        sampled=message.sampled,
        evicted=message.evicted,
        archived=message.archived,
        samples_per_insert=message.samples_per_insert,
        recorded_per_second=message.recorded_per_second,
        sampled_per_second=message.sampled_per_second,
        writers_held_seconds=message.writers_held_seconds,
        readers_held_seconds=message.readers_held_seconds,
        readable=message.readable,
    )


def replay_table_of(message: Table) -> ReplayTable:
    """Return a table."""
    ended = _moment(message.ended_at) if message.HasField("ended_at") else None
    return ReplayTable(
        name=message.name,
        items=message.items,
        experiences=message.experiences,
        bytes=message.bytes,
        journal_bytes=message.journal_bytes,
        keeper=message.keeper,
        idle_seconds=message.idle.ToMilliseconds() / 1000,
        is_used=message.in_use,
        ended_at=ended,
        goes_at=None if ended is None else ended + message.keep_ended.ToTimedelta(),
        problem=message.problem,
    )


def _change_of(message: model_pb2.StageChange) -> StageChange:
    return StageChange(
        at=_moment(message.at),
        before=_STAGE_OF.get(message.before),
        after=_known(_STAGE_OF, message.after, "stage"),
        by=message.by,
        reason=message.reason,
    )


def _player_of(message: elo_pb2.Player) -> RankedPlayer:
    is_rated = message.rank > 0
    return RankedPlayer(
        id=message.id,
        rank=message.rank if is_rated else None,
        elo=message.rating.elo if is_rated else None,
        error=message.rating.error if is_rated else None,
        games=message.rating.games,
    )


def _standing_of(message: matchmaker_pb2.Standing) -> Standing:
    return Standing(
        rank=message.rank,
        player=message.player_id,
        points=message.points,
        tie_break=message.tie_break,
        score=_score_of(message.score),
    )


def _score_of(message: common_pb2.Score) -> Score:
    return Score(message.wins, message.draws, message.losses)


def _moment(stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _unreadable("moment", stamp.seconds) from error


def _known(names: Mapping[Any, Known], number: int, what: str) -> Known:
    try:
        return names[number]
    except KeyError as error:
        raise _unreadable(what, number) from error


def _name_of(enumeration: Any, number: int, what: str) -> str:
    try:
        name: str = enumeration.Name(number)
    except ValueError as error:
        raise _unreadable(what, number) from error
    return name


def _unreadable(what: str, number: int) -> Refused:
    return Refused(
        f"the league answers with a {what} ({number}) that this version does not know: install the"
        " version of trainingrun that the league has"
    )
