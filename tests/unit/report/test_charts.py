"""Charts: what is drawn is what is known, it is described in words, and its numbers are there."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from trainingrun.commands.report.axes import axis_over
from trainingrun.commands.report.charts import Chart, ChartSeries, Level, Mark, description, figure
from trainingrun.commands.report.formatting import UNKNOWN, Form, number, percent, size, tick

FINITE = st.floats(-1e9, 1e9, allow_nan=False)


def chart(*lines: ChartSeries, **more: object) -> Chart:
    """A chart over minutes."""
    return Chart("queue", "Queue", "minutes", lines, **more)  # type: ignore[arg-type]


def path_of(drawn: str) -> str:
    """The line that was drawn."""
    found = re.search(r'class="line[^"]*" d="([^"]*)"', drawn)
    assert found is not None
    return found.group(1)


def test_a_line_stops_where_nothing_is_known() -> None:
    """Expect two strokes around a gap, and none across it."""
    drawn = figure(
        chart(ChartSeries("queued", [(0, 1.0), (1, 2.0), (2, None), (3, 1.0), (4, 2.0)]))
    )
    assert path_of(drawn).count("M") == 2
    assert path_of(drawn).count("L") == 2


def test_a_value_that_holds_is_drawn_in_steps() -> None:
    """Expect no slope between one daemon and two."""
    drawn = figure(chart(ChartSeries("ready", [(0, 1.0), (1, 2.0)], stepped=True)))
    assert "L" not in path_of(drawn)
    assert "H" in path_of(drawn)


@pytest.mark.parametrize("points", [[], [(0.0, None)]])
def test_nothing_known_is_said_and_not_drawn(points: list[tuple[float, float | None]]) -> None:
    """Expect the sentence, and no drawing."""
    drawn = figure(chart(ChartSeries("queued", points), nothing="no sample yet"))
    assert "no sample yet" in drawn
    assert "<svg" not in drawn


def test_one_point_is_a_dot() -> None:
    """Expect something to be seen of a single measurement, with its interval."""
    drawn = figure(chart(ChartSeries("engine", [(5, 0.6)], band=[(5, 0.4, 0.8)])))
    assert drawn.count("<circle") == 1
    assert 'class="bar c0"' in drawn


def test_levels_and_marks_are_drawn_and_named() -> None:
    """Expect the water mark's words, and the decision's as its title."""
    drawn = figure(
        chart(
            ChartSeries("queued", [(0, 1.0), (10, 3.0)]),
            levels=[Level(100, "actors pause")],
            marks=[Mark(4, "ScaledUp: more")],
        )
    )
    assert ">actors pause</text>" in drawn
    assert "<title>ScaledUp: more</title>" in drawn
    assert ">100</text>" in drawn  # the axis reaches the level


def test_a_chart_is_described_and_has_its_numbers_behind_it() -> None:
    """Expect words for who does not see it, a table, and the same numbers for the script."""
    one = chart(ChartSeries("queued", [(0, 1.0), (1, 5.0), (2, 2.0)]))
    assert description(one) == "queued: from 1 to 5, at last 2. Over minutes."
    drawn = figure(one)
    assert 'role="img"' in drawn
    assert "<td>5</td>" in drawn
    found = re.search(r'<script type="application/json">(.*?)</script>', drawn)
    assert found is not None
    assert json.loads(found.group(1))["lines"] == [["queued", [[0, 1], [1, 5], [2, 2]]]]


def test_a_long_series_has_a_short_table_that_says_so() -> None:
    """Expect the last row to be there, and the number of those that are not."""
    drawn = figure(chart(ChartSeries("queued", [(float(x), float(x)) for x in range(1000)])))
    assert drawn.count("<tr>") == 41
    assert "every 25. of 1000 points" in drawn
    assert "<td>999</td>" in drawn


@given(st.lists(FINITE, min_size=1, max_size=20), st.integers(2, 8))
@example([5e-324], 2)
@example([-5e-324, 0.0], 2)
def test_an_axis_holds_its_values(values: list[float], most: int) -> None:
    """Expect every value between the ends, and few ticks, within them."""
    axis = axis_over(values, most=most)
    slack = 1e-6 * max(1e-6, *(abs(value) for value in values))
    assert axis.low < axis.high
    assert axis.low - slack <= min(values)
    assert max(values) <= axis.high + slack
    assert 1 <= len(axis.ticks) <= most + 3


def test_whole_things_have_whole_ticks() -> None:
    """Expect no half daemons."""
    assert axis_over([0, 1], most=4, whole=True).ticks == [0, 1]


def test_numbers_are_spelled_for_people() -> None:
    """Expect three digits, separators, and no more than is known."""
    assert [number(each) for each in (None, 0, 0.04471, 7.5, 276.4, 12345.6)] == [
        UNKNOWN,
        "0",
        "0.0447",
        "7.5",
        "276",
        "12,346",
    ]
    assert [percent(each) for each in (None, 0.925, 0.5, 0.0004)] == [UNKNOWN, "92.5%", "50%", "0%"]
    assert [size(each) for each in (None, 12, 12_345, 1_440_000, 2_000_000_000)] == [
        UNKNOWN,
        "12 B",
        "12.3 kB",
        "1.44 MB",
        "2 GB",
    ]
    assert tick(0.25, 0.25, Form.NUMBER) == "0.25"
    assert tick(2500, 500, Form.NUMBER) == "2,500"
    assert tick(0.75, 0.25, Form.PERCENT) == "75%"
