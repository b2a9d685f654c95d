"""What the operator may do: the one list that the chart's role, the self-check and tests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_reconciler.kinds import (
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    EVENT,
    JOB,
    LEASE,
    NETWORK_POLICY,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    TRAINING_RUN,
    Kind,
)

WATCH: Final = ("list", "watch")
APPLY: Final = ("create", "patch")
"""Server-side apply is a patch, and a creation where nothing is there."""


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


PERMISSIONS: Final = (
    Permission(TRAINING_RUN, (*WATCH, "patch", "delete")),
    Permission(TRAINING_RUN, ("patch",), "status"),
    Permission(POD, (*WATCH, "patch")),
    Permission(SECRET, ("get", "create")),
    Permission(CONFIG_MAP, ("get", *WATCH, *APPLY)),
    Permission(SERVICE_ACCOUNT, ("get", *WATCH, *APPLY)),
    Permission(CLAIM, ("get", *WATCH, *APPLY)),
    Permission(SERVICE, ("get", *WATCH, *APPLY, "delete")),
    Permission(DEPLOYMENT, ("get", *WATCH, *APPLY, "delete")),
    Permission(STATEFUL_SET, ("get", *WATCH, *APPLY)),
    Permission(JOB, ("get", *WATCH, *APPLY, "delete")),
    Permission(DISRUPTION_BUDGET, ("get", *WATCH, *APPLY, "delete")),
    Permission(NETWORK_POLICY, ("get", *WATCH, *APPLY, "delete")),
    Permission(EVENT, ("create", "patch")),
)

LEASE_PERMISSIONS: Final = (
    Permission(LEASE, ("create",)),
    Permission(LEASE, ("get", "update"), named=True),
    Permission(SECRET, ("create",)),
    Permission(SECRET, ("get",), named=True),
)
"""In the lease's own namespace only; a creation cannot be bound to a name. The Secret has the
lease's name and holds the key that passwords are derived from."""
