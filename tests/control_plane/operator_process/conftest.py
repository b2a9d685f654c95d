"""Fixtures: the chart's CRD and RBAC on the control plane, and the operator under them.

``operator``
    One operator for the tests of a module, with the chart's ServiceAccount and nothing more.
``trainer``
    Makes runs in the test's namespace: ``trainer.start(name)`` applies one whose Redis is real and
    whose actors and learner are played by a :class:`testkit.operator.scripted_fleet.ScriptedFleet`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer, install_chart
from testkit.servers.redis_server import RedisServer, start_redis


@pytest.fixture(scope="session")
def queue_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all runs of all tests; they do not share keys."""
    with start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def chart(control_plane: ControlPlane, programs_folder: Path) -> None:
    """What the chart installs beside the operator's Deployment."""
    install_chart(control_plane, programs_folder / "helm")


@pytest.fixture(scope="module")
def operator(
    control_plane: ControlPlane, chart: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """The operator under the chart's RBAC; a test that stops it starts it again. It ends with the
    module: tests elsewhere write statuses of their own on the same control plane."""
    kubeconfig = control_plane.kubeconfig_for(SYSTEM, "trainingrun-operator")
    process = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def trainer(
    control_plane: ControlPlane,
    operator: OperatorProcess,
    queue_server: RedisServer,
    namespace: str,
) -> Iterator[Trainer]:
    """Makes runs in the test's namespace, and ends their fleets."""
    made = Trainer(control_plane, namespace, queue_server)
    yield made
    made.close()
