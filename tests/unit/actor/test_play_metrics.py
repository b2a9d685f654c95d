"""What an actor counts about itself."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.reporting import Exporter, Gauges
from trainingrun_contracts import metrics
from trainingrun_contracts.metrics import Server, served_by


def test_errors_name_a_bounded_number_of_daemons() -> None:
    """The first 64 daemons are named, all others count together: no label grows for ever."""
    counted = PlayMetrics()
    for number in range(1000):
        counted.count_error(f"10.0.0.1:{number}", "lost")
    counted.count_error("10.0.0.1:0", "refused")
    named = {endpoint for endpoint, _ in counted.errors}
    assert len(named) == metrics.ENDPOINTS_NAMED + 1
    assert counted.errors[metrics.OTHER, "lost"] == 1000 - metrics.ENDPOINTS_NAMED
    assert counted.errors["10.0.0.1:0", "refused"] == 1


def test_games_per_second_are_those_of_the_last_minute() -> None:
    """None at first; then the mean of a sliding minute; games of long ago do not count."""
    counted = PlayMetrics()
    assert counted.games_per_second(now=0.0) is None
    for second in range(1, 31):
        counted.count_game("won", 1.0)
        rate = counted.games_per_second(now=float(second))
        assert rate == pytest.approx(1.0)
    for second in range(31, 95):
        rate = counted.games_per_second(now=float(second))
    assert rate == pytest.approx(0.0)


def test_each_player_serves_its_own_metrics() -> None:
    """The families of an actor and of an evaluator are those that the registry gives them."""
    for server in (Server.ACTOR, Server.EVALUATOR):
        counted = PlayMetrics()
        counted.count_game("won", 3.0)
        exporter = Exporter(counted, server)
        exporter.update(Gauges(weights_version=4, win_rates={"random": 0.7}))
        names = {family.name for family in exporter.collect()}
        wanted = {metric.name.removesuffix("_total") for metric in served_by(server)}
        assert names == wanted
        text = generate_latest(exporter.registry).decode()
        own = "games" if server is Server.ACTOR else "evaluation_games"
        assert f'trainingrun_{own}_total{{outcome="won"}} 1.0' in text
