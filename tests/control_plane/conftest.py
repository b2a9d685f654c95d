"""Fixtures of the control-plane tests: a real API server with controllers, pods played by kwok.

Session fixtures
    ``control_plane`` (:class:`testkit.control_plane.plane.ControlPlane`)
        Started once, about 5 s (the first run on a machine builds the programs, about 9 min).
        ``.kubeconfig`` administrator's file · ``.url`` · ``.folder`` (``logs/`` in it)
        ``.api.get("deploy", "x", ns) -> dict`` · ``.api.find(…) -> dict | None``
        ``.api.list("pods,jobs", ns, labels="app=x") -> list[dict]`` · ``.api.patch(…, change=…)``
        ``.apply(obj, …)`` server-side · ``.api.delete("job", "x", ns)``; raise ``ApiError``
        ``.create_namespace(name, restricted=True)`` · ``.delete_namespace(name)``
        ``.add_nodes(count, prefix=…, size=…)``
        ``.kubectl("get", "pods", stdin=…, kubeconfig=…) -> str``, raises ``KubectlError``: a
        process of 0.1 CPU-s, for tests of what kubectl prints, checks and explains
        ``.kubeconfig_for(namespace, service_account) -> Path`` with a TokenRequest token
        ``.verbs_used_by(namespace, service_account) -> frozenset[Verb]`` from the audit log
        ``.play(namespace, selector, "complete"|"fail"|"evict"|"crash-loop"|"image-error"|
        "unready"|"hold"|"", exit_code="3", stop_after="2s")`` tells pods what to do
        ``.stop_part("kube-apiserver", at_once=True)`` / ``.start_part(…)`` play an outage
    ``programs_folder`` (Path)
        Where etcd, kubectl, helm and the others lie, for tests that run ``helm`` themselves.

Fixtures per test
    ``namespace`` (str): a fresh namespace, Pod Security "restricted", deleted without waiting.
    ``kubectl``: ``kubectl("get", "pods") -> str``, within that namespace.
    ``s3``: an :class:`testkit.servers.s3_server.S3Server` of its own.

Any image from a host that ends in ``.invalid`` cannot be pulled; every other pod is ready at once.
Wait with ``control_plane.wait_until(lambda: …, "what", seconds=30)``, which looks again when an
object of a collection changes that was asked for; nothing here sleeps.
Module ``testkit.control_plane.plane`` also has ``restricted_pod``, ``condition`` and
``waiting_reasons``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testkit.control_plane.plane import ControlPlane
from testkit.programs import programs
from testkit.servers.s3_server import S3Server

_NUMBERS = itertools.count(1)
_PLANE = pytest.StashKey[ControlPlane]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Continue with a control plane that rested."""
    if _PLANE in item.config.stash:
        item.config.stash[_PLANE].resume()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let the control plane rest while other tests run: one that no one asks takes 2 % of a
    processor and most of a gigabyte, and each process of a test run has its own."""
    if _PLANE in item.config.stash and nextitem is not None and not _is_here(nextitem):
        item.config.stash[_PLANE].pause()


def _is_here(item: pytest.Item) -> bool:
    return Path(__file__).parent in item.path.parents


@pytest.fixture(scope="session")
def programs_folder() -> Path:
    """The folder of the real programs."""
    return programs()


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """One control plane for all tests; its folder stays if one of them failed."""
    with ControlPlane() as plane:
        request.config.stash[_PLANE] = plane
        yield plane
        del request.config.stash[_PLANE]
        if request.session.testsfailed:
            plane.keep_logs = True
            print(f"\nlogs of the control plane: {plane.folder / 'logs'}")


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh restricted namespace."""
    name = f"test-{next(_NUMBERS)}"
    control_plane.create_namespace(name)
    yield name
    control_plane.delete_namespace(name)


@pytest.fixture
def kubectl(control_plane: ControlPlane, namespace: str) -> Callable[..., str]:
    """kubectl as administrator within the test's namespace."""

    def run(*arguments: str, stdin: str | None = None) -> str:
        return control_plane.kubectl("--namespace", namespace, *arguments, stdin=stdin)

    return run


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    """A running S3 server on a temporary folder."""
    with S3Server(tmp_path / "s3") as server:
        yield server
