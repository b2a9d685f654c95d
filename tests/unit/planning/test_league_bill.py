"""What a league costs in a month: the sum of its lines, and beside what was asked for."""

from __future__ import annotations

import re

import pytest
from trainingrun.estimate.league import USES, Prices, Profile, Use, bill

from testkit.tree import ROOT

GUIDE = ROOT / "docs" / "guides" / "league-on-a-cluster.md"


@pytest.mark.parametrize(
    ("profile", "least", "most"),
    [(Profile.PRODUCTION, 500, 1000), (Profile.DEVELOPMENT, 50, 100), (Profile.HOBBY, 10, 30)],
)
def test_profiles_cost_what_was_asked_for(profile: Profile, least: float, most: float) -> None:
    """Expect the set-ups that were described to stay within what they may cost."""
    assert least <= bill(profile).dollars <= most


def test_a_bill_is_hours_times_prices() -> None:
    """Expect the slow way: each part by hand."""
    prices = Prices()
    use = Use(1, 10.0, 2, 20.0, gigabytes=100.0, hours=100.0)
    expected = (
        100.0 * prices.service_node
        + 60 * prices.disk
        + 10.0 * prices.learner
        + 2 * 20.0 * prices.worker_spot
        + 100.0 * prices.bucket
    )
    assert bill(Profile.DEVELOPMENT, prices, use).dollars == pytest.approx(expected)


def test_what_is_stopped_costs_its_disks() -> None:
    """Expect a hobby league that runs for no hour to cost its disk and its bucket."""
    use = Use(0, 0, 0, 0, gigabytes=10, hours=0)
    assert bill(Profile.HOBBY, use=use).dollars == pytest.approx(30 * 0.08 + 10 * 0.023)
    assert USES[Profile.HOBBY].learners == 0


def test_the_guide_shows_these_figures() -> None:
    """Expect the table of the guide to have the sums of today's prices."""
    shown = re.findall(r"^\| `(\w+)` \|.*\| \$(\d+) \|", GUIDE.read_text(), re.MULTILINE)
    assert shown == [(each.value, str(round(bill(each).dollars))) for each in Profile]
