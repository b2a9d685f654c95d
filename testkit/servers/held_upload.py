"""An upload to S3 that cannot be over before the test has done to it what it wants to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boto3.session import Session

PART_BYTES = 8 * 1024 * 1024
_PATIENCE_SECONDS = 120.0


@contextmanager
def last_part_held(session: Session, *, size: int) -> Iterator[None]:
    """The last part of a file of this many bytes goes up after the block; the others as they come.

    It is for clients that the session makes from now on.
    """
    last, is_free = -(-size // PART_BYTES), threading.Event()

    def hold(params: dict[str, Any], **_: object) -> None:
        if params["query_string"].get("partNumber") == last:
            is_free.wait(_PATIENCE_SECONDS)

    session.events.register("before-call.s3.UploadPart", hold)
    try:
        yield
    finally:
        is_free.set()
