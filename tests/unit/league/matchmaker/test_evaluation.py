"""What a league wants to find out now, and whom its models meet."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from trainingrun_contracts.ratings.gate import GateTest
from trainingrun_contracts.reports import GateVerdict
from trainingrun_league.matchmaker.evaluation import (
    GateMatch,
    Knowledge,
    Wanted,
    candidates_of,
    decide,
    plan,
)
from trainingrun_league.matchmaker.pool import (
    RANDOM,
    SEARCH,
    Entry,
    Payoffs,
    Results,
    Role,
    Stage,
    builtins_of,
)
from trainingrun_league.matchmaker.population import Population, opponent_of

BUILTINS = builtins_of(can_search=True)
WANTED = Wanted(gate=GateTest(most_pairs=40), pairs=8, open_gate_matches=3, rating_games=32)


def model(
    name: str,
    stage: Stage = Stage.VALIDATED,
    at: float = 0.0,
    lineage: str = "",
    role: Role = Role.MAIN,
) -> Entry:
    """A model of a lineage of its own."""
    return Entry(name, lineage or name, role, stage, at)


def known(
    entries: Sequence[Entry],
    payoffs: Payoffs | None = None,
    tests: dict[tuple[str, str], Sequence[GateMatch]] | None = None,
    verdicts: frozenset[tuple[str, str]] = frozenset(),
    open_ratings: dict[str, int] | None = None,
    anchors: Sequence[str] = BUILTINS,
    unplayable: frozenset[str] = frozenset(),
) -> Knowledge:
    """What is known; nothing but the models unless said."""
    return Knowledge(
        entries,
        payoffs or Payoffs(),
        tests or {},
        verdicts,
        open_ratings or {},
        anchors,
        unplayable,
    )


def test_the_first_validated_model_becomes_the_champion_without_games() -> None:
    """There is nobody to be tested against; a model that is not validated is no candidate, and
    while the Model service has not answered no second one is the first."""
    entries = [model("new", Stage.PENDING, 1.0), model("a", at=2.0), model("b", at=3.0)]
    found = plan(known(entries), WANTED, random.Random(1))
    assert [(each.candidate, each.champion) for each in found.verdicts] == [("model/a", "")]
    assert found.verdicts[0].decision.verdict is GateVerdict.PROMOTE
    again = plan(known(entries, verdicts=frozenset({("model/a", "")})), WANTED, random.Random(1))
    assert again.verdicts == ()
    refused = [model("a", Stage.REJECTED, at=2.0), model("b", at=3.0)]
    again = plan(known(refused, verdicts=frozenset({("model/a", "")})), WANTED, random.Random(1))
    assert [each.candidate for each in again.verdicts] == ["model/b"]


@pytest.mark.parametrize("against", ["", "model/former"])
def test_a_verdict_that_was_refused_decides_nothing(against: str) -> None:
    """Expect a model that was judged by a champion that is none any longer to be tested by the
    present one: the Model service refuses such a verdict, and the model stays validated."""
    entries = [model("former", Stage.RETIRED), model("now", Stage.PROMOTED), model("new", at=1.0)]
    verdicts = frozenset({("model/new", against)})
    found = plan(known(entries, verdicts=verdicts), WANTED, random.Random(1))
    assert {(each.first, each.second) for each in found.gates} == {("model/new", "model/now")}


def test_a_candidate_gets_matches_until_its_test_is_decided() -> None:
    """Three matches at once; those that are over make room, up to the longest test of 40 pairs,
    which is five matches; numbers go on."""
    entries = [model("old", Stage.PROMOTED), model("new", at=1.0)]
    key = ("model/new", "model/old")
    found = plan(known(entries), WANTED, random.Random(1))
    assert [(each.first, each.second, each.number) for each in found.gates] == [
        (*key, 0),
        (*key, 1),
        (*key, 2),
    ]
    even = (0.5,) * 8
    tests = {key: [GateMatch(0, even), GateMatch(1, None), GateMatch(2, None)]}
    found = plan(known(entries, tests=tests), WANTED, random.Random(1))
    assert [each.number for each in found.gates] == [3]
    tests = {key: [*(GateMatch(number, even) for number in range(4)), GateMatch(4, None)]}
    assert plan(known(entries, tests=tests), WANTED, random.Random(1)).gates == ()
    tests = {key: [GateMatch(number, (1.0,) * 8) for number in range(3)]}
    found = plan(known(entries, tests=tests), WANTED, random.Random(1))
    assert [each.decision.verdict for each in found.verdicts] == [GateVerdict.PROMOTE]
    assert found.gates == ()
    assert (
        plan(
            known(entries, tests=tests, verdicts=frozenset({key})), WANTED, random.Random(1)
        ).verdicts
        == ()
    )


def test_a_test_is_judged_in_the_order_of_its_matches() -> None:
    """Matches that end early do not count before those that were made earlier: else quick wins
    would decide; a match that was given up is passed over; a forfeit ends the test."""
    won = (1.0,) * 8
    waiting = [GateMatch(0, None), *(GateMatch(number, won) for number in range(1, 6))]
    assert decide(waiting, WANTED.gate).verdict is GateVerdict.CONTINUE
    given_up = [GateMatch(0, ()), *waiting[1:]]
    assert decide(given_up, WANTED.gate).verdict is GateVerdict.PROMOTE
    forfeit = [GateMatch(0, None), GateMatch(1, (), is_forfeit=True)]
    assert decide(forfeit, WANTED.gate).verdict is GateVerdict.KEEP


def test_of_a_fast_lineage_the_newest_is_tested_and_what_has_begun_continues() -> None:
    """Three versions: the newest is tested; once the second has begun, it alone is; when it is
    decided, what is older than it is overtaken."""
    champion = model("old", Stage.PROMOTED, lineage="other")
    entries = [champion, *(model(f"v{n}", at=float(n), lineage="l") for n in (1, 2, 3))]
    names = [entry.id for entry in candidates_of(known(entries), "model/old")]
    assert names == ["v3"]
    begun = known(entries, tests={("model/v2", "model/old"): [GateMatch(0, None)]})
    assert [entry.id for entry in candidates_of(begun, "model/old")] == ["v2"]
    decided = known(
        [*entries[:2], model("v2", Stage.REJECTED, 2.0, "l"), *entries[3:]],
        verdicts=frozenset({("model/v2", "model/old")}),
    )
    assert [entry.id for entry in candidates_of(decided, "model/old")] == ["v3"]
    broken = known([*entries[:3], model("v3", Stage.REJECTED, 3.0, "l")])
    assert [entry.id for entry in candidates_of(broken, "model/old")] == ["v2"]


def test_exploiters_are_rated_and_never_gated() -> None:
    """They are made to beat one opponent, not to be played by everybody."""
    entries = [
        model("old", Stage.PROMOTED),
        model("x", at=1.0, role=Role.MAIN_EXPLOITER),
        model("y", at=2.0, role=Role.LEAGUE_EXPLOITER),
    ]
    found = plan(known(entries), WANTED, random.Random(1))
    assert found.gates == ()
    assert {each.first for each in found.ratings} == {"model/old", "model/x", "model/y"}


def test_ratings_are_played_until_they_rest_on_enough_games() -> None:
    """32 games are two matches of 8 pairs; the first is against a player that never changes; what
    is open counts; then nothing is wanted, so that workers may go."""
    entries = [model("a", Stage.PROMOTED)]
    found = plan(known(entries), WANTED, random.Random(1))
    assert [each.second in BUILTINS for each in found.ratings] == [True, True]
    assert found.ratings[0].second == RANDOM
    one_open = plan(known(entries, open_ratings={"model/a": 1}), WANTED, random.Random(1))
    assert len(one_open.ratings) == 1
    payoffs = Payoffs()
    payoffs.add("model/a", RANDOM, Results(32))
    assert plan(known(entries, payoffs), WANTED, random.Random(1)).ratings == ()


def test_a_search_is_not_scheduled_where_games_cannot_be_cloned() -> None:
    """Its matches could only fail."""
    entries = [model("a", Stage.PROMOTED), model("b", Stage.RETIRED)]
    without = known(entries, anchors=builtins_of(can_search=False))
    wanted = Wanted(pairs=1, rating_games=64)
    among = {each.second for each in plan(without, wanted, random.Random(1)).ratings}
    assert RANDOM in among
    assert SEARCH not in among
    among = {each.second for each in plan(known(entries), wanted, random.Random(1)).ratings}
    assert SEARCH in among


def test_open_matches_for_ratings_are_bounded() -> None:
    """A hundred models at once make no more than 64."""
    entries = [model(f"m{n}", Stage.RETIRED, float(n)) for n in range(100)]
    assert len(plan(known(entries), WANTED, random.Random(1)).ratings) == 64


def test_who_cannot_play_is_drawn_no_more() -> None:
    """Neither as the one to be rated nor as an opponent; without anchors a lone model waits."""
    entries = [model("a", Stage.PROMOTED), model("b", Stage.RETIRED)]
    some = known(entries, unplayable=frozenset({"model/b", *BUILTINS}))
    assert plan(some, WANTED, random.Random(1)).ratings == ()


def drawn(who: Entry, among: Population, draws: int = 4000) -> Counter[str]:
    """How often each is drawn."""
    chance = random.Random(3)
    return Counter(opponent_of(who, among, chance) for _ in range(draws))


def test_a_main_model_meets_those_most_who_beat_it() -> None:
    """By (1 - x)^2 with a floor: the one who wins 90 % far more often than the one who loses 90 %,
    whom it still meets; a tenth of all against anchors."""
    me, strong, weak = model("me"), model("strong", at=-2.0), model("weak", at=-1.0)
    payoffs = Payoffs()
    payoffs.add(me.player, strong.player, Results(10, 0, 90))
    payoffs.add(me.player, weak.player, Results(90, 0, 10))
    found = drawn(me, Population([strong, weak, me], BUILTINS, payoffs))
    assert me.player not in found
    assert found[strong.player] > 1.5 * found[weak.player] > 0
    anchors = sum(found[player] for player in BUILTINS)
    assert anchors / 4000 == pytest.approx(0.1, abs=0.02)
    hard = drawn(model("me", role=Role.LEAGUE_EXPLOITER), Population([strong, weak], (), payoffs))
    assert hard[strong.player] / hard[weak.player] == pytest.approx(0.9**2 / 0.05, rel=0.35)


def test_a_main_model_meets_exploiters_in_their_share() -> None:
    """At least 15 % of the draws that are not anchors, beside those of the whole pool."""
    me, other = model("me"), model("other")
    exploiter = model("x", role=Role.MAIN_EXPLOITER)
    found = drawn(me, Population([other, exploiter], (), Payoffs()))
    assert found[exploiter.player] / 4000 == pytest.approx(0.15 + 0.25, abs=0.03)


def test_a_main_exploiter_attacks_the_newest_main_unless_it_has_no_chance() -> None:
    """At ten per cent it attacks; below, it learns on the past ones of that lineage."""
    me = model("x", role=Role.MAIN_EXPLOITER)
    past, newest = model("v1", at=1.0, lineage="l"), model("v2", at=2.0, lineage="l")
    payoffs = Payoffs()
    assert set(drawn(me, Population([past, newest], (), payoffs))) == {newest.player}
    payoffs.add(me.player, newest.player, Results(0, 0, 100))
    found = drawn(me, Population([past, newest], (), payoffs))
    assert found[past.player] > 5 * found[newest.player]


def test_payoffs_are_the_same_from_both_sides() -> None:
    """What one won the other lost."""
    payoffs = Payoffs()
    payoffs.add("a", "b", Results(3, 1, 0))
    payoffs.add("b", "a", Results(1, 0, 0))
    assert payoffs.between("a", "b") == Results(3, 1, 1)
    assert payoffs.between("b", "a") == Results(1, 1, 3)
    assert payoffs.games("a") == payoffs.games("b") == 5
    assert payoffs.between("a", "c") == Results()
