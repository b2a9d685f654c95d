"""Which past self is met next."""

from __future__ import annotations

from collections import Counter
from random import Random

from trainingrun_actor.league import PastOpponents, counter_name, forgotten_counters

SNAPSHOTS = [("a" * 64, 10), ("b" * 64, 20), ("c" * 64, 30)]


def drawn(opponents: PastOpponents, games: int = 2000) -> Counter[int]:
    """How often each version is met."""
    random = Random(1)
    found = (opponents.draw(random) for _ in range(games))
    return Counter(each[1] for each in found if each is not None)


def told(opponents: PastOpponents, **counts: int) -> None:
    """Counters by ``v10_won=5``."""
    names = {f"past:{name[1:].replace('_', ':')}": count for name, count in counts.items()}
    assert set(names) <= set(opponents.counters)
    opponents.note_counts(names)


def test_without_snapshots_there_is_nobody() -> None:
    """The caller plays the newest weights then."""
    assert PastOpponents("hard").draw(Random(1)) is None


def test_unknown_snapshots_are_met_evenly() -> None:
    """Before any result all weigh the same."""
    opponents = PastOpponents("hard")
    opponents.note_snapshots(SNAPSHOTS)
    assert all(580 < count < 750 for count in drawn(opponents).values())


def test_who_still_wins_is_met_more() -> None:
    """Under ``hard`` the one that wins 9 of 10 games is met most; the one that always loses keeps
    a floor."""
    opponents = PastOpponents("hard")
    opponents.note_snapshots(SNAPSHOTS)
    told(opponents, v10_won=200, v20_won=100, v20_lost=100, v30_won=20, v30_lost=180)
    counts = drawn(opponents)
    assert counts[30] > 2 * counts[20] > 4 * counts[10] > 0


def test_only_the_growth_of_counters_counts() -> None:
    """The same totals read again change nothing; a fallen total begins anew."""
    once, twice = PastOpponents("hard"), PastOpponents("hard")
    for opponents in (once, twice):
        opponents.note_snapshots(SNAPSHOTS)
        told(opponents, v10_won=30, v20_lost=30)
    told(twice, v10_won=30, v20_lost=30)
    assert drawn(once) == drawn(twice)
    told(twice, v10_won=0, v20_lost=0)
    assert drawn(once) == drawn(twice)


def test_what_was_beaten_long_ago_can_come_back() -> None:
    """A snapshot that begins to win again is met more within some tens of games."""
    opponents = PastOpponents("hard")
    opponents.note_snapshots(SNAPSHOTS)
    told(opponents, v10_won=1000, v20_won=1000, v30_won=1000)
    told(opponents, v10_won=1000, v10_lost=60, v20_won=1000, v30_won=1000)
    counts = drawn(opponents)
    assert counts[10] > 5 * counts[20]


def test_counters_of_lost_snapshots_are_named() -> None:
    """So that they can be removed; other counters are no one's to remove."""
    names = ["played", "past:won", "seat1", counter_name(10, "won"), counter_name(40, "lost")]
    assert forgotten_counters(names, [40]) == ("past:10:won",)


def test_models_of_a_league_have_counters_of_their_own() -> None:
    """A model whose number is that of an own version is met by its own results."""
    past, league = PastOpponents("hard"), PastOpponents("hard", prefix="league:")
    for opponents in (past, league):
        opponents.note_snapshots(SNAPSHOTS)
    assert not set(past.counters) & set(league.counters)
    totals = {"past:10:won": 300, "past:20:won": 300, "league:20:won": 300, "league:30:won": 300}
    past.note_counts(totals)
    league.note_counts(totals)
    assert drawn(past).most_common(1)[0][0] == 30
    assert drawn(league).most_common(1)[0][0] == 10
