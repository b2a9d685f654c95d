"""What to ask of a league for a Tournament, and what to report of it.

Pure over the resource and the league's answer. The league makes a tournament once for each key; the
resource's UID is the key, so that asking again after any crash finds the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_api.conditions import ConditionStatus
from trainingrun_api.league_conditions import (
    LeagueConditionType,
    LeagueEventReason,
    LeagueReason,
)
from trainingrun_api.tournament import StandingStatus, Tournament, TournamentStatus
from trainingrun_contracts.league_report import (
    StandingReport,
    TournamentFormat,
    TournamentOrder,
    TournamentReport,
    TournamentState,
)

from trainingrun_reconciler.desired.conditions import ConditionState
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.outcome import Outcome

COMPLETE: Final = LeagueConditionType.COMPLETE.value
FAILED: Final = LeagueConditionType.FAILED.value
ASK_SECONDS: Final = 5.0
_BEGUN: Final = ConditionState(
    ConditionStatus.FALSE, LeagueReason.PLAYING.value, "matches are played"
)
_NOT_FAILED: Final = ConditionState(
    ConditionStatus.FALSE, LeagueReason.NOT_FAILED.value, "it has not failed"
)


@dataclass(frozen=True)
class Answer:
    """What the league said: a report, a refusal for good, or nothing and why."""

    report: TournamentReport | None = None
    refusal: str = ""
    silence: str = ""


def order_of(tournament: Tournament) -> TournamentOrder:
    """What the league is asked for."""
    spec = tournament.spec
    return TournamentOrder(
        name=tournament.metadata.name,
        entrants=spec.entrants,
        format=TournamentFormat(spec.format),
        pairs_per_match=spec.pairs_per_match,
        rounds=spec.rounds or 0,
        seed=spec.seed,
    )


def decide_tournament(tournament: Tournament, answer: Answer) -> Outcome:
    """The status of a tournament; it has no objects."""
    if tournament.status.end is not None:
        return Outcome(
            status=tournament.status,
            conditions={
                each.type: ConditionState(each.status, each.reason, each.message)
                for each in tournament.status.conditions
            },
        )
    if answer.refusal:
        return _ended(tournament, tournament.status, failure=answer.refusal)
    if answer.report is None:
        return _waiting(tournament, answer.silence)
    status = _with_report(tournament.status, answer.report)
    match answer.report.state:
        case TournamentState.RUNNING:
            return Outcome(
                status=status.model_copy(update={"summary": "playing"}),
                conditions={COMPLETE: _BEGUN, FAILED: _NOT_FAILED},
                events=_begun(tournament),
                requeue_after=ASK_SECONDS,
            )
        case TournamentState.COMPLETE:
            return _ended(tournament, status)
        case TournamentState.FAILED:
            return _ended(tournament, status, failure=answer.report.problem or "it has failed")


def _waiting(tournament: Tournament, silence: str) -> Outcome:
    """The league may start later; nothing that was known is forgotten."""
    state = ConditionState(
        ConditionStatus.FALSE,
        LeagueReason.LEAGUE_NOT_READY.value,
        f"league {tournament.spec.league_ref.name}: {silence}",
    )
    return Outcome(
        status=tournament.status.model_copy(update={"summary": "waiting for its league"}),
        conditions={COMPLETE: state, FAILED: _NOT_FAILED},
        requeue_after=ASK_SECONDS,
    )


def _ended(tournament: Tournament, status: TournamentStatus, *, failure: str = "") -> Outcome:
    if failure:
        said = ConditionState(ConditionStatus.TRUE, LeagueReason.TOURNAMENT_FAILED.value, failure)
        not_complete = ConditionState(
            ConditionStatus.FALSE, LeagueReason.TOURNAMENT_FAILED.value, "it has failed"
        )
        return Outcome(
            status=status.model_copy(update={"summary": "failed"}),
            conditions={COMPLETE: not_complete, FAILED: said},
            events=(RunEvent(LeagueEventReason.TOURNAMENT_FAILED.value, failure, warning=True),),
        )
    winner = status.winner or "no player"
    done = ConditionState(ConditionStatus.TRUE, LeagueReason.PLAYED.value, f"{winner} has won")
    return Outcome(
        status=status.model_copy(update={"summary": "complete"}),
        conditions={COMPLETE: done, FAILED: _NOT_FAILED},
        events=(
            RunEvent(
                LeagueEventReason.TOURNAMENT_COMPLETE.value,
                f"{winner} has won tournament {tournament.metadata.name}",
            ),
        ),
    )


def _begun(tournament: Tournament) -> tuple[RunEvent, ...]:
    if tournament.status.tournament_id is not None:
        return ()
    return (RunEvent(LeagueEventReason.TOURNAMENT_BEGUN.value, "its first matches are open"),)


def _with_report(before: TournamentStatus, report: TournamentReport) -> TournamentStatus:
    standings = tuple(_standing(each) for each in report.standings)
    first = [each.player for each in standings if each.rank == 1]
    is_complete = report.state is TournamentState.COMPLETE
    return before.model_copy(
        update={
            "tournament_id": report.id,
            "round": report.round or None,
            "rounds": report.rounds or None,
            "standings": standings,
            "winner": ", ".join(first) if is_complete and first else None,
        }
    )


def _standing(report: StandingReport) -> StandingStatus:
    return StandingStatus(
        rank=report.rank,
        player=report.player,
        points=report.points,
        tie_break=report.tie_break,
        wins=report.wins,
        draws=report.draws,
        losses=report.losses,
    )
