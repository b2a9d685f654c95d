"""Fixtures: the chart's CRD and RBAC on the control plane, and the operator under them.

``operator``
    One operator for all tests that need one, with the chart's ServiceAccount and nothing more.
    A test that stops it starts it again. Its log begins with the test.
``fresh_operator``
    The same, started anew: for tests of what a process has used since its start.
``trainer``
    Makes runs in the test's namespace: ``trainer.start(name)`` applies one whose Redis is real and
    whose actors and learner are played by a :class:`testkit.operator.scripted_fleet.ScriptedFleet`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
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


_SHARED = pytest.StashKey[OperatorProcess]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Stop the operator before a test that does not ask for it: it may start others that want the
    lease, or write statuses of its own on the same control plane."""
    yield
    if _SHARED in item.config.stash and not _needs_operator(nextitem):
        item.config.stash[_SHARED].stop()


def _needs_operator(item: pytest.Item | None) -> bool:
    return "shared_operator" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def shared_operator(
    control_plane: ControlPlane,
    chart: None,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Iterator[OperatorProcess]:
    """The operator under the chart's RBAC, not started yet."""
    kubeconfig = control_plane.kubeconfig_for(SYSTEM, "trainingrun-operator")
    process = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator"))
    pytestconfig.stash[_SHARED] = process
    yield process
    process.stop()


@pytest.fixture
def operator(shared_operator: OperatorProcess) -> OperatorProcess:
    """The running operator of all tests."""
    shared_operator.forget_log()
    if not shared_operator.is_running():
        shared_operator.start()
    return shared_operator


@pytest.fixture
def fresh_operator(operator: OperatorProcess) -> OperatorProcess:
    """The operator of all tests, in a process that has done nothing yet."""
    operator.stop()
    operator.start()
    return operator


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
