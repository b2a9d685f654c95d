"""What follows the end of a process."""

from __future__ import annotations

import pytest
from trainingrun.local.backoff import (
    Again,
    Exit,
    Over,
    Record,
    Rules,
    after_exit,
)
from trainingrun_reconciler.roles.workload import Restart

SERVICE = Rules(Restart.ALWAYS, 0)
TASK = Rules(Restart.UNTIL_SUCCESS, 2)


def test_doubles_to_a_limit() -> None:
    """Expect 1, 2, 4 … and never more than 60 seconds."""
    record, seconds = Record(), []
    for _ in range(40):
        after = after_exit(Exit(1, 3, ""), SERVICE, record)
        assert isinstance(after, Again)
        record = after.record
        seconds.append(after.seconds)
    assert seconds[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(seconds[6:]) == {60}


def test_a_long_life_begins_anew() -> None:
    """Expect one second again after five minutes of life."""
    after = after_exit(Exit(1, 300, ""), SERVICE, Record(early=9))
    assert isinstance(after, Again)
    assert after.seconds == 1


@pytest.mark.parametrize("code", [0, 1, -9])
def test_a_service_always_starts_again(code: int) -> None:
    """Expect a service to start again even when it ended well."""
    after = after_exit(Exit(code, 1, "bye"), SERVICE, Record())
    assert isinstance(after, Again)
    assert after.seconds == 1
    assert after.record.restarts == 1
    assert "bye" in after.problem.message


def test_a_task_is_done_at_exit_code_0() -> None:
    """Expect no further start."""
    after = after_exit(Exit(0, 1, ""), TASK, Record())
    assert isinstance(after, Over)
    assert after.finished is not None
    assert after.finished.succeeded


@pytest.mark.parametrize("rules", [SERVICE, TASK])
def test_a_mistake_of_the_user_is_final(rules: Rules) -> None:
    """Expect the program's own words, and no further start."""
    after = after_exit(Exit(2, 1, "no such bucket"), rules, Record())
    assert isinstance(after, Over)
    assert after.problem is not None
    assert (after.problem.reason, after.problem.message) == ("Configuration", "no such bucket")
    assert (after.finished is not None) == (rules is TASK)


def test_an_interrupted_task_never_counts() -> None:
    """Expect exit code 75 to start again at once, however often."""
    record = Record()
    for _ in range(10):
        after = after_exit(Exit(75, 1, ""), TASK, record)
        assert isinstance(after, Again)
        assert after.seconds == 1
        record = after.record
    assert record.failures == 0


def test_a_task_fails_for_good_beyond_its_limit() -> None:
    """Expect two more tries, then the last words."""
    record = Record()
    for _ in range(2):
        after = after_exit(Exit(1, 1, ""), TASK, record)
        assert isinstance(after, Again)
        record = after.record
    after = after_exit(Exit(-11, 1, "boom"), TASK, record)
    assert isinstance(after, Over)
    assert after.finished is not None
    assert not after.finished.succeeded
    assert after.finished.message == "3 failures; the last one killed by signal 11: boom"
