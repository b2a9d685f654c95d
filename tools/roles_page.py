"""The page docs/reference/roles.md, made from the declarations of the roles.

It says of each role what it opens and what it may reach, which people who write policies, and who
review them, otherwise gather from rendered manifests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import (
    Account,
    Drain,
    Entrance,
    Life,
    RoleDeclaration,
    Service,
)
from trainingrun_reconciler.roles.workload import Probe

INTRODUCTION: Final = """# Roles

This page is generated from the declarations of the roles (`make generate`), in the order in which
they start. How a run moves between its stages is told in
[the life of a run](../guides/life-of-a-run.md).
"""

_LIVES: Final = {
    Life.STORE: "until the run is deleted",
    Life.TASK: "runs to its end, which is the run's",
    Life.WORKER: "while there is work; gone while the run is suspended",
}
_DRAINS: Final = {
    Drain.BY_SIGNAL: "is told to end, and has its grace period",
    Drain.BY_SLOTS: "gets no more games, and is told to end after its last",
}
_PROBES: Final = {
    Probe.TCP: "accepts connections on its port",
    Probe.HTTP: "answers `GET /healthz` on its port",
    Probe.GRPC: "answers gRPC's health check on its port",
    Probe.HEALTH_FILE: "touches a file every few seconds",
}
_SERVICES: Final = {
    None: "none",
    Service.EACH_MEMBER: "headless, each member by its address",
    Service.ANY_MEMBER: "one address for all members",
}
_ACCOUNTS: Final = {
    Account.SHARED: "`NAME-pods`, shared",
    Account.OWN: "its own, to which a cloud may give the right to the bucket",
}


def page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION, *(f"- **{each.role.value}**: {each.purpose}" for each in ROLES)]
    for title, columns in (("Life", _LIFE), ("Network and rights", _NETWORK)):
        parts += [f"\n## {title}\n", *_table(columns)]
    return "\n".join(parts) + "\n"


_LIFE: Final = ("Made by", "There", "Is healthy if it", "Goes when it", "Must be there")
_NETWORK: Final = ("Port", "Service", "May be reached by", "May reach", "ServiceAccount")


def _cells(declared: RoleDeclaration) -> dict[str, str]:
    availability = declared.availability
    return {
        "Made by": declared.controller.value,
        "There": _LIVES[declared.life],
        "Is healthy if it": _PROBES[declared.probe],
        "Goes when it": _DRAINS[declared.drain],
        "Must be there": "for the run to be ready" if availability is not None else "no",
        "Port": str(declared.port or "none"),
        "Service": _SERVICES[declared.service],
        "May be reached by": _sources(declared),
        "May reach": _targets(declared),
        "ServiceAccount": _ACCOUNTS[declared.account],
    }


def _sources(declared: RoleDeclaration) -> str:
    """Who may connect to it, the scraping of its metrics included."""
    match declared.entrance:
        case Entrance.NONE:
            found = []
        case Entrance.CLIENTS:
            found = [each.value for each in ROLES.clients_of(declared.role)]
        case Entrance.RUN:
            found = ["every pod of the run", "the operator"]
    if declared.serves_metrics:
        found.append("who scrapes metrics, where the chart names them")
    return ", ".join(found) or "nobody"


def _targets(declared: RoleDeclaration) -> str:
    names = ", ".join(each.value for each in declared.connects_to)
    if declared.is_confined:
        return ", ".join(filter(None, ("name resolution", names)))
    return f"anything; it connects to {names}" if names else "anything"


def _table(titles: Sequence[str]) -> Iterator[str]:
    yield f"| Role | {' | '.join(titles)} |"
    yield "|---" * (len(titles) + 1) + "|"
    for declared in ROLES:
        cells = _cells(declared)
        yield f"| {declared.role.value} | {' | '.join(cells[title] for title in titles)} |"
