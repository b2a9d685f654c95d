"""What the operator may do: the chart's role is made of it, and the operator asks at its start
whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_reconciler.kinds import EVENT, LEASE, SECRET, Kind
from trainingrun_reconciler.resources import RESOURCE_KINDS
from trainingrun_reconciler.resources.declaration import ResourceKind


@dataclass(frozen=True)
class Permission:
    """Verbs on one resource; ``subresource`` is empty for the objects themselves.

    ``named``: on the one object of a name that the operator is started with.
    """

    kind: Kind
    verbs: tuple[str, ...]
    subresource: str = ""
    named: bool = False

    @property
    def resource(self) -> str:
        """As it stands in a role."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def permissions() -> tuple[Permission, ...]:
    """All that the declared kinds of resources need, and events about them."""
    return (
        *(each for declared in RESOURCE_KINDS for each in _of_resource(declared)),
        *(Permission(each.kind, each.verbs) for each in RESOURCE_KINDS.children),
        Permission(EVENT, ("create", "patch")),
    )


def _of_resource(declared: ResourceKind) -> tuple[Permission, ...]:
    return (
        Permission(declared.kind, declared.verbs),
        Permission(declared.kind, ("patch",), "status"),
    )


LEASE_PERMISSIONS: Final = (
    Permission(LEASE, ("create",)),
    Permission(LEASE, ("get", "update"), named=True),
    Permission(SECRET, ("create",)),
    Permission(SECRET, ("get",), named=True),
)
"""In the lease's own namespace only; a creation cannot be bound to a name. The Secret has the
lease's name and holds the key that passwords are derived from."""
