"""Daemons leave without their games: published as draining first, taken away when idle."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.reports import Intent
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_contracts.stream.ledger import Ledger
from trainingrun_reconciler.desired.draining import DrainRules, plan_draining
from trainingrun_reconciler.desired.observed import Member, ObservedRole, Signals

NOW = 1000.0
RULES = DrainRules(capacity=4, seconds=180)
OPEN = DaemonSlot(4)


def leaving(since: float = NOW - 10) -> DaemonSlot:
    """A slot that drains."""
    return DaemonSlot(4, draining=True, draining_since=since)


def role(*names: str, replicas: int | None = None, unready: tuple[str, ...] = ()) -> ObservedRole:
    """Daemons with these names; the later ones are younger."""
    members = tuple(
        Member(name, ready=name not in unready, endpoint=f"{name}:1", started_at=float(index))
        for index, name in enumerate(names)
    )
    return ObservedRole(len(names) if replicas is None else replicas, "hash", members)


def signals(
    slots: Mapping[str, DaemonSlot] | None = None, busy: Mapping[str, int] | None = None
) -> Signals:
    """What Redis says about the daemons."""
    return Signals(
        at=NOW,
        intent=Intent.RUN,
        intent_since=None,
        target=None,
        ledger=Ledger(0, 0, 0, {}, 0),
        games={},
        slots={f"{name}:1": slot for name, slot in (slots or {}).items()},
        busy={f"{name}:1": count for name, count in (busy or {}).items()},
    )


def test_ready_daemons_are_published_with_their_capacity() -> None:
    """Those that are starting are not."""
    plan = plan_draining(role("a", "b", unready=("b",)), signals(), RULES, desired=2, now=NOW)
    assert plan.slots == {"a:1": OPEN}
    assert plan.removable == ()


def test_the_least_busy_and_youngest_is_chosen_to_leave() -> None:
    """It drains before it goes: nothing is removable in the reconcile that chooses."""
    seen = signals({"a": OPEN, "b": OPEN, "c": OPEN}, {"a": 1, "b": 0, "c": 0})
    plan = plan_draining(role("a", "b", "c"), seen, RULES, desired=2, now=NOW)
    assert plan.slots["c:1"] == DaemonSlot(4, draining=True, draining_since=NOW)
    assert plan.slots["b:1"] == OPEN
    assert (plan.removable, plan.replicas, plan.waiting) == ((), 3, 1)


def test_a_draining_daemon_without_games_goes() -> None:
    """Redis gives no leases on it any longer, and none lives."""
    seen = signals({"a": OPEN, "b": leaving()}, {"a": 2, "b": 0})
    plan = plan_draining(role("a", "b"), seen, RULES, desired=1, now=NOW)
    assert (plan.removable, plan.replicas) == (("b",), 1)


def test_a_draining_daemon_with_games_stays() -> None:
    """Also when another one is idle by now: the choice does not jump."""
    seen = signals({"a": OPEN, "b": leaving()}, {"a": 0, "b": 1})
    plan = plan_draining(role("a", "b"), seen, RULES, desired=1, now=NOW)
    assert (plan.removable, plan.replicas, plan.waiting) == ((), 2, 1)
    assert plan.slots == {"a:1": OPEN, "b:1": leaving()}


def test_a_drain_ends_after_its_time() -> None:
    """A game that hangs does not hold a daemon for ever; it is counted as forced."""
    seen = signals({"a": OPEN, "b": leaving(NOW - 180)}, {"b": 1})
    plan = plan_draining(role("a", "b"), seen, RULES, desired=1, now=NOW)
    assert (plan.removable, plan.forced) == (("b",), 1)


def test_a_daemon_that_is_wanted_again_is_opened_again() -> None:
    """More are wanted while one drains: it takes games again instead of a new one starting."""
    seen = signals({"a": OPEN, "b": leaving()}, {"b": 1})
    plan = plan_draining(role("a", "b"), seen, RULES, desired=2, now=NOW)
    assert plan.slots == {"a:1": OPEN, "b:1": OPEN}
    assert plan.replicas == 2


def test_a_removed_daemon_that_is_still_there_is_not_opened_again() -> None:
    """The number was lowered, the member has not ended yet: it keeps draining."""
    seen = signals({"a": OPEN, "b": leaving()})
    plan = plan_draining(role("a", "b", replicas=1), seen, RULES, desired=1, now=NOW)
    assert plan.slots["b:1"].draining
    assert plan.replicas == 1


def test_daemons_that_do_not_exist_yet_go_first() -> None:
    """Pods that were never made cost no game."""
    seen = signals({"a": OPEN, "b": OPEN}, {"a": 4, "b": 4})
    plan = plan_draining(role("a", "b", replicas=4), seen, RULES, desired=2, now=NOW)
    assert (plan.replicas, plan.waiting) == (2, 0)
    assert plan.slots == {"a:1": OPEN, "b:1": OPEN}


def test_a_daemon_that_is_evicted_raises_no_number() -> None:
    """Its replacement exists beside it for a while; that is no reason to ask for more."""
    seen = signals({"a": OPEN, "b": OPEN}, {"a": 1, "b": 1})
    plan = plan_draining(
        role("a", "b", "c", replicas=2, unready=("b", "c")), seen, RULES, desired=2, now=NOW
    )
    assert plan.replicas == 2


NAMES = [f"d{index}" for index in range(8)]


@given(
    count=st.integers(0, 8),
    extra=st.integers(0, 3),
    wanted=st.integers(0, 10),
    unready=st.sets(st.sampled_from(NAMES)),
    published=st.dictionaries(st.sampled_from(NAMES), st.sampled_from([OPEN, leaving()])),
    busy=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 4)),
)
def test_no_plan_takes_a_daemon_that_may_have_games(
    count: int,
    extra: int,
    wanted: int,
    unready: set[str],
    published: dict[str, DaemonSlot],
    busy: dict[str, int],
) -> None:
    """Removable are only members without a live lease that can get none before they go."""
    names = NAMES[:count]
    there = role(*names, replicas=count + extra, unready=tuple(unready))
    plan = plan_draining(there, signals(published, busy), RULES, desired=wanted, now=NOW)
    for name in plan.removable:
        assert busy.get(name, 0) == 0
        assert name not in published or published[name].draining
        slot = plan.slots.get(f"{name}:1")
        assert slot is None or slot.draining
    assert plan.replicas >= min(wanted, there.replicas)
    assert plan.replicas <= max(wanted, there.replicas)
    taken = there.replicas - plan.replicas
    assert taken <= len(plan.removable) + extra
    assert set(plan.slots) == {f"{name}:1" for name in names if name not in unready}
