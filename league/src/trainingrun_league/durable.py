"""What makes names durable: a file that is written and synchronised may still have none on disk."""

from __future__ import annotations

import os
from pathlib import Path


def synchronise(folder: Path) -> None:
    """Make the names in a folder durable, of files that came, went, or were moved.

    Raises:
        OSError: the folder cannot be opened, or its disk fails.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
