"""Which replay tables the keeper of runs calls over."""

from __future__ import annotations

from trainingrun_contracts.league_report import TableMarks, TableReport
from trainingrun_reconciler.leagues.run_tables import MOST_MARKED, marks_of


def test_what_the_league_knows_already_is_not_said_again() -> None:
    """Runs that go on and are not called over, and those that are over and are."""
    tables = (TableReport("goes-on"), TableReport("over", ended=True))
    assert marks_of(tables, {"goes-on": False, "over": True, "another": False}) is None
    assert marks_of((), {"a": True}) is None


def test_ended_and_deleted_runs_are_over_and_those_that_go_on_again_are_not() -> None:
    """A run that was deleted has no entry; one that failed and goes on takes its end back."""
    tables = (TableReport("over"), TableReport("deleted"), TableReport("again", ended=True))
    found = marks_of(tables, {"over": True, "again": False})
    assert found == TableMarks(ended=("over", "deleted"), live=("again",))


def test_a_message_is_bounded() -> None:
    """The rest is said with the next report."""
    found = marks_of([TableReport(str(each)) for each in range(2 * MOST_MARKED)], {})
    assert found is not None
    assert len(found.ended) == MOST_MARKED
