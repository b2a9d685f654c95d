"""The registry of metrics is sound, and numbers become what Prometheus reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from trainingrun_contracts import metrics
from trainingrun_contracts.distribution import Distribution
from trainingrun_contracts.exposition import family, histogram, labelled, value
from trainingrun_contracts.metrics import ALL, Kind, Metric, Server, served_by

from tools import metrics_page

PAGE = Path(__file__).parents[3] / "docs/reference/metrics.md"
BOUNDS = (1.0, 2.0, 5.0, 10.0)


def test_names_are_unique_and_in_prometheus_form() -> None:
    """One definition a name; counters end in _total and nothing else does."""
    names = [metric.name for metric in ALL]
    assert len(names) == len(set(names))
    for metric in ALL:
        assert re.fullmatch(r"trainingrun_[a-z0-9_]+", metric.name)
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total"), metric.name
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name
        assert metric.text.endswith("."), metric.name


def test_every_metric_is_served_and_documented() -> None:
    """Each has a server and a row on the page, and the page is the generated one."""
    page = PAGE.read_text()
    assert page == metrics_page.page()
    assert {metric for server in Server for metric in served_by(server)} == set(ALL)
    for metric in ALL:
        assert page.count(f"| `{metric.name}` |") == len(metric.servers)


def test_game_durations_fit_the_documents() -> None:
    """The buckets reach from below a second to the time limit of two minutes."""
    assert {1, 2, 5, 10, 20, 30, 60, 120} <= set(metrics.GAME_SECONDS.buckets)
    assert metrics.GAME_SECONDS.buckets[0] < 1


def _text(*families: object) -> str:
    class Fixed:
        def collect(self) -> tuple[object, ...]:
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Fixed())  # type: ignore[arg-type]
    return generate_latest(registry).decode()


def test_families_read_as_prometheus_has_them() -> None:
    """Counters, gauges and histograms with their help, type, labels and bounds."""
    spread = Distribution(metrics.GAME_SECONDS.buckets)
    spread.observe(3.0)
    spread.observe(500.0)
    text = _text(
        labelled(metrics.GAMES, {"won": 3}),
        value(metrics.QUEUE_DEPTH, 12),
        family(metrics.DAEMON_ERRORS, [(("h:1", "lost"), 2)]),
        histogram(metrics.GAME_SECONDS, spread),
    )
    assert "# TYPE trainingrun_games_total counter" in text
    assert 'trainingrun_games_total{outcome="won"} 3.0' in text
    assert "trainingrun_queue_transitions 12.0" in text
    assert 'trainingrun_daemon_errors_total{endpoint="h:1",kind="lost"} 2.0' in text
    assert 'trainingrun_game_seconds_bucket{le="2"} 0.0' in text
    assert 'trainingrun_game_seconds_bucket{le="5"} 1.0' in text
    assert 'trainingrun_game_seconds_bucket{le="120"} 1.0' in text
    assert 'trainingrun_game_seconds_bucket{le="+Inf"} 2.0' in text
    assert "trainingrun_game_seconds_sum 503.0" in text


def test_what_is_not_known_has_no_sample() -> None:
    """Absent is not zero: the family is there, with its help, and empty."""
    text = _text(value(metrics.QUEUE_DEPTH, None))
    assert "# HELP trainingrun_queue_transitions" in text
    assert "\ntrainingrun_queue_transitions" not in text


def test_labels_that_do_not_fit_are_a_bug() -> None:
    """A sample with other labels than the definition raises, and so does a histogram of numbers."""
    with pytest.raises(ValueError, match="has the labels"):
        labelled(metrics.DAEMON_ERRORS, {"h:1": 1})
    with pytest.raises(ValueError, match="needs a distribution"):
        value(metrics.GAME_SECONDS, 1.0)


def _slow_counts(values: list[float]) -> tuple[int, ...]:
    counts = [sum(each <= bound for each in values) for bound in BOUNDS]
    return (*counts, len(values))


@given(st.lists(st.floats(0, 20), max_size=50))
def test_distributions_count_as_the_obvious_way_does(values: list[float]) -> None:
    """Cumulated counts and sum of any values equal counting them one by one."""
    spread = Distribution(BOUNDS)
    for each in values:
        spread.observe(each)
    assert spread.cumulated == _slow_counts(values)
    assert spread.sum == pytest.approx(sum(values))


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=50), st.floats(0.01, 1))
def test_quantiles_lie_in_the_right_bucket(values: list[float], fraction: float) -> None:
    """At least that many values are at or below the bound of the bucket that the quantile is in,
    and fewer are at or below the bound before it."""
    spread = Distribution(BOUNDS)
    for each in values:
        spread.observe(each)
    found = spread.quantile(fraction)
    assert found is not None
    above = min(bound for bound in BOUNDS if bound >= found - 1e-9)
    assert sum(each <= above for each in values) >= fraction * len(values) - 1e-9


def test_quantiles_at_the_edges() -> None:
    """Nothing observed: None. Beyond the last bound: the last bound. Several at once count."""
    spread = Distribution(BOUNDS)
    assert spread.quantile(0.95) is None
    spread.observe(1.5, times=10)
    assert spread.quantile(0.5) == pytest.approx(1.5)
    spread.observe(99.0, times=990)
    assert spread.quantile(0.95) == 10.0


def test_a_metric_is_a_value() -> None:
    """Definitions can be keys, as what turns numbers into families needs."""
    again = Metric(
        name=metrics.RUNS.name,
        kind=metrics.RUNS.kind,
        text=metrics.RUNS.text,
        unit=metrics.RUNS.unit,
        source=metrics.RUNS.source,
        servers=metrics.RUNS.servers,
    )
    assert {metrics.RUNS: 1}[again] == 1
