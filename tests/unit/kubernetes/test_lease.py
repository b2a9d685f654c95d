"""Whose a lease is, decided by what a candidate has seen itself and by no time of day."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_operator.kube.lease import ObservedLease, Timing, seconds_until_free
from trainingrun_operator.process.options import parse

SEEN_AT_100 = ObservedLease(version="1", since=100.0)


def lease(holder: str | None = "other", **spec: Any) -> dict[str, Any]:
    """A lease of fifteen seconds as the API server gives it."""
    held = {} if holder is None else {"holderIdentity": holder}
    return {"spec": {**held, "leaseDurationSeconds": 15, "leaseTransitions": 3, **spec}}


@pytest.mark.parametrize(("now", "wait"), [(100.0, 15.0), (112.5, 2.5), (115.0, 0.0), (1e6, 0.0)])
def test_a_lease_of_another_is_free_when_it_was_seen_unchanged_for_its_duration(
    now: float, wait: float
) -> None:
    """Counted from when the candidate first saw this version of it."""
    assert seconds_until_free(lease(), SEEN_AT_100, "me", now=now) == wait


@pytest.mark.parametrize("renewed", ["1999-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"])
def test_a_clock_that_is_wrong_neither_steals_nor_keeps_a_lease(renewed: str) -> None:
    """The time of day in it is for people."""
    skewed = lease(renewTime=renewed, acquireTime=renewed)
    assert seconds_until_free(skewed, SEEN_AT_100, "me", now=101.0) == 14.0
    assert seconds_until_free(skewed, SEEN_AT_100, "me", now=115.0) == 0.0


@pytest.mark.parametrize("holder", [None, "", "me"])
def test_a_lease_that_was_given_back_or_is_our_own_is_free_at_once(holder: str | None) -> None:
    """Our own: a container that was restarted in its pod follows itself."""
    assert seconds_until_free(lease(holder), SEEN_AT_100, "me", now=100.0) == 0.0


def test_a_lease_without_a_spec_is_free() -> None:
    """As it is between its creation and its first taking."""
    assert seconds_until_free({}, SEEN_AT_100, "me", now=100.0) == 0.0


def test_a_leader_gives_up_well_before_anybody_may_follow() -> None:
    """15, 10 and 2 seconds, and the same proportions for other durations."""
    assert Timing.of(15) == Timing(duration=15, deadline=10, retry=2) == Timing()
    timing = Timing.of(60)
    assert timing.retry * 4 < timing.deadline < timing.duration


def test_the_name_of_a_pod_is_its_identity() -> None:
    """Outside a pod a name is made up that no second process has."""
    pod = parse([], {"POD_NAME": "operator-a", "POD_NAMESPACE": "system"})
    assert pod.identity == "operator-a"
    assert pod.claim is not None
    assert (pod.claim.namespace, pod.claim.identity) == ("system", "operator-a")
    first, second = (parse(["--no-lease"], {}) for _ in range(2))
    assert first.identity != second.identity
    assert first.claim is None


@pytest.mark.parametrize("arguments", [[], ["--lease-namespace=x", "--lease-seconds=1"]])
def test_a_lease_that_cannot_be_is_refused_in_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No namespace, or a duration that no renewal can meet: exit code 2 and what to give."""
    with pytest.raises(SystemExit) as ended:
        parse(arguments, {})
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "--lease-" in told
    assert "give" in told
