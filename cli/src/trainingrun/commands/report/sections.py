"""What is said of a run, section by section; each gives its elements, none where it has no place.

A section never disappears because something is not known: then it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun.commands.report import curves, records
from trainingrun.commands.report.charts import Chart, figure
from trainingrun.commands.report.decks import deck_tables
from trainingrun.commands.report.formatting import UNKNOWN, count, moment, number, percent
from trainingrun.commands.report.markup import Markup, tag
from trainingrun.commands.report.material import Material, Strength
from trainingrun.commands.report.records import HOUR, MOST_ROWS, clipped, note
from trainingrun.commands.report.tables import Narrow, facts, table
from trainingrun.commands.report.waits import waits_of
from trainingrun.commands.runs.facts import BOTTLENECKS, is_active
from trainingrun.commands.runs.ledger import parts_of, produced_by_phase
from trainingrun.commands.runs.scaling import HISTORY, INPUTS


@dataclass(frozen=True)
class Section:
    """A part of the page; ``key`` is its address in it."""

    key: str
    title: str
    parts: tuple[Markup, ...]


def sections(material: Material) -> list[Section]:
    """Return all sections of the page, in the order in which people ask."""
    made = (Section(key, title, tuple(make(material))) for key, title, make in _SECTIONS)
    return [section for section in made if section.parts]


def _strength(material: Material) -> Iterator[Markup]:
    yield _figures([curves.win_rates(material), curves.elo(material)])
    newest = {each.opponent: each for each in material.strengths}
    if not newest:
        return
    rows = [_evaluation(each) for each in newest.values()]
    titles = ("opponent", "win rate", "95 % interval", "games", "version", "Elo", "when (UTC)")
    yield table(
        titles, rows, caption="The newest evaluation against each opponent", narrow=Narrow.LIST
    )
    gates = [e for e in material.run.status.evaluation if e.gate is not None]
    yield from (
        note(
            f"Champion gate: {e.gate.verdict.lower()}, against version {e.gate.champion}, after"
            f" {e.gate.pairs} pairs (log-likelihood ratio {e.gate.log_likelihood_ratio:.2f})."
        )
        for e in gates
        if e.gate is not None
    )
    if not material.is_local:
        yield note(
            "A cluster has the newest evaluation against each opponent; earlier ones are"
            " not known, but for what --follow has seen."
        )
    yield from deck_tables(list(newest.values()))


def _evaluation(each: Strength) -> tuple[str, ...]:
    error = f" ±{each.elo_error:.0f}" if each.elo_error is not None else ""
    elo = UNKNOWN if each.elo is None else f"{each.elo:.0f}{error}"
    return (
        each.opponent,
        percent(each.rate),
        f"{percent(each.low)} to {percent(each.high)}",
        count(each.games),
        count(each.version),
        elo,
        moment(each.at),
    )


def _losses(material: Material) -> Iterator[Markup]:
    yield _figures(curves.losses(material), small=True)


def _throughput(material: Material) -> Iterator[Markup]:
    yield _figures(curves.throughput(material))
    yield from waits_of(material)


def _queue(material: Material) -> Iterator[Markup]:
    yield _figures(curves.queue(material))


def _scaling(material: Material) -> Iterator[Markup]:
    role, reported = material.run.status.role("daemon"), material.run.status.autoscaling
    yield _figures([curves.daemons(material)])
    limits = material.run.spec.daemon.autoscaling
    external = material.run.spec.daemon.external is not None
    rows = [("limits", f"{limits.min_replicas} to {limits.max_replicas} daemons")]
    if external:
        rows = [("daemons", "external ones: their number is not decided here")]
    if role is not None and is_active(material.run):
        rows.append(("now", f"{count(role.ready)} ready of {count(role.desired)} wanted"))
    if reported is not None and reported.forced:
        rows.append(("forced", f"{reported.forced} daemons went with games on them"))
    bottleneck = material.run.status.bottleneck
    if bottleneck is not None and is_active(material.run):
        rows.append(("bottleneck", f"{bottleneck}: {BOTTLENECKS[bottleneck]}"))
    yield facts(rows)
    yield from _last_decision(material)
    changes = [event for event in material.events if event.reason in HISTORY][-MOST_ROWS:]
    if changes:
        done = [(moment(e.at), str(e.reason), clipped(e.message)) for e in reversed(changes)]
        yield table(
            ("when (UTC)", "what", "why"),
            done,
            caption="Decisions, newest first",
            narrow=Narrow.STORY,
        )
    else:
        kept = "" if material.is_local else f" ({HOUR})"
        yield note(f"No change of the number of daemons is on record{kept}.")


def _last_decision(material: Material) -> Iterator[Markup]:
    reported = material.run.status.autoscaling
    decision = reported.last_decision if reported is not None else None
    if decision is None:
        return
    yield note(
        f"Last decision, {moment(decision.at)} UTC: from {decision.from_replicas} to"
        f" {decision.to_replicas} daemons, because {decision.reason}."
    )
    rows = [(name, number(value), INPUTS.get(name, "")) for name, value in decision.inputs.items()]
    yield table(
        ("input", "value", "meaning"), rows, caption="What it was made from", narrow=Narrow.STORY
    )


def _cost(material: Material) -> Iterator[Markup]:
    cost, spec = material.run.status.cost, material.run.spec.cost
    if cost is None or spec is None:
        yield note("Not known: spec.cost names no prices.")
        return
    yield _figures([curves.spending(material)])
    money, total = cost.currency, cost.projected_total
    end = f"about {total:.2f} {money}" if total is not None else "not known"
    now = [("an hour, now", f"{cost.hourly:.2f} {money}"), ("at the end", end)]
    yield facts(
        [
            ("spent", f"{cost.spent:.2f} {money}"),
            *(now if is_active(material.run) and material.is_attended else []),
            ("budget", f"{spec.budget:.2f} {money}" if spec.budget is not None else "none"),
            ("a daemon an hour", f"{spec.daemon_hourly:g} {money}"),
            ("an actor an hour", f"{spec.actor_hourly:g} {money}"),
            ("the learner an hour", f"{spec.learner_hourly:g} {money}"),
        ]
    )
    yield note("Member-hours at the prices of spec.cost; no bill of a provider was read.")


def _ledger(material: Material) -> Iterator[Markup]:
    counted = material.run.status.transitions
    if counted is None or counted.produced is None:
        yield note("Nothing was produced yet.")
        return
    parts = parts_of(counted)
    total = sum(parts.values())
    sums = [
        f"{amount:,} {title}"
        for title, amount in parts.items()
        if amount or not title.startswith("dropped")
    ]
    closes = total == counted.produced
    said = "The ledger closes." if closes else f"The ledger does not close: the sum is {total:,}."
    yield tag("p", f"{counted.produced:,} produced = {' + '.join(sums)}", class_="identity")
    yield tag("p", said, class_="good" if closes else "bad")
    rows = [
        (title, count(amount), _share(amount, counted.produced)) for title, amount in parts.items()
    ]
    yield table(("transitions", "number", "share"), rows, caption="What became of them")
    phases = list(produced_by_phase(material.run.status.curriculum, counted.produced))
    if phases:
        made = [(name, count(amount)) for name, amount in phases]
        yield table(("phase", "produced"), made, caption="Produced in each phase")


def _share(amount: int, whole: int) -> str:
    return percent(amount / whole) if whole else UNKNOWN


def _curriculum(material: Material) -> Iterator[Markup]:
    course = material.run.status.curriculum
    if course is None:
        return
    rows = [
        (each.name, moment(each.since), count(each.since_games), clipped(each.why))
        for each in course.passed
    ]
    rows.append((course.phase, moment(course.since), count(course.since_games), "running"))
    titles = ("phase", "began (UTC)", "at game", "why it ended")
    yield table(titles, rows, caption="Phases so far", narrow=Narrow.STORY)


def _figures(charts: Sequence[Chart], *, small: bool = False) -> Markup:
    """Charts side by side where there is room."""
    kind = "charts small" if small else "charts"
    return tag("div", *(figure(each) for each in charts), class_=kind)


_SECTIONS: Final[tuple[tuple[str, str, Callable[[Material], Iterator[Markup]]], ...]] = (
    ("strength", "Strength", _strength),
    ("losses", "Losses", _losses),
    ("throughput", "Throughput", _throughput),
    ("queueing", "Queue and policy lag", _queue),
    ("scaling", "Scaling", _scaling),
    ("cost", "Cost", _cost),
    ("ledger", "Ledger", _ledger),
    ("curriculum", "Curriculum", _curriculum),
    ("checkpoints", "Checkpoints", records.checkpoints),
    ("conditions", "Conditions", records.conditions),
    ("members", "Members", records.members),
    ("events", "Events", records.events),
    ("spec", "Spec", records.spec),
)
