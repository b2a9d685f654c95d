"""A Tournament: asked with its UID, followed to its end, and left alone from then on."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.resource import SpecError
from trainingrun_api.tournament import TOURNAMENT as DEFINITION
from trainingrun_api.tournament import Tournament, TournamentStatus
from trainingrun_contracts.league_report import (
    StandingReport,
    TournamentFormat,
    TournamentOrder,
    TournamentReport,
    TournamentState,
)
from trainingrun_league.matchmaker.requests import MOST_PAIRS
from trainingrun_reconciler.desired.conditions import next_condition
from trainingrun_reconciler.leagues.tournaments import Answer, decide_tournament, order_of
from trainingrun_reconciler.outcome import Outcome

RUNNING = TournamentReport(
    id="t-1",
    state=TournamentState.RUNNING,
    round=1,
    rounds=3,
    standings=(StandingReport("model/a", 1, 1.0), StandingReport("builtin/random", 2)),
)
COMPLETE = TournamentReport(
    id="t-1",
    state=TournamentState.COMPLETE,
    round=3,
    rounds=3,
    standings=(StandingReport("model/a", 1, 3.0, wins=6), StandingReport("builtin/random", 2)),
)


def tournament(**spec: Any) -> Tournament:
    """A small tournament."""
    fields = {"leagueRef": {"name": "ladder"}, "entrants": ["model/a", "builtin/random"]} | spec
    return DEFINITION.read(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "Tournament",
            "metadata": {"name": "cup", "namespace": "space", "uid": "cup-uid"},
            "spec": fields,
        }
    )


def published(before: Tournament, outcome: Outcome) -> Tournament:
    """The tournament with the status that was decided."""
    conditions = tuple(
        next_condition(before.status.condition(kind), kind, state, generation=1, now=0.0)
        for kind, state in outcome.conditions.items()
    )
    assert isinstance(outcome.status, TournamentStatus)
    status = outcome.status.model_copy(update={"conditions": conditions})
    return before.model_copy(update={"status": status})


def test_the_order_says_what_the_spec_does() -> None:
    """Entrants in their order, and the defaults that the league has for what is left out."""
    given = tournament(format="Swiss", rounds=4, pairsPerMatch=2, seed=7)
    assert order_of(given) == TournamentOrder(
        name="cup",
        entrants=("model/a", "builtin/random"),
        format=TournamentFormat.SWISS,
        pairs_per_match=2,
        rounds=4,
        seed=7,
    )
    assert order_of(tournament()).rounds == 0


def test_it_waits_for_its_league() -> None:
    """A league that is not there is no failure: it may be made later."""
    outcome = decide_tournament(tournament(), Answer(silence="there is no such League yet"))
    assert outcome.conditions["Complete"].reason == "LeagueNotReady"
    assert "league ladder: there is no such League yet" in outcome.conditions["Complete"].message
    assert not outcome.conditions["Failed"].is_true
    assert outcome.requeue_after is not None


def test_it_is_followed() -> None:
    """Rounds and standings are its status; that it has begun is told once."""
    outcome = decide_tournament(tournament(), Answer(report=RUNNING))
    assert [each.reason for each in outcome.events] == ["TournamentBegun"]
    known = published(tournament(), outcome)
    assert (known.status.round, known.status.rounds, known.status.winner) == (1, 3, None)
    assert [each.player for each in known.status.standings] == ["model/a", "builtin/random"]
    assert decide_tournament(known, Answer(report=RUNNING)).events == ()


def test_it_is_complete_with_a_winner_and_never_asked_again() -> None:
    """What has ended stays as it is, whatever a league says later."""
    outcome = decide_tournament(tournament(), Answer(report=COMPLETE))
    known = published(tournament(), outcome)
    assert known.status.winner == "model/a"
    assert known.status.summary == "complete"
    assert known.status.end is not None
    assert outcome.requeue_after is None
    for answer in (Answer(report=RUNNING), Answer(silence="gone"), Answer(refusal="no")):
        later = decide_tournament(known, answer)
        assert published(known, later).status == known.status
        assert later.events == ()


def test_a_tie_has_several_winners() -> None:
    """Players that share the first place have all won."""
    tied = TournamentReport(
        id="t-1",
        state=TournamentState.COMPLETE,
        standings=(StandingReport("model/a", 1), StandingReport("model/b", 1)),
    )
    known = published(tournament(), decide_tournament(tournament(), Answer(report=tied)))
    assert known.status.winner == "model/a, model/b"


def test_a_refusal_is_a_failure_with_the_leagues_words() -> None:
    """An entrant that nobody knows stays unknown."""
    outcome = decide_tournament(tournament(), Answer(refusal="there is no model b"))
    assert outcome.conditions["Failed"].is_true
    assert outcome.conditions["Failed"].message == "there is no model b"
    assert not outcome.conditions["Complete"].is_true
    assert [(each.reason, each.warning) for each in outcome.events] == [("TournamentFailed", True)]


def test_the_resource_takes_what_the_matchmaker_does() -> None:
    """As many pairs a match as it allows, and not one more: refused when it is written."""
    assert tournament(pairsPerMatch=MOST_PAIRS).spec.pairs_per_match == MOST_PAIRS
    with pytest.raises(SpecError, match="pairsPerMatch"):
        tournament(pairsPerMatch=MOST_PAIRS + 1)
