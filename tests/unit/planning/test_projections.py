"""The documents' projections: every row, its verdict, and ours by plain arithmetic."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import pytest
from trainingrun.commands.plan.price_file import read_prices

from testkit.planning.projections import all_claims
from testkit.planning.projections.claims import CLOSE, Claim, Verdict

ROWS: Final = tuple(csv.DictReader((Path(__file__).parent / "rows.csv").read_text().splitlines()))
FOUND: Final = all_claims(read_prices(None).providers)


def named(row: str, quantity: str) -> Claim:
    """The one claim of this row and quantity."""
    (found,) = [each for each in FOUND if each.row == row and each.quantity == quantity]
    return found


def test_every_row_is_there() -> None:
    """Expect as many rows as were written down, in the same order."""
    assert [(each.document, each.table, each.row, each.quantity) for each in FOUND] == [
        (row["document"], row["table"], row["row"], row["quantity"]) for row in ROWS
    ]


def test_every_row_is_as_it_was_reviewed() -> None:
    """Expect the document's figure, ours, the deviation, the verdict and what contradicts it."""
    pairs = [(found, row) for found, row in zip(FOUND, ROWS, strict=True)]
    assert [row for found, row in pairs if not is_as_reviewed(found, row)] == []


def is_as_reviewed(found: Claim, row: dict[str, str]) -> bool:
    """Whether a claim is what the row says of it."""
    ours = pytest.approx(float(row["ours"]), rel=1e-5) if row["ours"] else None
    contradicts = found.verdict is Verdict.CONTRADICTS
    return (
        found.said == pytest.approx(float(row["said"]), rel=1e-5)
        and found.ours == ours
        and (ours is None or found.deviation == pytest.approx(float(row["deviation"]), abs=1e-3))
        and found.verdict.value == row["verdict"]
        and (not contradicts or found.against == row["against"])
    )


def test_no_row_is_left_unexplained() -> None:
    """Expect close rows to be called reproduced, and every other one to say what contradicts it."""
    for each in FOUND:
        assert each.verdict is not Verdict.UNEXPLAINED, each
        if each.verdict is Verdict.REPRODUCED:
            assert each.deviation is not None
            assert abs(each.deviation) <= CLOSE
        else:
            assert each.why


@pytest.mark.parametrize(
    ("daemons", "each", "hours", "row"),
    [
        (4, 6_000, 416.7, "1 machine, 4 daemons"),
        (16, 6_000, 104.2, "4 machines, 16 daemons"),
        (160, 6_000, 10.42, "K8s cluster, 160 daemons"),
        (14, 3_600, 198.4, "1 (16-core)"),
        (280, 3_600, 9.92, "20 (16-core)"),
    ],
)
def test_time_is_games_over_speed(daemons: int, each: int, hours: float, row: str) -> None:
    """Expect the planner's hours to be ten million over the daemons' games."""
    (found,) = [one for one in FOUND if one.row == row and one.quantity.startswith("10M games")]
    assert found.ours == pytest.approx(10_000_000 / (daemons * each))
    assert found.ours == pytest.approx(hours, rel=1e-3)


def test_money_is_hours_times_prices() -> None:
    """Expect the costs that contradict one another to be what the documents' own prices give."""
    hours = 10_000_000 / 96_000
    four = named("4 machines, 16 daemons", "$")
    assert four.ours == pytest.approx(hours * (4 * 0.68 + 0.526 + 0.166))
    cluster = named("K8s cluster, 160 daemons", "$")
    assert cluster.ours == pytest.approx(10_000_000 / 960_000 * (40 * 0.27 + 0.16 + 0.166))
    assert named("4 x c5.4xlarge", "$").ours == pytest.approx(10_000_000 / 201_600 * 4 * 0.68)
    assert named("Production, least", "$").ours == pytest.approx(720 * (2 * 0.92 + 5 * 0.05))


def test_a_far_figure_without_a_reason_is_a_mistake_of_ours() -> None:
    """Expect no verdict to be given away: far and unexplained is neither of the others."""
    far = Claim(document="d", table="t", row="r", quantity="q", said=100, ours=110, how="")
    assert far.verdict is Verdict.UNEXPLAINED
    assert (
        Claim(document="d", table="t", row="r", quantity="q", said=100, ours=105, how="").verdict
        is Verdict.REPRODUCED
    )
    free = Claim(document="d", table="t", row="r", quantity="q", said=0, ours=0.0, how="")
    assert free.verdict is Verdict.REPRODUCED
