"""The seam to where bytes are kept; ``directory`` and ``s3`` implement it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Artefact:
    """What is known of one."""

    name: str
    size: int
    modified_at: float


class ArtefactPlace(Protocol):
    """Keeps bytes under names of the form ``a/b/c``. Writes are whole or not at all.

    Every method raises ``Unavailable`` where the place cannot be reached or is full.
    """

    async def write(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep the chunks, return their size. Nothing is kept where ``chunks`` raises."""

    def read(self, name: str, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield chunks of at most 1 MiB from ``offset`` on.

        Raises:
            NotFound: nothing has the name.
        """

    def list(self, prefix: str) -> AsyncIterator[Artefact]:
        """Yield what stands below a prefix, in order of names."""

    async def delete(self, name: str) -> None:
        """Delete it, if it is there."""
