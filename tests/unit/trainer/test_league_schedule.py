"""When weights go to a league: by games, whatever else happens."""

from __future__ import annotations

from trainingrun_trainer.league_schedule import LeagueSchedule


def test_weights_go_after_a_number_of_games() -> None:
    """Expect none before, and the next ones as many games later."""
    schedule = LeagueSchedule(every_games=100, games=0)
    assert [schedule.is_due(games) for games in (0, 99, 100, 250)] == [False, False, True, True]
    later = schedule.after(130)
    assert [later.is_due(games) for games in (131, 229, 230)] == [False, False, True]


def test_a_run_that_resumes_counts_from_where_it_was() -> None:
    """Expect the games before this learner to be no reason."""
    assert not LeagueSchedule(every_games=100, games=5_000).is_due(5_050)


def test_a_count_that_begins_again_is_followed() -> None:
    """Expect weights, not silence until the old count is reached, when Redis lost its data."""
    assert LeagueSchedule(every_games=100, games=5_000).is_due(3)
