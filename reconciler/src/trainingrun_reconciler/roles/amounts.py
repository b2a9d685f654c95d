"""Processor and memory of a role: what the user asked for, over the role's defaults."""

from __future__ import annotations

from dataclasses import replace

from trainingrun_api.pod_template import Container

from trainingrun_reconciler.roles.workload import Resources


def resources(asked: Container, defaults: Resources) -> Resources:
    """The role's resources; a wanted memory request without a limit is its own limit.

    Other resources that are asked for reach the pod with the template, and nothing reads them here.
    """
    requests, limits = asked.resources.requests, asked.resources.limits
    return replace(
        defaults,
        cpu=requests.get("cpu") or limits.get("cpu") or defaults.cpu,
        memory=requests.get("memory") or limits.get("memory") or defaults.memory,
        memory_limit=limits.get("memory") or requests.get("memory") or defaults.memory_limit,
        cpu_limit=limits.get("cpu") or defaults.cpu_limit,
    )
