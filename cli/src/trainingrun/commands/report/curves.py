"""The charts of a run: which lines, over what, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES, LOW_WATER_BATCHES

from trainingrun.commands.report.charts import Chart, ChartSeries, Level, Mark
from trainingrun.commands.report.formatting import LOSS_NAMES, Form
from trainingrun.commands.report.material import Material, Strength
from trainingrun.commands.report.series import (
    Point,
    column,
    elapsed_at,
    one_per_update,
    rates,
    terms_of,
)
from trainingrun.commands.runs.scaling import HISTORY
from trainingrun.local.samples import Sample

NO_HISTORY: Final = (
    "not known: a cluster has the current status only; --follow draws what it sees from then on"
)
NOT_RECORDED: Final = "not known: not in a run's status; Prometheus and TensorBoard have it"
_GAMES: Final = "training games played"
_CLUSTER_WINDOW: Final = 60.0
_INTERVAL: Final = 1.96
_MOST_MARKS: Final = 60


def win_rates(material: Material) -> Chart:
    """Win rate against each opponent, with its interval."""
    return Chart(
        "win-rate",
        "Win rate",
        _GAMES,
        [_against(name, found) for name, found in _by_opponent(material.strengths).items()],
        form=Form.PERCENT,
        bounds=(0.0, 1.0),
        levels=[Level(0.5, "even")],
        has_dots=True,
        nothing="no evaluation has ended yet",
        note="Bands and bars are 95 % Wilson intervals; a draw is half a win.",
    )


def elo(material: Material) -> Chart:
    """Elo of each version that was evaluated."""
    rated = {e.version: e for e in material.strengths if e.elo is not None and _is_placed(e)}
    found = sorted(rated.values(), key=lambda each: (each.training_games or 0, each.version))
    anchor = next((each.anchor for each in reversed(found) if each.anchor), "")
    line = ChartSeries(
        "Elo",
        [(float(each.training_games or 0), each.elo) for each in found],
        band=[_elo_interval(each) for each in found if each.elo_error is not None],
    )
    return Chart(
        "elo",
        f"Elo above {anchor}" if anchor else "Elo",
        _GAMES,
        [line],
        has_dots=True,
        form=Form.NUMBER,
        nothing="no Elo is known yet",
        note="Each point as it was fitted when it was measured; bars are 95 % intervals.",
    )


def losses(material: Material) -> list[Chart]:
    """Return each term of the loss in a chart of its own."""
    samples = one_per_update(material.samples)
    terms = terms_of(samples)
    if not terms:
        why = "no update was made yet" if material.is_local else NOT_RECORDED
        return [Chart("losses-none", "Losses", "updates", [], nothing=why)]
    return [
        Chart(
            f"loss-{index}",
            LOSS_NAMES.get(term, term.replace("_", " ")),
            "updates",
            [ChartSeries(term, [(float(e.updates), e.losses.get(term)) for e in samples])],
            bounds=(),
        )
        for index, term in enumerate(terms)
    ]


def throughput(material: Material) -> list[Chart]:
    """Games and transitions per second."""
    over, window = _over(material), 30.0 if material.is_local else _CLUSTER_WINDOW
    samples = material.samples
    note = f"Means over {window:.0f} s."
    return [
        Chart(
            "games",
            "Games per second",
            over.title,
            [ChartSeries("games", over.scaled(rates(samples, "games", window)))],
            nothing=over.nothing,
            note=note,
        ),
        Chart(
            "transitions",
            "Transitions per second",
            over.title,
            [
                ChartSeries(
                    name, over.scaled(rates(samples, name, window)), dashed=name == "trained"
                )
                for name in ("produced", "trained")
            ],
            nothing=over.nothing,
            note=note,
        ),
    ]


def queue(material: Material) -> list[Chart]:
    """Return the queue with its water marks, and the policy lag."""
    over, batch = _over(material), material.run.spec.learner.batch_transitions
    samples = material.samples
    lag = [
        ChartSeries("mean", over.scaled(column(samples, "policy_lag"))),
        ChartSeries("95th percentile", over.scaled(column(samples, "policy_lag_p95")), dashed=True),
    ]
    return [
        Chart(
            "queue",
            "Transitions in the queue",
            over.title,
            [ChartSeries("queued", over.scaled(column(samples, "queued")))],
            form=Form.COUNT,
            levels=[
                Level(HIGH_WATER_BATCHES * batch, "actors pause"),
                Level(LOW_WATER_BATCHES * batch, "actors resume"),
            ],
            nothing=over.nothing,
        ),
        Chart(
            "lag",
            "Policy lag",
            over.title,
            lag,
            nothing=over.nothing if material.is_local else NOT_RECORDED,
            note="Publications between the weights that acted and the weights that train.",
        ),
    ]


def daemons(material: Material) -> Chart:
    """Return how many daemons served, and when their number was decided on."""
    over, samples = _over(material), material.samples
    noted = [
        (at, f"{event.reason}: {event.message}")
        for event in material.events
        if event.reason in HISTORY and (at := elapsed_at(samples, event.at.timestamp())) is not None
    ]
    marks = [Mark(at / over.unit, title) for at, title in noted[-_MOST_MARKS:]]
    return Chart(
        "daemons",
        "Daemons that serve",
        over.title,
        [ChartSeries("ready", over.scaled(column(samples, "daemons")), stepped=True)],
        form=Form.COUNT,
        marks=marks,
        nothing=over.nothing,
        note="A vertical line is a decision; the table below has its reason." if marks else "",
    )


def spending(material: Material) -> Chart:
    """Return what was spent over time."""
    over, cost = _over(material), material.run.spec.cost
    currency = cost.currency if cost is not None else ""
    budget = cost.budget if cost is not None else None
    return Chart(
        "spent",
        f"Spent ({currency})",
        over.title,
        [ChartSeries("spent", over.scaled(column(material.samples, "spent")))],
        levels=[Level(budget, "budget")] if budget is not None and _is_near(material) else [],
        nothing=over.nothing,
    )


class _Over:
    """The time that charts run over: its unit, what it is called, and why there is none."""

    def __init__(self, samples: Sequence[Sample], *, is_local: bool) -> None:
        span = samples[-1].elapsed if samples else 0.0
        hours = span > 3 * 3600
        self.unit = 3600.0 if hours else 60.0
        word = "hours" if hours else "minutes"
        since = "since the start (excluding pauses)" if is_local else "since this page follows"
        self.title = f"{word} {since}"
        self.nothing = "nothing was sampled yet" if is_local else NO_HISTORY

    def scaled(self, points: Sequence[Point]) -> list[Point]:
        """Points over seconds, in the unit."""
        return [(x / self.unit, y) for x, y in points]


def _over(material: Material) -> _Over:
    return _Over(material.samples, is_local=material.is_local)


def _is_near(material: Material) -> bool:
    """Return whether the budget is near enough to be drawn beside what was spent."""
    cost, spent = material.run.spec.cost, material.run.status.cost
    if cost is None or cost.budget is None or spent is None:
        return False
    return spent.spent > cost.budget / 4


def _by_opponent(strengths: Sequence[Strength]) -> dict[str, list[Strength]]:
    found: dict[str, list[Strength]] = {}
    for each in sorted(strengths, key=lambda each: (each.training_games or 0, each.version)):
        if _is_placed(each):
            found.setdefault(each.opponent, []).append(each)
    return found


def _is_placed(each: Strength) -> bool:
    """Return whether it is known after how many training games it was measured."""
    return each.training_games is not None


def _against(opponent: str, found: Sequence[Strength]) -> ChartSeries:
    return ChartSeries(
        opponent,
        [(float(each.training_games or 0), each.rate) for each in found],
        band=[(float(each.training_games or 0), each.low, each.high) for each in found],
    )


def _elo_interval(each: Strength) -> tuple[float, float, float]:
    middle, error = each.elo or 0.0, _INTERVAL * (each.elo_error or 0.0)
    return float(each.training_games or 0), middle - error, middle + error
