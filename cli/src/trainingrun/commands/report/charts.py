"""A chart as a figure: drawn in SVG, described in words, with its numbers in a table behind it.

Labels are placed in parts of the width and lines are stretched, so that one drawing fits a phone
and a wide screen with letters of the same size, without a script. The script only shows the values
under the pointer, and it takes them from the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from trainingrun.commands.report.axes import SIDE, Axis, Frame, axis_over
from trainingrun.commands.report.formatting import UNKNOWN, Form, spelled, tick
from trainingrun.commands.report.markup import Markup, data, joined, tag
from trainingrun.commands.report.series import MOST_POINTS, Point, known, thinned
from trainingrun.commands.report.tables import Narrow, table

COLOURS: Final = 6
_ROWS: Final = 40
_DOTS: Final = 40
Band = tuple[float, float, float]
"""x, and the interval's bounds."""


@dataclass(frozen=True)
class ChartSeries:
    """One series, oldest point first; ``band`` is the interval around its points."""

    title: str
    points: Sequence[Point]
    band: Sequence[Band] = ()
    dashed: bool = False
    stepped: bool = False
    """Whether a value holds until the next one."""


@dataclass(frozen=True)
class Level:
    """A horizontal line: something that is fixed."""

    y: float
    title: str


@dataclass(frozen=True)
class Mark:
    """A vertical line: something that happened."""

    x: float
    title: str


@dataclass(frozen=True)
class Chart:
    """All that is drawn. ``key`` names it in the page; ``nothing`` is said where no point is.

    ``bounds`` are values that the vertical axis holds whatever the points are.
    """

    key: str
    title: str
    x_title: str
    lines: Sequence[ChartSeries]
    form: Form = Form.NUMBER
    bounds: Sequence[float] = (0.0,)
    levels: Sequence[Level] = ()
    marks: Sequence[Mark] = ()
    has_dots: bool = False
    nothing: str = "nothing is known yet"
    note: str = ""


def figure(chart: Chart) -> Markup:
    """Return the chart with its title, legend and table."""
    head = tag("figcaption", tag("strong", chart.title), _legend(chart))
    note = tag("p", chart.note, class_="note") if chart.note else Markup()
    if not any(True for line in chart.lines for _ in known(line.points)):
        empty = tag("p", chart.nothing, class_="empty")
        return tag("figure", head, empty, note, id=chart.key)
    lines = [
        replace(line, points=thinned(line.points), band=_thin_band(line.band))
        for line in chart.lines
    ]
    frame = _frame(chart, lines)
    drawing = tag(
        "svg",
        tag("title", chart.title, id=f"{chart.key}-title"),
        tag("desc", description(chart), id=f"{chart.key}-words"),
        *_grid(frame, chart),
        _stretched(frame, lines),
        *(_dots(frame, line, index, every=chart.has_dots) for index, line in enumerate(lines)),
        *_levels(frame, chart.levels),
        *_marks(frame, chart.marks),
        tag("line", class_="cursor", y1="0", y2="100%", x1="0", x2="0"),
        role="img",
        tabindex="0",
        height="190",
        width="100%",
        aria_labelledby=f"{chart.key}-title {chart.key}-words",
    )
    hint = tag("div", class_="hint", hidden=True)
    plot = tag("div", drawing, hint, _numbers(chart, lines, frame), class_="plot")
    x_title = tag("p", chart.x_title, class_="axis")
    return tag("figure", head, plot, x_title, note, _behind(chart), id=chart.key)


def description(chart: Chart) -> str:
    """Return what a chart shows, in a sentence per line."""
    said = []
    for line in chart.lines:
        there = list(known(line.points))
        if not there:
            said.append(f"{line.title}: nothing is known.")
            continue
        values = [y for _, y in there]
        low, high, last = (spelled(v, chart.form) for v in (min(values), max(values), values[-1]))
        said.append(f"{line.title}: from {low} to {high}, at last {last}.")
    return " ".join([*said, f"Over {chart.x_title}."])


def _legend(chart: Chart) -> Markup:
    if len(chart.lines) < 2:
        return Markup()
    names = (
        tag("span", tag("i", class_=_class("key", index, line)), line.title)
        for index, line in enumerate(chart.lines)
    )
    return tag("span", *names, class_="legend")


def _class(base: str, index: int, line: ChartSeries) -> str:
    return f"{base} c{index % COLOURS}" + (" dashed" if line.dashed else "")


def _frame(chart: Chart, lines: Sequence[ChartSeries]) -> Frame:
    across = [x for line in lines for x, _ in known(line.points)]
    marked = [mark.x for mark in chart.marks]
    values = [y for line in lines for _, y in known(line.points)]
    edges = [edge for line in lines for _, low, high in line.band for edge in (low, high)]
    levels = [level.y for level in chart.levels]
    heights = axis_over(
        [*values, *edges, *levels, *chart.bounds], most=4, whole=chart.form is Form.COUNT
    )
    return Frame(axis_over([0.0, *across, *marked], most=5, rounded=False), heights)


def _grid(frame: Frame, chart: Chart) -> list[Markup]:
    found = []
    for value in frame.y.ticks:
        at = frame.down_percent(value)
        found.append(tag("line", class_="grid", x1="0", x2="100%", y1=at, y2=at))
        label = tick(value, frame.y.step, chart.form)
        found.append(tag("text", label, class_="y", x="-8", y=at, dy="0.32em"))
    for value in frame.x.ticks:
        found.append(_x_label(frame.x, value, frame.across_percent(value)))
    return found


