"""Two operators under one lease, and what the audit log has of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from testkit.control_plane.audit_log import Asked, requests_of
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer

ACCOUNT = "trainingrun-operator"
LEASE_NAME = "trainingrun-operator"


@dataclass(frozen=True)
class Pair:
    """The operator that leads and the one that stands by."""

    plane: ControlPlane
    leader: OperatorProcess
    standby: OperatorProcess

    def swapped(self) -> Pair:
        """The same two the other way round."""
        return replace(self, leader=self.standby, standby=self.leader)

    def as_it_is(self) -> Pair:
        """Waits until one of them leads; the pair with that one first."""
        names = {self.leader.name: self, self.standby.name: self.swapped()}
        self.plane.wait_until(lambda: self.holder() in names, "one of the two leads")
        return names[self.holder()]

    def holder(self) -> str:
        """Who leads, as the lease says."""
        lease = self.plane.api.get("lease", LEASE_NAME, SYSTEM)
        return str(lease["spec"].get("holderIdentity", ""))

    def requests(self, *, skip: int = 0) -> list[Asked]:
        """What both asked the API server for, after this many lines of the log."""
        return requests_of(self.log, f"system:serviceaccount:{SYSTEM}:{ACCOUNT}", skip=skip)

    @property
    def log(self) -> Path:
        """The audit log."""
        return self.plane.folder / "logs" / "audit.json"


@contextmanager
def two_operators(plane: ControlPlane, folder: Path, *options: str) -> Iterator[Pair]:
    """Two ready operators under the chart's account; the first one leads."""
    kubeconfig = plane.kubeconfig_for(SYSTEM, ACCOUNT)
    both = [OperatorProcess(kubeconfig, folder, *options, name=name) for name in ("one", "two")]
    try:
        for each in both:
            each.start()
        yield Pair(plane, *both)
    finally:
        for each in both:
            each.stop()


def seconds_until_followed(trainer: Trainer, name: str, actors: int) -> float:
    """Ask a run for another number of actors; how long until its Deployment has it."""
    begin = time.monotonic()
    trainer.patch(name, f'{{"actor": {{"replicas": {actors}}}}}')

    def is_told() -> bool:
        (found,) = trainer.objects("deployments", f"{name},trainingrun.dev/role=actor")
        return bool(found["spec"]["replicas"] == actors)

    trainer.wait_until(is_told)
    return time.monotonic() - begin
