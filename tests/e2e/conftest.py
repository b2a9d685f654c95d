"""The cluster, our images on it, the chart installed, and a fresh restricted namespace per test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from testkit.e2e.cluster import IMAGES, ClusterError, Namespace, build_images, run
from testkit.tree import ROOT

SYSTEM = "trainingrun-system"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@pytest.fixture(scope="session")
def cluster() -> None:
    """A cluster that answers; without one the layer fails and does not skip."""
    if not os.environ.get("KUBECONFIG"):
        pytest.fail("KUBECONFIG is not set: see tests/e2e/README.md", pytrace=False)
    run("kubectl", "get", "--raw", "/readyz")


@pytest.fixture(scope="session")
def images(cluster: None) -> dict[str, str]:
    """Role -> image, built from this checkout and known to the cluster."""
    build_images(IMAGES.values())
    return {role: image.tag for role, image in IMAGES.items()}


@pytest.fixture(scope="session")
def installed(images: dict[str, str]) -> Iterator[str]:
    """The chart, installed in a restricted namespace of its own."""
    run("kubectl", "delete", "namespace", SYSTEM, "--ignore-not-found", "--wait", timeout=180)
    run("kubectl", "create", "namespace", SYSTEM)
    run("kubectl", "label", "namespace", SYSTEM, RESTRICTED)
    options = [f"--set=images.{role}={tag}" for role, tag in images.items()]
    chart = str(ROOT / "charts" / "trainingrun")
    run(
        "helm",
        "-n",
        SYSTEM,
        "upgrade",
        "--install",
        "trainingrun",
        chart,
        "--wait",
        "--timeout",
        "120s",
        *options,
        timeout=180,
    )
    yield SYSTEM
    run("helm", "-n", SYSTEM, "uninstall", "trainingrun", "--wait", timeout=180)


@pytest.fixture
def namespace(installed: str) -> Iterator[Namespace]:
    """A fresh namespace that enforces the restricted Pod Security Standard."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    run("kubectl", "create", "namespace", name)
    run("kubectl", "label", "namespace", name, RESTRICTED)
    yield Namespace(name)
    run("kubectl", "delete", "namespace", name, "--wait", timeout=240)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """When a test fails, add what a person would look at first."""
    report = yield
    space = getattr(item, "funcargs", {}).get("namespace")
    if report.when == "call" and report.failed and isinstance(space, Namespace):
        for arguments in (
            ("get", "trainingruns,pods,jobs", "-o", "wide"),
            ("get", "trainingruns", "-o", "yaml"),
            ("get", "events", "--sort-by=.lastTimestamp"),
        ):
            try:
                report.sections.append((" ".join(arguments), space.kubectl(*arguments)))
            except ClusterError as error:
                report.sections.append((" ".join(arguments), str(error)))
        try:
            log = run(
                "kubectl",
                "-n",
                SYSTEM,
                "logs",
                "-l",
                "app.kubernetes.io/name=trainingrun",
                "--tail=80",
            )
            report.sections.append(("operator log", log))
        except ClusterError as error:
            report.sections.append(("operator log", str(error)))
    return report
