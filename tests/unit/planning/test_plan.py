"""Plans: the arithmetic against an obvious version, the goals, and what stands in their way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun.commands.plan.price_file import read_prices
from trainingrun.estimate.band import Band
from trainingrun.estimate.bill import Buying, Choice, Shop
from trainingrun.estimate.errors import PlanError
from trainingrun.estimate.interruptions import interruptions_of
from trainingrun.estimate.limits import Limit, limits_of
from trainingrun.estimate.needs import needs_of
from trainingrun.estimate.plan import Goal, Plan, Question, make_plan
from trainingrun.estimate.rate import Rate

from testkit.operator.pod_templates import asked_of
from testkit.planning.questions import RATE, Ask, run_of

SHARE = 1 + 2 * 2 / 100_000


def learner_with(requests: dict[str, str]) -> dict[str, Any]:
    """A learner that requests so much."""
    return {"template": asked_of("learner", resources={"requests": requests})}


"""Games that are played for each training game."""


def test_a_plan_is_plain_arithmetic(ask: Ask) -> None:
    """Expect machines, hours and money as one would work them out by hand."""
    plan = make_plan(ask())
    (quote,) = plan.quotes
    assert plan.fleets.likely.daemons == 10
    assert plan.fleets.likely.games_per_hour == 36_000
    assert {part.role: (part.count, part.machine) for part in quote.bill.parts} == {
        "daemon": (1, "c6i.4xlarge"),
        "learner": (1, "c5.2xlarge"),
        "redis": (1, "cache.r5.large"),
    }
    hours = 100_000 * SHARE / 36_000
    assert quote.hours.likely == pytest.approx(hours)
    assert quote.hours == Band(
        pytest.approx(hours * 36 / 40), pytest.approx(hours), pytest.approx(hours * 36 / 30)
    )
    assert quote.cost.likely == pytest.approx(hours * (0.68 + 0.34 + 0.166))
    assert quote.interruptions == Band(0, 0, 0)


def test_the_learner_bounds_the_run(ask: Ask) -> None:
    """Expect at most the daemons that feed the learner, and that this is said."""
    plan = make_plan(ask(learner=1_000))
    most = 1_000 * 3600 / 250
    assert plan.fleets.likely.daemons == 4  # 3,600 games/h each, 14,400 at most
    assert plan.fleets.slow.daemons == 5
    assert plan.fleets.slow.games_per_hour == most
    twice = {each.title: each for each in plan.sensitivity}["a learner twice as fast"]
    assert twice.daemons == 8
    assert plan.fleets.likely.limited_by == "engine"
    assert make_plan(ask(learner=990)).fleets.likely.limited_by == "learner"


def test_one_core_of_a_learner_is_what_was_measured(ask: Ask) -> None:
    """Expect 36 µs a transition at two epochs, in proportion for more epochs and cores."""

    def learner(spec: dict[str, Any], **more: Any) -> float:
        limits = ask({"learner": spec, **more}).limits
        (limit,) = [each for each in limits if each.role == "learner"]
        return limit.transitions_per_second

    assert learner({}) == pytest.approx(27_778, rel=1e-4)
    assert learner({}, algorithm={"ppo": {"epochs": 6}}) == pytest.approx(9_259, rel=1e-4)
    assert learner(learner_with({"cpu": "2"})) == pytest.approx(55_556, rel=1e-4)


def test_what_nobody_measured_is_said(ask: Ask) -> None:
    """Expect a learner with a GPU to count as its processors, a transformer not to bound anything,
    and a sentence for both; none where its rate is given."""
    gpu = make_plan(ask({"learner": {"gpus": 1}}))
    assert [limit.role for limit in gpu.limits] == ["learner", "redis"]
    assert any("no learner with 1 GPU was measured" in note for note in gpu.notes)
    other = make_plan(ask({"learner": {"network": {"kind": "transformer"}}}))
    assert [limit.role for limit in other.limits] == ["redis"]
    assert any("transformer" in note and "--learner-rate" in note for note in other.notes)
    known = make_plan(ask({"learner": {"gpus": 1}}, learner=1e5))
    assert not any("--learner-rate" in note for note in known.notes)


def test_the_learner_s_machine_holds_it(ask: Ask) -> None:
    """Expect a larger machine than the usual one where its requests do not fit beside the system,
    and a quote that is left out where there is none."""
    wants = {"gpus": 1, **learner_with({"cpu": "4", "memory": "12Gi"})}
    (quote,) = make_plan(ask({"learner": wants})).quotes
    machines = {part.role: part.machine for part in quote.bill.parts}
    assert machines["learner"] == "g4dn.2xlarge"
    with pytest.raises(PlanError, match=r"it leaves 3\.5 vCPUs to pods, the learner requests 4"):
        make_plan(ask({"learner": wants}, choice=Choice(learner="g4dn.xlarge")))


def test_hours_give_the_fewest_daemons_that_are_in_time(ask: Ask) -> None:
    """Expect one daemon fewer to be too late, and a note where the slow end is."""
    plan = make_plan(ask(goal=Goal(100_000, hours=7)))
    daemons = plan.fleets.likely.daemons
    assert plan.quotes[0].hours.likely <= 7 < 100_000 * SHARE / (3_600 * (daemons - 1))
    assert any("slowest daemons" in note and "5 daemons" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("spec", "hours", "said"),
    [
        ({}, 2, "14 daemons are needed, and spec.daemon.autoscaling.maxReplicas is 10"),
        ({}, 2, "allow 2.8 hours or more, or raise maxReplicas to 14"),
        ({}, 0.1, "one learner takes 400,000"),
        (
            {"daemon": {"external": {"endpoints": ["a:1", "b:1"]}}},
            5,
            "spec.daemon.external has 2: allow 13.9 hours or more, or name 6 endpoints",
        ),
    ],
)
def test_hours_that_are_too_few(ask: Ask, spec: dict[str, Any], hours: float, said: str) -> None:
    """Expect what is needed, what there is, and both ways out."""
    with pytest.raises(PlanError) as caught:
        make_plan(ask(spec, goal=Goal(100_000, hours=hours)))
    assert said in str(caught.value)


def test_a_budget_buys_games(ask: Ask) -> None:
    """Expect the money to be spent, and the games to be its hours times the speed."""
    (quote,) = make_plan(ask(goal=Goal(100_000, budget=100.0))).quotes
    assert quote.cost == Band(100, 100, 100)
    assert quote.hours.likely == pytest.approx(100 / (0.68 + 0.34 + 0.166))
    assert quote.games.likely == pytest.approx(quote.hours.likely * 36_000 / SHARE)
    assert quote.games.low < quote.games.likely < quote.games.high


def test_a_budget_below_an_hour_is_refused_with_the_least(ask: Ask) -> None:
    """Expect the price of an hour in the sentence; what another way allows is kept."""
    with pytest.raises(PlanError, match=r"an hour of the run's machines costs 1\.19 \(aws"):
        make_plan(ask(goal=Goal(100_000, budget=1.0)))
    both = ask(goal=Goal(100_000, budget=1.0))
    mixed = Question(
        needs=both.needs,
        goal=both.goal,
        rate=both.rate,
        limits=both.limits,
        shops=both.shops,
        buyings=[Buying.ON_DEMAND, Buying.SPOT],
        interruptions=both.interruptions,
    )
    plan = make_plan(mixed)
    assert [quote.buying for quote in plan.quotes] == ["spot"]
    assert any("costs 1.19 (aws, on-demand)" in note for note in plan.notes)


def test_spot_follows_the_spec_role_by_role(ask: Ask) -> None:
    """Expect the default spec to put daemons on spot and the learner not; `spot` all but Redis."""
    by_spec = make_plan(ask(buying=Buying.AS_WRITTEN)).quotes[0]
    assert {part.role: part.purchase for part in by_spec.bill.parts} == {
        "daemon": "spot",
        "learner": "on-demand",
        "redis": "on-demand",
    }
    everything = make_plan(ask(buying=Buying.SPOT)).quotes[0]
    assert {part.role: part.purchase for part in everything.bill.parts}["learner"] == "spot"
    assert everything.cost.likely < by_spec.cost.likely
    never = make_plan(ask({"daemon": {"spot": "Never"}}, buying=Buying.AS_WRITTEN)).quotes[0]
    assert never.bill.spot_machines == 0


def test_interruptions_take_time_at_the_slow_end(ask: Ask) -> None:
    """Expect hours to grow by the part of its time that a spot machine is away."""
    away = 30 * 5 / 60 / 720
    dear = make_plan(ask(buying=Buying.ON_DEMAND)).quotes[0]
    spot = make_plan(ask(buying=Buying.SPOT)).quotes[0]
    assert spot.hours.high == pytest.approx(dear.hours.high / (1 - away))
    assert spot.interruptions.high == pytest.approx(30 * 2 * spot.hours.likely / 720)


def test_a_machine_without_a_spot_price_is_bought_on_demand_and_said(ask: Ask) -> None:
    """Expect no invented price."""
    plan = make_plan(ask(buying=Buying.SPOT, choice=Choice(learner="cache.r5.large")))
    learner = {part.role: part for part in plan.quotes[0].bill.parts}["learner"]
    assert learner.purchase == "on-demand"
    assert "aws: no spot price of cache.r5.large is known: computed on demand" in plan.notes


def test_prices_of_the_spec_take_the_place_of_machines(ask: Ask) -> None:
    """Expect members times prices, the evaluator with the actors, and the budget of the spec."""
    cost = {"daemonHourly": 0.05, "actorHourly": 0.04, "learnerHourly": 0.5, "budget": 1}
    plan = make_plan(ask({"cost": cost}, by_spec=True))
    (quote,) = plan.quotes
    actors = plan.fleets.likely.actors
    assert actors == 5  # 80 games at once, 16 of an actor
    assert quote.hourly.likely == pytest.approx(10 * 0.05 + (actors + 1) * 0.04 + 0.5)
    assert quote.provider == "spec.cost"
    assert any(note.startswith("spec.cost.budget is 1: it is spent after") for note in plan.notes)


def test_external_daemons_cost_nothing_here(ask: Ask) -> None:
    """Expect as many daemons as endpoints, no machine for them, and a note."""
    spec = {"daemon": {"external": {"endpoints": ["a:1", "b:1", "c:1"]}}}
    plan = make_plan(ask(spec))
    assert plan.fleets.likely.daemons == 3
    assert "daemon" not in {part.role for part in plan.quotes[0].bill.parts}
    assert any("external" in note for note in plan.notes)


def test_a_learner_needs_its_gpus_in_one_machine(ask: Ask) -> None:
    """Expect a sentence that names the machine, what it has and what is asked."""
    with pytest.raises(
        PlanError, match=r"g4dn\.xlarge \(aws\): it has 1 GPUs, spec.learner.gpus is 4"
    ):
        make_plan(ask({"learner": {"gpus": 4}}))


def test_evaluations_are_games_too(ask: Ask) -> None:
    """Expect 400 against two opponents every 5,000 games, and once more at the end."""
    spec = {"evaluation": {"intervalGames": 5_000, "games": 400, "opponents": ["random", "engine"]}}
    plan = make_plan(ask(spec))
    assert plan.evaluation_share == pytest.approx(0.168)
    assert plan.quotes[0].hours.likely == pytest.approx(100_000 * 1.168 / 36_000)


def test_faster_daemons_are_fewer_once_the_learner_is_fed(ask: Ask) -> None:
    """Expect the sensitivity to choose daemons anew: half as many give the same games."""
    plan = make_plan(ask(learner=1_000))
    table = {each.title: each for each in plan.sensitivity}
    assert table["as planned"].daemons == 4
    assert table["as planned"].cost == pytest.approx(plan.quotes[0].cost.likely)
    assert table["daemons twice as fast"].daemons == 2
    assert table["daemons half as fast"].daemons == 8


@settings(max_examples=60)
@given(
    each=st.tuples(*[st.floats(1, 1e6)] * 3),
    learner=st.floats(1, 1e6),
    most=st.integers(1, 500),
    buying=st.sampled_from(Buying),
    budget=st.none() | st.floats(200, 1e6),
)
def test_every_range_is_in_order(
    each: tuple[float, float, float],
    learner: float,
    most: int,
    buying: Buying,
    budget: float | None,
) -> None:
    """Expect low <= likely <= high in hours, cost, games and price, and all of them finite."""
    plan = _planned(Band(*sorted(each)), learner, most, buying, budget)
    for quote in plan.quotes:
        for band in (quote.hours, quote.cost, quote.games, quote.hourly):
            assert 0 <= band.low <= band.likely * (1 + 1e-9)
            assert band.likely <= band.high * (1 + 1e-9) < float("inf")
    for fleet in (plan.fleets.slow, plan.fleets.likely, plan.fleets.fast):
        assert 1 <= fleet.daemons <= most
        assert fleet.games_per_hour * 250 / 3600 <= learner * (1 + 1e-9)


def _planned(band: Band, learner: float, most: int, buying: Buying, budget: float | None) -> Plan:
    prices = read_prices(None)
    needs = needs_of(run_of({"daemon": {"autoscaling": {"maxReplicas": most}}}))
    rate = Rate(band, 250.0, "", "")
    question = Question(
        needs=needs,
        goal=Goal(needs.games, budget=budget),
        rate=rate,
        limits=limits_of(needs, rate, given=learner),
        shops=[Shop(name, each, Choice()) for name, each in prices.providers.items()],
        buyings=[buying],
        interruptions=interruptions_of(prices),
    )
    return make_plan(question)


def test_a_limit_scales() -> None:
    """Expect its source and role to stay."""
    assert Limit("learner", 10.0, "x").scaled(2.0) == Limit("learner", 20.0, "x")
    assert RATE.scaled(2.0).games_per_daemon_hour == Band(6_000, 7_200, 8_000)
