"""Writing files that others read meanwhile."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file, so that a reader or a kill never meets half of it."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def secret_in(file: Path) -> str:
    """Return the secret in the file; made, with a file that only the owner reads, when there is
    none.

    Raises:
        OSError: the file cannot be read or written.
    """
    if file.exists() and (found := file.read_text(errors="replace").strip()):
        return found
    secret = secrets.token_urlsafe(24)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{secret}\n")
    return secret
