"""The seam to the objects of a resource: seen as views, written as manifests.

For resources whose need is a set of objects. A TrainingRun has a seam of its own (``backends``),
because its roles are processes on a laptop as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.views import View


class Children(Protocol):
    """The objects that resources own."""

    async def observe(self, owner: Owner) -> tuple[View, ...]:
        """Those that are there: what the resource controls, and all pods with its labels.

        Raises:
            BackendError: the world could not be asked.
        """

    async def apply(self, owner: Owner, manifests: Iterable[Manifest]) -> None:
        """Write those that are missing, differ, or were changed by somebody else.

        Raises:
            BackendError: refused.
        """

    async def remove(self, owner: Owner, views: Iterable[View]) -> None:
        """Delete these.

        Raises:
            BackendError: refused.
        """
