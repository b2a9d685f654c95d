"""What the API server may answer, as one small tree below the backends' error.

    BackendError
    ├── FencedError         nothing was asked: this operator does not lead
    └── ApiError            any answer that is not a success; ``status`` is the HTTP status
        ├── NotFoundError   404: the object, or the kind itself, is not there
        ├── ConflictError   409: it exists already, or was changed by somebody else meanwhile
        ├── ExpiredError    410: the resource version is too old to continue from
        ├── SchemaError     500: a field that the kind does not have, or of another type
        ├── TooLargeError   the answer is longer than what is read
        └── UnreachableError  no answer at all; ``status`` is 0
            └── BrokenOffError  a watch that had been answered, and ended before its time

Errors of the HTTP client and of the sockets are translated here and nowhere else.
"""

from __future__ import annotations

import json
from typing import Final

from trainingrun_reconciler.backends import BackendError, ErrorKind

_REASONS: Final = {
    400: "Rejected",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Rejected",
    429: "TooManyRequests",
}
_FAILED: Final = 500
_MISFIT: Final = "failed to create typed patch object"
"""How server-side apply begins its message where a field is unknown or of another type."""
_PERMANENT: Final = frozenset({400, 422})
_TRANSIENT: Final = frozenset({0, 401, 408, 410, 429})


class ApiError(BackendError):
    """The API server refused a request."""

    def __init__(self, status: int, message: str, *, retry_after: float | None = None) -> None:
        reason = _REASONS.get(status, "ApiServerError")
        super().__init__(reason, message, retry=status not in _PERMANENT)
        self.status = status
        self.retry_after = retry_after

    @property
    def kind(self) -> ErrorKind:
        """Busy, failing and silent API servers pass; other answers are about the request."""
        return (
            ErrorKind.TRANSIENT if self.status in _TRANSIENT or self.status >= 500 else super().kind
        )


class FencedError(BackendError):
    """A write that was not sent, because this operator does not lead."""

    def __init__(self, message: str) -> None:
        super().__init__("NotLeading", message)

    @property
    def kind(self) -> ErrorKind:
        """It says nothing about what was to be written."""
        return ErrorKind.TRANSIENT


class NotFoundError(ApiError):
    """The object or its kind does not exist."""


class ConflictError(ApiError):
    """The object exists already, or has another version than the one that the request is about."""


class ExpiredError(ApiError):
    """The API server no longer knows the resource version: list again."""


class SchemaError(ApiError):
    """What was applied does not fit the kind; server-side apply answers so with a 500."""

    def __init__(self, status: int, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(status, message, retry_after=retry_after)
        self.reason, self.retry = "Rejected", False

    @property
    def kind(self) -> ErrorKind:
        """The user's: no other field comes from outside this program."""
        return ErrorKind.INVALID_SPEC


class TooLargeError(ApiError):
    """The answer is longer than what is read."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)

    @property
    def kind(self) -> ErrorKind:
        """It would be as long again."""
        return ErrorKind.REJECTED


class UnreachableError(ApiError):
    """The API server did not answer."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(0, message, retry_after=retry_after)
        self.reason = "ApiServerUnreachable"


class BrokenOffError(UnreachableError):
    """A watch was cut; the API server may well be there."""


_CLASSES: Final[dict[int, type[ApiError]]] = {
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
}


def error_from(
    status: int, body: bytes, request: str, *, retry_after: float | None = None
) -> ApiError:
    """The error for an answer; ``request`` says what was tried (verb and path)."""
    said = _message_in(body)
    kind = SchemaError if status == _FAILED and _MISFIT in said else _CLASSES.get(status, ApiError)
    message = f"{request}: the API server answered {status}: {said}"
    return kind(status, message, retry_after=retry_after)


def _message_in(body: bytes) -> str:
    """The message of a Status object, or the beginning of whatever came instead."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("message"):
        return str(document["message"])
    return body[:200].decode(errors="replace").strip() or "(nothing)"
