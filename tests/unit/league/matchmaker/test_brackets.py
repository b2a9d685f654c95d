"""Tournaments of 2 to 64 entrants: who meets whom, byes, points and ranks."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_league.matchmaker.brackets.matching import Matching
from trainingrun_league.matchmaker.brackets.progress import is_complete, pairings, ranking
from trainingrun_league.matchmaker.brackets.values import (
    BYE,
    Format,
    Outcome,
    Pairing,
    Plan,
    most_swiss_rounds,
    problem_of,
    rounds_of,
)

formats = st.sampled_from(list(Format))
counts = st.integers(2, 64)
seeds = st.integers(0, 2**32)


def plan_of(format_: Format, count: int, rounds: int = 0) -> Plan:
    """Entrants e0, e1, … in order of seed."""
    return Plan(format_, tuple(f"e{number}" for number in range(count)), rounds)


def play(pairing: Pairing, chance: random.Random) -> Outcome:
    """A match of two games by chance; one in ten is given up for a player that cannot play."""
    wins, draws = chance.choice([(2, 0), (1, 1), (1, 0), (0, 2), (0, 1), (0, 0)])
    failed = chance.choice([pairing.first, pairing.second]) if chance.random() < 0.1 else ""
    return Outcome(
        pairing.round,
        pairing.table,
        pairing.first,
        pairing.second,
        wins,
        draws,
        2 - wins - draws,
        failed,
    )


def played(plan: Plan, seed: int) -> tuple[tuple[Pairing, ...], list[Outcome]]:
    """The whole tournament; in each step some of the open matches end, in any order."""
    chance, outcomes = random.Random(seed), list[Outcome]()
    while not is_complete(called := pairings(plan, outcomes), outcomes):
        over = {(outcome.round, outcome.table) for outcome in outcomes}
        waiting = [
            each for each in called if each.second != BYE and (each.round, each.table) not in over
        ]
        assert waiting, "a tournament that is not over has a match to play"
        some = chance.sample(waiting, chance.randint((len(waiting) + 1) // 2, len(waiting)))
        outcomes += [play(pairing, chance) for pairing in some]
        assert set(called) <= set(pairings(plan, outcomes)), "what was called for stays"
    return called, outcomes


@given(formats, counts, seeds)
@settings(max_examples=60, deadline=None)
def test_every_tournament_ends_with_everybody_in_its_place(
    format_: Format, count: int, seed: int
) -> None:
    """In all formats: rounds are as many as said, nobody plays twice in a round, nobody meets
    oneself, at most one bye each, and all are ranked."""
    plan = plan_of(format_, count)
    called, outcomes = played(plan, seed)
    assert max(each.round for each in called) == rounds_of(plan)
    for number in range(1, rounds_of(plan) + 1):
        seats = [
            name for each in called if each.round == number for name in (each.first, each.second)
        ]
        busy = Counter(name for name in seats if name != BYE)
        assert set(busy.values()) == {1}
    byes = Counter(each.first for each in called if each.second == BYE)
    assert all(number == 1 for number in byes.values())
    assert {standing.player for standing in ranking(plan, outcomes)} == set(plan.entrants)
    assert BYE not in {each.first for each in called}


@given(counts)
def test_round_robin_lets_everybody_meet_everybody_once(count: int) -> None:
    """All pairs, each once; nobody begins more than half of the matches."""
    called = pairings(plan_of(Format.ROUND_ROBIN, count), ())
    met = [frozenset((each.first, each.second)) for each in called]
    assert len(met) == len(set(met)) == count * (count - 1) // 2
    firsts = Counter(each.first for each in called)
    assert max(firsts.values()) <= count // 2


@given(counts, seeds)
@settings(deadline=None)
def test_elimination_gives_byes_to_the_best_and_loses_one_a_match(count: int, seed: int) -> None:
    """Byes are of the first round and of the best seeds; each match sends one out; the one who is
    left is first alone."""
    plan = plan_of(Format.SINGLE_ELIMINATION, count)
    called, outcomes = played(plan, seed)
    byes = {each.first for each in called if each.second == BYE}
    missing = 2 ** rounds_of(plan) - count
    assert byes == {f"e{number}" for number in range(missing)}
    assert all(each.round == 1 for each in called if each.second == BYE)
    assert len(outcomes) == count - 1
    winner, second = ranking(plan, outcomes)[:2]
    assert (winner.rank, winner.points) == (1, rounds_of(plan))
    assert second.rank == 2


def test_elimination_keeps_the_best_apart() -> None:
    """With the better seed winning, the first two meet in the final, and the first four before."""
    plan = plan_of(Format.SINGLE_ELIMINATION, 8)
    outcomes: list[Outcome] = []
    while not is_complete(called := pairings(plan, outcomes), outcomes):
        outcomes = [
            Outcome(each.round, each.table, each.first, each.second, 2, 0, 0, failed="")
            if each.first < each.second
            else Outcome(each.round, each.table, each.first, each.second, 0, 0, 2)
            for each in called
        ]
    assert [(each.round, {each.first, each.second}) for each in called if each.round > 1] == [
        (2, {"e0", "e3"}),
        (2, {"e1", "e2"}),
        (3, {"e0", "e1"}),
    ]


def test_a_drawn_match_of_an_elimination_goes_to_the_better_seed() -> None:
    """One game each: the one who is seeded first proceeds, from whichever seat."""
    plan = plan_of(Format.SINGLE_ELIMINATION, 3)
    called = pairings(plan, [Outcome(1, 1, "e1", "e2", 1, 0, 1)])
    assert Pairing(2, 0, "e0", "e1") in called


@given(counts, seeds, st.data())
@settings(max_examples=15, deadline=None)
def test_swiss_has_no_rematch_in_any_number_of_rounds(
    count: int, seed: int, data: st.DataObject
) -> None:
    """Up to half as many rounds as entrants, everybody meets another one in each; an odd one out
    rests, who is last among those who have not rested."""
    rounds = data.draw(st.integers(1, most_swiss_rounds(count)))
    plan = plan_of(Format.SWISS, count, rounds)
    called, _ = played(plan, seed)
    met = [frozenset((each.first, each.second)) for each in called if each.second != BYE]
    assert len(met) == len(set(met)) == rounds * (count // 2)
    assert sum(each.second == BYE for each in called) == rounds * (count % 2)


def test_swiss_pairs_halves_of_equal_points() -> None:
    """Round 1: the upper half meets the lower; round 2: winners meet winners."""
    plan = plan_of(Format.SWISS, 8)
    first = pairings(plan, ())
    assert [{each.first, each.second} for each in first] == [
        {"e0", "e4"},
        {"e1", "e5"},
        {"e2", "e6"},
        {"e3", "e7"},
    ]
    outcomes = [Outcome(each.round, each.table, each.first, each.second, 2) for each in first]
    winners = {each.first for each in first}
    second = [each for each in pairings(plan, outcomes) if each.round == 2]
    assert [len({each.first, each.second} & winners) for each in second] == [2, 2, 0, 0]


def test_points_tie_breaks_and_ranks_by_hand() -> None:
    """Three in a round robin: one win and one draw lead; equal ones share a rank."""
    plan = plan_of(Format.ROUND_ROBIN, 3)
    outcomes = [
        Outcome(each.round, each.table, each.first, each.second, *score)
        for each, score in zip(pairings(plan, ()), [(1, 0, 1), (1, 0, 1), (1, 0, 1)], strict=True)
    ]
    assert [(each.rank, each.points, each.tie_break) for each in ranking(plan, outcomes)] == [
        (1, 1.0, 2.0)
    ] * 3
    failed = [Outcome(**(vars(outcomes[0]) | {"failed": outcomes[0].first})), *outcomes[1:]]
    table = ranking(plan, failed)
    assert (table[0].player, table[0].points) == (outcomes[0].second, 1.5)
    assert [each.rank for each in table] == [1, 2, 3]


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (plan_of(Format.SWISS, 1), "2 to 64 entrants, not 1"),
        (plan_of(Format.SWISS, 65), "2 to 64 entrants, not 65"),
        (Plan(Format.SWISS, ("a", "b", "a")), "a is entered twice"),
        (plan_of(Format.ROUND_ROBIN, 4, rounds=2), "rounds are of a Swiss tournament"),
        (plan_of(Format.SWISS, 6, rounds=4), "6 entrants play at most 3 Swiss rounds, not 4"),
    ],
)
def test_a_plan_that_cannot_be_played_says_why(plan: Plan, problem: str) -> None:
    """Too few, too many, twice, rounds where there are none to choose, or more than there are."""
    assert problem in problem_of(plan)
    assert problem_of(plan_of(Format.SWISS, 6, rounds=3)) == ""


def most_matched(allowed: list[list[bool]], left: tuple[int, ...]) -> int:
    """The slow obvious maximum: match the first with each other one, or leave it."""
    if len(left) < 2:
        return 0
    first, rest = left[0], left[1:]
    best = most_matched(allowed, rest)
    for other in rest:
        if allowed[first][other]:
            without = tuple(each for each in rest if each != other)
            best = max(best, 1 + most_matched(allowed, without))
    return best


@given(st.integers(2, 8), st.floats(0.1, 0.9), seeds)
@settings(max_examples=300, deadline=None)
def test_the_matching_is_as_large_as_any(count: int, density: float, seed: int) -> None:
    """Against trying everything: as many are matched, along allowed edges; a pair is taken only
    where all others can still be matched."""
    chance = random.Random(seed)
    allowed = [[False] * count for _ in range(count)]
    for one, other in combinations(range(count), 2):
        allowed[one][other] = allowed[other][one] = chance.random() < density
    matching = Matching(allowed)
    is_perfect = matching.complete()
    matched = [vertex for vertex, mate in enumerate(matching.mate) if mate != -1]
    assert len(matched) == 2 * most_matched(allowed, tuple(range(count)))
    assert is_perfect == (len(matched) == count)
    assert all(matching.mate[matching.mate[vertex]] == vertex for vertex in matched)
    assert all(allowed[vertex][matching.mate[vertex]] for vertex in matched)
    if is_perfect:
        for other in range(1, count):
            rest = tuple(each for each in range(1, count) if each != other)
            again = Matching(allowed)
            again.complete()
            can = 2 * most_matched(allowed, rest) == len(rest)
            assert again.take(0, other) == can
