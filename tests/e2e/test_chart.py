"""The chart's own test, on the cluster it is made for: a pod of the operator's image that looks."""

from __future__ import annotations

from testkit.e2e.cluster import run


def test_helm_test_finds_the_installation_complete(installed: str) -> None:
    """Definition, permissions and a ready operator, asked over the cluster's DNS and network."""
    said = run("helm", "-n", installed, "test", "trainingrun", "--timeout", "180s", timeout=240)
    assert "Succeeded" in said
