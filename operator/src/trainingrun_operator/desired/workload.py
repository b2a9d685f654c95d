"""A workload: one role's processes, as both backends understand them.

Our own small value and not a manifest, because the same decision must make pods on a cluster and
processes on a laptop. A backend adds what only it knows (security context, volumes, supervision).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Role(Enum):
    """The parts of a run, in the order in which they start."""

    REDIS = "redis"
    DAEMON = "daemon"
    LEARNER = "learner"
    ACTOR = "actor"
    EVALUATOR = "evaluator"


class Restart(Enum):
    """What happens when a process ends."""

    ALWAYS = "always"
    """A service: started again with back-off, whatever its exit code."""
    UNTIL_SUCCESS = "until-success"
    """A task: done at exit code 0; 75 (interrupted after saving) never counts as a failure."""


class Probe(Enum):
    """How to see that a process serves."""

    TCP = "tcp"
    """It accepts connections on its port."""
    HEALTH_FILE = "health-file"
    """It touches the file that TRAININGRUN_HEALTH_FILE names every few seconds."""


INTERRUPTED: Final = 75
"""Exit code of a learner that saved and stopped because it was told to (EX_TEMPFAIL)."""
USER_ERROR: Final = 2
"""Exit code of a process whose configuration is wrong: starting it again cannot help."""


@dataclass(frozen=True)
class Resources:
    """Requests and limits as Kubernetes quantities; the local backend ignores them."""

    cpu: str
    memory: str
    memory_limit: str
    cpu_limit: str | None = None
    gpus: int = 0


@dataclass(frozen=True)
class Storage:
    """A claim that a role writes to: mounted at ``path``; made by us unless ``claim`` exists."""

    path: str
    claim: str | None = None
    size: str = "10Gi"


@dataclass(frozen=True)
class Workload:
    """One role of one run.

    ``command`` is the program with its arguments. ``roll_hash`` changes when, and only when, running
    members must be replaced. ``uses_config`` members read the run configuration and the Redis URL
    and run with ``TRAININGRUN_MEMBER`` set to their own name. ``secrets`` are names of secrets whose
    entries become environment variables (S3 credentials).
    """

    role: Role
    replicas: int
    image: str
    command: tuple[str, ...]
    resources: Resources
    roll_hash: str
    restart: Restart = Restart.ALWAYS
    probe: Probe = Probe.HEALTH_FILE
    port: int | None = None
    grace_seconds: int = 30
    backoff_limit: int = 20
    uses_config: bool = True
    environment: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    storage: Storage | None = None
