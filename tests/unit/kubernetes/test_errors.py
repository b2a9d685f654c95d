"""Answers of the API server as errors, and the brake on requests to it."""

from __future__ import annotations

import pytest
from trainingrun_operator.kube.throttle import TokenBucket
from trainingrun_reconciler.backends import ErrorKind
from trainingrun_reconciler.errors import (
    ApiError,
    ConflictError,
    ExpiredError,
    NotFoundError,
    UnreachableError,
    error_from,
)


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
    """What the user must repair is not tried again; everything else is."""
    error = error_from(status, b'{"message": "because"}', "GET /x")
    assert type(error) is kind
    assert error.retry is retry
    assert str(error) == f"GET /x: the API server answered {status}: because"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.INVALID_SPEC),
        (422, ErrorKind.INVALID_SPEC),
        (403, ErrorKind.REJECTED),
        (404, ErrorKind.REJECTED),
        (409, ErrorKind.REJECTED),
        (401, ErrorKind.TRANSIENT),
        (410, ErrorKind.TRANSIENT),
        (429, ErrorKind.TRANSIENT),
        (500, ErrorKind.TRANSIENT),
        (504, ErrorKind.TRANSIENT),
    ],
)
def test_answers_say_whose_matter_they_are(status: int, kind: ErrorKind) -> None:
    """What was asked for, what the cluster refuses, and what will pass without a word."""
    assert error_from(status, b"", "GET /x").kind is kind


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (
            500,
            "failed to create typed patch object (a/b): .x: field not declared",
            ErrorKind.INVALID_SPEC,
        ),
        (500, "failed to create typed live object", ErrorKind.TRANSIENT),
        (503, "failed to create typed patch object", ErrorKind.TRANSIENT),
    ],
)
def test_a_field_that_no_kind_has_is_the_users_though_the_answer_is_500(
    status: int, said: str, kind: ErrorKind
) -> None:
    """Server-side apply answers so; it would answer the same for ever."""
    error = error_from(status, f'{{"message": "{said}"}}'.encode(), "PATCH /x")
    assert error.kind is kind
    assert error.retry is (kind is not ErrorKind.INVALID_SPEC)


def test_no_answer_passes() -> None:
    """A server that cannot be reached says nothing about a run."""
    assert UnreachableError("gone").kind is ErrorKind.TRANSIENT


def test_an_answer_that_is_no_status_is_shown_as_it_came() -> None:
    """A proxy's page is cut, not parsed."""
    assert "gateway" in str(error_from(502, b"bad gateway", "GET /x"))


def test_the_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    """Two at once, then one each tenth of a second; a pause fills it again."""
    bucket = TokenBucket(rate=10.0, burst=2.0)
    start = bucket._at
    assert [bucket.reserve(start) for _ in range(4)] == pytest.approx([0.0, 0.0, 0.1, 0.2])
    assert bucket.reserve(start + 10.0) == 0.0
