"""Processor and memory of a role: what the user asked for, over the role's defaults."""

from __future__ import annotations

from dataclasses import replace

from trainingrun_api.spec import Resources as Wanted

from trainingrun_reconciler.roles.workload import Resources


def resources(wanted: Wanted, defaults: Resources) -> Resources:
    """The role's resources; a wanted memory request without a limit is its own limit."""
    memory = wanted.requests.memory or wanted.limits.memory or defaults.memory
    given = wanted.limits.memory or wanted.requests.memory
    return replace(
        defaults,
        cpu=wanted.requests.cpu or wanted.limits.cpu or defaults.cpu,
        memory=memory,
        memory_limit=given or defaults.memory_limit,
        cpu_limit=wanted.limits.cpu or defaults.cpu_limit,
    )