def _x_label(axis: Axis, value: float, at: str) -> Markup:
    part = axis.part(value)
    anchor = "start" if part < 0.02 else "end" if part > 0.97 else "middle"
    label = tick(value, axis.step, Form.NUMBER)
    return tag("text", label, class_="x", x=at, y="100%", dy="1.5em", text_anchor=anchor)


def _stretched(frame: Frame, lines: Sequence[ChartSeries]) -> Markup:
    parts = [
        tag("path", class_=f"band c{index % COLOURS}", d=_area(frame, line.band))
        for index, line in enumerate(lines)
        if len(line.band) > 1
    ]
    parts += [
        tag(
            "path",
            class_=_class("line", index, line),
            d=_path(frame, line),
            vector_effect="non-scaling-stroke",
        )
        for index, line in enumerate(lines)
    ]
    side = f"{SIDE:.0f}"
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {side} {side}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
        aria_hidden="true",
    )


def _path(frame: Frame, line: ChartSeries) -> str:
    """Lines between neighbours that are both known."""
    written, is_down = [], False
    for x, y in line.points:
        if y is None or not math.isfinite(y):
            is_down = False
            continue
        across, down = frame.across(x), frame.down(y)
        step = f"H{across}V{down}" if line.stepped else f"L{across} {down}"
        written.append(step if is_down else f"M{across} {down}")
        is_down = True
    return "".join(written)


def _area(frame: Frame, band: Sequence[Band]) -> str:
    over = [f"{frame.across(x)} {frame.down(high)}" for x, _, high in band]
    under = [f"{frame.across(x)} {frame.down(low)}" for x, low, _ in reversed(band)]
    return "M" + "L".join([*over, *under]) + "Z"


def _thin_band(band: Sequence[Band]) -> Sequence[Band]:
    """Return every n-th; the ends are kept."""
    every = max(1, math.ceil(len(band) / MOST_POINTS))
    return band if every == 1 else [*band[:-1:every], band[-1]]


def _dots(frame: Frame, line: ChartSeries, index: int, *, every: bool) -> Markup:
    """Return a dot where a point was measured; always where it has no neighbour to be joined
    with."""
    there = list(known(line.points))
    if not (len(there) == 1 or (every and len(there) <= _DOTS)):
        return Markup()
    colour = f"c{index % COLOURS}"
    bars = (
        tag(
            "line",
            class_=f"bar {colour}",
            x1=frame.across_percent(x),
            x2=frame.across_percent(x),
            y1=frame.down_percent(low),
            y2=frame.down_percent(high),
        )
        for x, low, high in line.band
    )
    dots = (
        tag(
            "circle",
            class_=f"dot {colour}",
            r="3.5",
            cx=frame.across_percent(x),
            cy=frame.down_percent(y),
        )
        for x, y in there
    )
    return joined([*bars, *dots])


def _levels(frame: Frame, levels: Sequence[Level]) -> list[Markup]:
    found = []
    for level in levels:
        at = frame.down_percent(level.y)
        found.append(tag("line", class_="level", x1="0", x2="100%", y1=at, y2=at))
        found.append(tag("text", level.title, class_="level", x="100%", y=at, dx="-4", dy="-4"))
    return found


def _marks(frame: Frame, marks: Sequence[Mark]) -> list[Markup]:
    found = []
    for mark in marks:
        at = frame.across_percent(mark.x)
        stroke = tag("line", class_="mark", x1=at, x2=at, y1="0", y2="100%")
        head = tag("circle", class_="mark", cx=at, cy="0", r="4")
        found.append(tag("g", tag("title", mark.title), stroke, head))
    return found


def _numbers(chart: Chart, lines: Sequence[ChartSeries], frame: Frame) -> Markup:
    """Return what the script shows under the pointer."""
    return data(
        {
            "form": chart.form.value,
            "x": [_short(frame.x.low), _short(frame.x.high), chart.x_title],
            "lines": [
                [line.title, [[_short(x), _short(y)] for x, y in known(line.points)]]
                for line in lines
            ],
        }
    )


def _short(value: float) -> float:
    """Five significant digits are more than anybody reads."""
    return float(f"{value:.5g}")


def _behind(chart: Chart) -> Markup:
    """Return the numbers as a table; every n-th of them where there are more than fit."""
    across = sorted({x for line in chart.lines for x, _ in line.points})
    every = max(1, math.ceil(len(across) / _ROWS))
    chosen = across[::-1][::every][::-1]  # the last one is always among them
    columns = [dict(line.points) for line in chart.lines]
    rows = [
        [spelled(x, Form.NUMBER), *(_cell(column.get(x), chart.form) for column in columns)]
        for x in chosen
    ]
    titles = [chart.x_title, *(line.title for line in chart.lines)]
    part = "" if every == 1 else f" (every {every}. of {len(across)} points)"
    inner = table(titles, rows, caption=chart.title + part, narrow=Narrow.NUMBERS)
    return tag("details", tag("summary", f"Numbers: {chart.title}"), inner)


def _cell(value: float | None, form: Form) -> str:
    return UNKNOWN if value is None else spelled(value, form)
