"""Values as the messages that callers get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from trainingrun_contracts.league.v1.common_pb2 import MatchPurpose
from trainingrun_contracts.league.v1.matchmaker_pb2 import (
    LeasedMatch,
    LeaseMatchResponse,
    Standing,
    Tournament,
    TournamentFormat,
    TournamentMatch,
    TournamentState,
)

from trainingrun_league.matchmaker.brackets.progress import pairings, ranking
from trainingrun_league.matchmaker.brackets.values import Outcome, Pairing, Plan, winner_of
from trainingrun_league.matchmaker.deliveries import score_of
from trainingrun_league.matchmaker.matches import Match
from trainingrun_league.matchmaker.pool import Results
from trainingrun_league.matchmaker.seating import seated_match
from trainingrun_league.matchmaker.tournaments import match_id_of, outcomes_of, plan_of
from trainingrun_league.matchmaker.work import Lent


def lease_answer(lent: Lent) -> LeaseMatchResponse:
    """Return what a worker got; an empty message where it got nothing."""
    if lent.match is not None:
        return LeaseMatchResponse(match=_leased(lent.match))
    if lent.seat is not None:
        return LeaseMatchResponse(
            seat=seated_match(lent.seat, lent.seat_number),
            seat_player=lent.seat.player_at(lent.seat_number),
        )
    if lent.validate:
        return LeaseMatchResponse(validate_model_id=lent.validate)
    return LeaseMatchResponse()


def _leased(match: Match) -> LeasedMatch:
    return LeasedMatch(
        match_id=match.id,
        first=match.first,
        second=match.second,
        purpose=MatchPurpose.ValueType(match.purpose),
        pairs=match.pairs,
        seed=match.seed,
        expires_at=time_of(match.lease.expires_at),
    )


def tournament_of(row: Any, matches: Sequence[Match] | None) -> Tournament:
    """Return a tournament; without matches and standings where they are not given."""
    answer = Tournament(
        id=row.id,
        name=row.name,
        format=TournamentFormat.ValueType(row.format),
        state=TournamentState.ValueType(row.state),
        entrants=plan_of(row).entrants,
        pairs_per_match=row.pairs,
        rounds=row.rounds,
        problem=row.problem,
        created_at=time_of(row.created_at),
    )
    if row.completed_at is not None:
        answer.completed_at.CopyFrom(time_of(row.completed_at))
    if matches is not None:
        _add_matches(answer, plan_of(row), row.id, matches)
    return answer


def _add_matches(
    answer: Tournament, plan: Plan, tournament_id: str, matches: Sequence[Match]
) -> None:
    outcomes = outcomes_of(matches)
    by_place = {(outcome.round, outcome.table): outcome for outcome in outcomes}
    called = pairings(plan, outcomes)
    for pairing in called:
        outcome = by_place.get((pairing.round, pairing.table))
        answer.matches.append(_tournament_match(plan, tournament_id, pairing, outcome))
    waiting = [
        pairing.round
        for pairing in called
        if pairing.second and (pairing.round, pairing.table) not in by_place
    ]
    answer.round = min(waiting, default=max(pairing.round for pairing in called))
    for standing in ranking(plan, outcomes):
        results = Results(standing.wins, standing.draws, standing.losses)
        answer.standings.append(
            Standing(
                player_id=standing.player,
                rank=standing.rank,
                points=standing.points,
                tie_break=standing.tie_break,
                score=score_of(results),
            )
        )


def _tournament_match(
    plan: Plan, tournament_id: str, pairing: Pairing, outcome: Outcome | None
) -> TournamentMatch:
    answer = TournamentMatch(round=pairing.round, first=pairing.first, second=pairing.second)
    if not pairing.second:
        answer.winner = pairing.first
        return answer
    answer.match_id = match_id_of(tournament_id, pairing)
    if outcome is not None:
        answer.score.CopyFrom(score_of(Results(outcome.wins, outcome.draws, outcome.losses)))
        answer.winner = winner_of(plan, outcome)
    return answer


def time_of(seconds: float) -> Timestamp:
    """Return a moment as a message."""
    moment = Timestamp()
    moment.FromMilliseconds(int(seconds * 1000))
    return moment
