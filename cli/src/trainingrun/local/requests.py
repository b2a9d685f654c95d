"""What people ask of a run that is running here: the same requests as on a cluster, in a file.

On a cluster they are a field of the spec and annotations of the resource. A local run has no server
that holds its resource, so requests are written beside it and the runtime reads them at every
reconcile. They hold for one process: a new start forgets them.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from trainingrun.local.files import write_atomically
from trainingrun.local.folder import RunFolder


class Requests(Struct, frozen=True):
    """``suspend`` in place of the spec's, unless it is None; ``annotations`` are laid
    over the resource's own."""

    suspend: bool | None = None
    annotations: dict[str, str] = {}


NONE: Final = Requests()


def read_requests(folder: RunFolder) -> Requests:
    """Return what stands in the folder; nothing where that is not what we wrote."""
    try:
        return msgspec.json.decode(folder.requests.read_bytes(), type=Requests)
    except (OSError, msgspec.DecodeError):
        return NONE


def write_requests(folder: RunFolder, requests: Requests) -> None:
    """Ask.

    Raises:
        OSError: the folder cannot be written.
    """
    write_atomically(folder.requests, msgspec.json.encode(requests))


def forget_requests(folder: RunFolder) -> None:
    """What was asked of an earlier process does not bind this one."""
    folder.requests.unlink(missing_ok=True)
