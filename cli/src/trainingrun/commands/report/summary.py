"""The top of the page: how the run stands, in figures that are read first."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun

from trainingrun.commands.durations import described
from trainingrun.commands.report.formatting import UNKNOWN, count, number, percent
from trainingrun.commands.report.markup import Markup, tag
from trainingrun.commands.report.material import Material
from trainingrun.commands.runs.facts import is_over, problems_of, remaining
from trainingrun.local.summary import playing_seconds


class State(Enum):
    """How a run stands, in the word and the colour that the page has for it."""

    COMPLETE = "complete"
    FAILED = "failed"
    SUSPENDED = "suspended"
    UNATTENDED = "not running"
    ACTIVE = "active"


def state_of(material: Material) -> State:
    """Return how the run stands."""
    status = material.run.status
    if status.end is not None:
        return State.COMPLETE if status.is_complete else State.FAILED
    if not material.is_attended:
        return State.UNATTENDED
    suspended = status.condition(ConditionType.SUSPENDED)
    return State.SUSPENDED if suspended is not None and suspended.is_true else State.ACTIVE


def headline(material: Material) -> Iterator[Markup]:
    """Yield what went wrong, how far it is, and the figures."""
    wrong = list(_problems(material))
    if wrong:
        yield tag("ul", *(tag("li", each) for each in wrong), class_="troubles")
    games = material.run.status.games
    if games is not None and games.played is not None:
        most = max(material.run.spec.games, 1)
        done = f"{games.played:,} of {most:,} games"
        yield tag(
            "p",
            tag("progress", done, value=min(games.played, most), max=most, aria_label="games"),
            tag("span", f"{done} ({percent(round(games.played / most, 3))})"),
            class_="progress",
        )
    figures = (
        tag("div", tag("dt", title), tag("dd", value, tag("small", f" {beside}") if beside else ""))
        for title, value, beside in _figures(material)
    )
    yield tag("dl", *figures, class_="tiles")


def _problems(material: Material) -> Iterator[str]:
    status = material.run.status
    if status.failure is not None:
        yield f"The run failed: {status.failure.message}"
    if status.stop is not None:
        yield f"Stopped by {status.stop.reason}: {status.stop.message}"
    if material.is_attended:
        yield from problems_of(material.run)


def _figures(material: Material) -> Iterator[tuple[str, str, str]]:
    """Title, figure, and what stands beside it in small letters."""
    run, status = material.run, material.run.status
    first = next(iter(status.evaluation), None)
    if first is not None:
        interval = f"{percent(round(first.low, 3))} to {percent(round(first.high, 3))}"
        yield f"against {first.opponent}", percent(round(first.win_rate, 3)), interval
    yield "Elo", status.elo or UNKNOWN, ""
    yield from _speed(material)
    model, cost = status.model, status.cost
    yield "weights", f"version {count(model.version)}" if model is not None else UNKNOWN, ""
    if cost is not None:
        total = cost.projected_total
        end = f"about {total:.2f} at the end" if total is not None and not is_over(run) else ""
        yield "cost", f"{cost.spent:.2f} {cost.currency}", end
    left = remaining(run) if material.is_attended else ""
    if left:
        yield "time left", f"about {left}", "at the rate of now"
    if status.bottleneck is not None and status.bottleneck != "None" and not is_over(run):
        yield "bottleneck", status.bottleneck, ""


def _speed(material: Material) -> Iterator[tuple[str, str, str]]:
    """Of the whole run where it was sampled, else of the last minute."""
    samples, status = material.samples, material.run.status
    playing = playing_seconds(samples)
    if material.is_local and playing > 0:
        last = samples[-1]
        yield "games/s", number(last.games / playing), "while games were played"
        yield "transitions/s", number(last.trained / playing), "trained in that time"
        yield "duration", described(last.elapsed), "excluding pauses"
        return
    games, counted = status.games, status.transitions
    yield "games/s", number(games.per_second if games is not None else None), "last minute"
    trained = counted.per_second if counted is not None else None
    yield "transitions/s", number(trained), "trained, last minute"


def title_of(run: TrainingRun) -> str:
    """Return the page's title."""
    return f"{run.metadata.name} \N{MIDDLE DOT} training run"
