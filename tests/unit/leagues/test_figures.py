"""What the operator tells Prometheus of leagues."""

from __future__ import annotations

from trainingrun_api.league import LeagueStatus
from trainingrun_contracts.league_report import LeagueReport, QueueReport
from trainingrun_contracts.metrics import Server, served_by
from trainingrun_reconciler.leagues.decide import Heard
from trainingrun_reconciler.leagues.figures import league_families

from testkit.operator.leagues import PlayedLeague, league

REPORT = LeagueReport(models=1, champion="m1", queue=QueueReport(wanted_workers=3))
OWNER = {"namespace": "space", "league": "ladder"}


def test_a_league_that_serves_says_so() -> None:
    """Expect its conditions, services and workers, each with its namespace and name."""
    played = PlayedLeague(league(), ready=True)
    played.heard = Heard(report=REPORT)
    played.settle()
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in league_families([played.league])
        for sample in family.samples
    }
    owner = sorted(OWNER.items())

    def value(name: str, **labels: str) -> float:
        return found[(f"trainingrun_league_{name}", *sorted([*owner, *labels.items()]))]

    assert value("condition", type="Ready") == 1
    assert value("services") == 5
    assert value("workers", state="wanted") == 3
    assert value("workers_max") == 2


def test_what_is_not_known_has_no_sample() -> None:
    """Absent is not zero: of a league that was made a moment ago only its spec is known."""
    fresh = league().model_copy(update={"status": LeagueStatus()})
    families = list(league_families([fresh]))
    assert {each.name for each in families} == {each.name for each in served_by(Server.LEAGUES)}
    assert [s.name for each in families for s in each.samples] == ["trainingrun_league_workers_max"]
