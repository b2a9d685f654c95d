"""Which models of a league a run trains against, by its role."""

from __future__ import annotations

from itertools import pairwise

from trainingrun_trainer.league_opponents import MOST, PoolModel, opponents_of

POOL = (
    PoolModel("m6", "main-a", is_main=True, sha256="6"),
    PoolModel("m5", "hunter", is_main=False, sha256="5"),
    PoolModel("m4", "main-b", is_main=True, sha256="4"),
    PoolModel("m3", "main-a", is_main=True, sha256="3"),
    PoolModel("m2", "hunter", is_main=False, sha256="2"),
    PoolModel("m1", "main-b", is_main=True, sha256="1"),
)


def ids(models: tuple[PoolModel, ...]) -> list[str]:
    """Their names."""
    return [each.id for each in models]


def test_a_main_run_meets_the_whole_pool() -> None:
    """Its own past and exploiters are part of it."""
    assert ids(opponents_of(POOL, "Main", lineage="main-a")) == ["m6", "m5", "m4", "m3", "m2", "m1"]


def test_a_league_exploiter_meets_the_whole_pool() -> None:
    """As AlphaStar's does."""
    assert opponents_of(POOL, "LeagueExploiter", lineage="hunter") == POOL


def test_a_main_exploiter_meets_the_newest_of_each_main_lineage() -> None:
    """It neither meets past ones nor exploiters."""
    assert ids(opponents_of(POOL, "MainExploiter", lineage="hunter")) == ["m6", "m4"]


def test_nobody_is_met_in_an_empty_pool() -> None:
    """The actors meet past selves then."""
    assert opponents_of((), "Main", lineage="main-a") == ()


def test_no_main_model_is_nobody_for_a_main_exploiter() -> None:
    """An exploiter that came first waits for a main run."""
    assert opponents_of(POOL[1:2], "MainExploiter", lineage="other") == ()


def test_a_large_pool_is_thinned_evenly() -> None:
    """The newest of each lineage and the oldest of all are kept, the others from all ages."""
    many = tuple(
        PoolModel(f"m{n}", f"run-{n % 3}", is_main=True, sha256=f"{n}") for n in range(200, 0, -1)
    )
    found = ids(opponents_of(many, "Main", lineage="run-0"))
    assert len(found) == MOST
    assert found[:3] == ["m200", "m199", "m198"]
    assert found[-1] == "m1"
    numbers = [int(each[1:]) for each in found]
    assert max(newer - older for newer, older in pairwise(numbers)) < 20


def test_many_lineages_leave_room_for_no_past() -> None:
    """The bound holds all the same."""
    many = tuple(
        PoolModel(f"m{n}", f"run-{n}", is_main=True, sha256=f"{n}") for n in range(40, 0, -1)
    )
    assert ids(opponents_of(many, "LeagueExploiter", lineage="x")) == [
        f"m{n}" for n in range(40, 24, -1)
    ]
