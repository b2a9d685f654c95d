"""From sums of results to a ranking: planted strengths come back, links, anchors, order."""

import numpy as np
import pytest
from trainingrun_contracts.league.v1.common_pb2 import PLAYER_KIND_BUILTIN, PLAYER_KIND_MODEL
from trainingrun_league.elo.ranking import (
    ANCHOR,
    Ranking,
    Registered,
    Sums,
    anchor_of,
    empty_sums,
    rank,
)


def registered(*names: str) -> dict[str, Registered]:
    """Return players, registered one after the other."""
    kinds = {True: PLAYER_KIND_BUILTIN, False: PLAYER_KIND_MODEL}
    return {
        name: Registered(name, kinds[name.startswith("builtin/")], name, float(number))
        for number, name in enumerate(names)
    }


def sums(names: tuple[str, ...], *rows: tuple[str, str, int, int, int]) -> Sums:
    """Return results of pairings: first, second, wins, draws, losses."""
    first = np.array([names.index(row[0]) for row in rows], np.int64)
    second = np.array([names.index(row[1]) for row in rows], np.int64)
    scores = np.array([row[2:] for row in rows], np.int64).reshape(-1, 3)
    return Sums(names, first, second, scores)


def planted(strengths: np.ndarray, games: int, seed: int) -> Sums:
    """Return results of random pairs among players of these strengths; the first is the anchor."""
    generator = np.random.default_rng(seed)
    players = len(strengths)
    names = (ANCHOR, *(f"model/{number}" for number in range(1, players)))
    upper = np.triu_indices(players, 1)
    chance = 1 / (1 + 10 ** ((strengths[upper[1]] - strengths[upper[0]]) / 400))
    counts = np.full(len(chance), games, np.int64)
    wins = generator.binomial(counts, chance)
    scores = np.stack([wins, np.zeros_like(wins), counts - wins], axis=1)
    return Sums(names, upper[0].astype(np.int64), upper[1].astype(np.int64), scores)


def test_ratings_recover_planted_strengths_within_their_errors() -> None:
    """Expect 95 % of the intervals to hold the truth, as often as they promise: of 20 pools with
    380 ratings at least 90 % and not all."""
    inside: list[bool] = []
    for seed in range(20):
        truth = np.random.default_rng(1000 + seed).normal(0, 200, 20)
        truth -= truth[0]
        results = planted(truth, games=40, seed=seed)
        found = rank(results, registered(*results.players), now=1.0, before=Ranking())
        for number, name in enumerate(results.players[1:], start=1):
            each = found.by_id[name]
            assert each.elo is not None
            inside.append(abs(each.elo - truth[number]) < 1.96 * each.error)
    assert 0.90 < np.mean(inside) < 1.0


def test_a_fit_that_begins_from_the_one_before_is_the_same() -> None:
    """Expect ratings to depend on the results alone."""
    results = planted(np.array([0.0, 150.0, -80.0, 400.0]), games=60, seed=4)
    known = registered(*results.players)
    cold = rank(results, known, now=1.0, before=Ranking())
    warm = rank(results, known, now=2.0, before=cold)
    assert [each.player.id for each in warm.order] == [each.player.id for each in cold.order]
    assert warm.expected == pytest.approx(cold.expected, abs=1e-3)
    assert warm.fitted_at == 2.0


def test_the_random_player_is_the_anchor_else_who_was_registered_first() -> None:
    """Expect one of those with results, by the time of registration and not by name."""
    players = registered("model/z", "model/a", ANCHOR)
    without = sums(("model/a", "model/z"), ("model/a", "model/z", 1, 0, 0))
    assert anchor_of(without, players) == "model/z"
    names = ("builtin/random", "model/a")
    assert anchor_of(sums(names, (ANCHOR, "model/a", 0, 0, 1)), players) == ANCHOR
    found = rank(without, players, now=0.0, before=Ranking())
    assert found.by_id["model/z"].elo == pytest.approx(0)


def test_players_without_a_link_to_the_anchor_have_no_rating_and_stand_last() -> None:
    """Expect their games to be counted, no rank, and no rating either for who never played."""
    names = (ANCHOR, "model/a", "model/b", "model/c")
    results = sums(names, (ANCHOR, "model/a", 2, 0, 8), ("model/b", "model/c", 3, 1, 0))
    found = rank(results, registered(*names, "model/new"), now=0.0, before=Ranking())
    assert [(each.player.id, each.rank) for each in found.order] == [
        ("model/a", 1),
        (ANCHOR, 2),
        ("model/b", 0),
        ("model/c", 0),
        ("model/new", 0),
    ]
    assert (found.by_id["model/b"].elo, found.by_id["model/b"].games) == (None, 4)
    assert found.by_id["model/new"].games == 0
    assert np.isnan(found.expected[2:]).all()


def test_nobody_is_rated_before_the_first_result() -> None:
    """Expect registered players alone, without an error of a fit of nothing."""
    found = rank(empty_sums(), registered("model/a"), now=3.0, before=Ranking())
    assert [(each.player.id, each.elo, each.rank) for each in found.order] == [("model/a", None, 0)]
    assert rank(empty_sums(), {}, now=3.0, before=found).order == ()


def test_games_are_counted_on_both_sides() -> None:
    """Expect each player's games over all its pairings, as first and as second."""
    names = (ANCHOR, "model/a", "model/b")
    results = sums(
        names,
        (ANCHOR, "model/a", 1, 2, 3),
        (ANCHOR, "model/b", 1, 0, 1),
        ("model/a", "model/b", 4, 0, 0),
    )
    found = rank(results, registered(*names), now=0.0, before=Ranking())
    assert {name: each.games for name, each in found.by_id.items()} == {
        ANCHOR: 8,
        "model/a": 10,
        "model/b": 6,
    }
