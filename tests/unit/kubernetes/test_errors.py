"""Answers of the API server as errors, and the brake on requests to it."""

from __future__ import annotations

import pytest
from trainingrun_operator.backends import Blame
from trainingrun_operator.backends.kubernetes.errors import (
    ApiError,
    ConflictError,
    ExpiredError,
    NotFoundError,
    UnreachableError,
    error_from,
)
from trainingrun_operator.backends.kubernetes.throttle import TokenBucket


@pytest.mark.parametrize(
    ("status", "kind", "retry"),
    [
        (400, ApiError, False),
        (403, ApiError, True),
        (404, NotFoundError, True),
        (409, ConflictError, True),
        (410, ExpiredError, True),
        (422, ApiError, False),
        (500, ApiError, True),
        (503, ApiError, True),
    ],
)
def test_answers_are_classified(status: int, kind: type[ApiError], retry: bool) -> None:
    """What the user must mend is not tried again; everything else is."""
    error = error_from(status, b'{"message": "because"}', "GET /x")
    assert type(error) is kind
    assert error.retry is retry
    assert str(error) == f"GET /x: the API server answered {status}: because"


@pytest.mark.parametrize(
    ("status", "blame"),
    [
        (400, Blame.USER),
        (422, Blame.USER),
        (403, Blame.CLUSTER),
        (404, Blame.CLUSTER),
        (409, Blame.CLUSTER),
        (401, Blame.PASSING),
        (410, Blame.PASSING),
        (429, Blame.PASSING),
        (500, Blame.PASSING),
        (504, Blame.PASSING),
    ],
)
def test_answers_say_whose_matter_they_are(status: int, blame: Blame) -> None:
    """What was asked for, what the cluster refuses, and what will pass without a word."""
    assert error_from(status, b"", "GET /x").blame is blame


@pytest.mark.parametrize(
    ("status", "said", "blame"),
    [
        (500, "failed to create typed patch object (a/b): .x: field not declared", Blame.USER),
        (500, "failed to create typed live object", Blame.PASSING),
        (503, "failed to create typed patch object", Blame.PASSING),
    ],
)
def test_a_field_that_no_kind_has_is_the_users_though_the_answer_is_500(
    status: int, said: str, blame: Blame
) -> None:
    """Server-side apply answers so; it would answer the same for ever."""
    error = error_from(status, f'{{"message": "{said}"}}'.encode(), "PATCH /x")
    assert error.blame is blame
    assert error.retry is (blame is not Blame.USER)


def test_no_answer_passes() -> None:
    """A server that cannot be reached says nothing about a run."""
    assert UnreachableError("gone").blame is Blame.PASSING


def test_an_answer_that_is_no_status_is_shown_as_it_came() -> None:
    """A proxy's page is cut, not parsed."""
    assert "gateway" in str(error_from(502, b"bad gateway", "GET /x"))


def test_the_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    """Two at once, then one each tenth of a second; a pause fills it again."""
    bucket = TokenBucket(rate=10.0, burst=2.0)
    start = bucket._at
    assert [bucket.reserve(start) for _ in range(4)] == pytest.approx([0.0, 0.0, 0.1, 0.2])
    assert bucket.reserve(start + 10.0) == 0.0
