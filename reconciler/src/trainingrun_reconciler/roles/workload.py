"""A workload: one role's processes, as both backends understand them.

Our own small value and not a manifest, because the same decision must make pods on a cluster and
processes on a laptop. A backend adds what only it knows (security context, volumes, supervision).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final


@dataclass(frozen=True)
class Role:
    """The name of a part of a run; two of the same name are equal.

    No closed set: which roles there are is for :data:`trainingrun_reconciler.roles.ROLES` to say.
    Those named here are the ones that the life of a run itself leads, step by step.
    """

    value: str

    REDIS: ClassVar[Role]
    DAEMON: ClassVar[Role]
    LEARNER: ClassVar[Role]
    ACTOR: ClassVar[Role]
    EVALUATOR: ClassVar[Role]
    SELFPLAY: ClassVar[Role]
    INFERENCE: ClassVar[Role]


Role.REDIS = Role("redis")
Role.DAEMON = Role("daemon")
Role.LEARNER = Role("learner")
Role.ACTOR = Role("actor")
Role.EVALUATOR = Role("evaluator")
Role.SELFPLAY = Role("selfplay")
Role.INFERENCE = Role("inference")


class Restart(Enum):
    """What happens when a process ends."""

    ALWAYS = "always"
    """A service: started again with back-off, whatever its exit code."""
    UNTIL_SUCCESS = "until-success"
    """A task: done at exit code 0, failed for good at a final one (``contracts.exit_codes``)."""


class Probe(Enum):
    """How to see that a process serves."""

    TCP = "tcp"
    """It accepts connections on its port."""
    HTTP = "http"
    """It answers ``GET /healthz`` on its port; on a laptop, it accepts connections."""
    GRPC = "grpc"
    """It answers gRPC's own health check on its port; on a laptop, it accepts connections."""
    HEALTH_FILE = "health-file"
    """It touches the file that TRAININGRUN_HEALTH_FILE names every few seconds."""


PLACEHOLDERS: Final = ("{host}", "{port}", "{decks}", "{own_decks}", "{data}", "{redis_config}")
"""What a backend puts into a command, as whole arguments:

- ``{host}``: the interface to listen on; 0.0.0.0 in a pod, 127.0.0.1 on a laptop.
- ``{port}``: the port to listen on; ``Workload.port`` in a pod; one free port per process on a
  laptop.
- ``{decks}``: the folder with the decks; /decks in the daemon's image.
- ``{own_decks}``: the folder with the decks of the run's own (``own_decks``).
- ``{data}``: the folder for data that outlives the process; ``Workload.storage.path`` in a pod.
- ``{redis_config}``: a file that only the owner reads and that says who may do what; so no password
  stands on a command line.
"""


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
class Admission:
    """The queue of Kueue that lets a run begin, and the run's priority in it."""

    queue: str
    priority_class: str | None = None


@dataclass(frozen=True)
class DaemonToken:
    """The token that a run's daemons ask for: in the user's Secret (name, key), or else made by the
    backend, which keeps it as long as the run."""

    secret: tuple[str, str] | None = None


@dataclass(frozen=True)
class Workload:
    """One role of one run.

    ``command`` is the program with its arguments, or nothing: then the image starts its own;
    :func:`filled` puts in what only the backend knows, wherever an argument is one of
    ``PLACEHOLDERS``. ``template_hash`` changes when, and only when, running members must be
    replaced. ``uses_config`` members read the run configuration and the Redis URL and run with
    ``TRAININGRUN_MEMBER`` set to their own name. ``secrets`` are names of secrets whose entries
    become environment variables (S3 credentials). ``spot`` is the spec's word; ``serves_tls`` asks
    for a port that speaks nothing else, where others can listen in; ``daemon_token`` is put into
    the environment of members that ask for it or show it; ``pod_override`` is what is laid over
    the pod's template, as canonical JSON.
    """

    role: Role
    replicas: int
    image: str
    command: tuple[str, ...]
    resources: Resources
    template_hash: str = ""
    restart: Restart = Restart.ALWAYS
    probe: Probe = Probe.HEALTH_FILE
    port: int | None = None
    grace_seconds: int = 30
    backoff_limit: int = 20
    uses_config: bool = True
    environment: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    pull_policy: str = "IfNotPresent"
    storage: Storage | None = None
    serves_tls: bool = False
    daemon_token: DaemonToken | None = None
    spot: str = "Never"
    pod_override: str = ""
    admission: Admission | None = None
    own_decks: tuple[str, ...] = ()
    """Names of the decks that the run brings itself, put where its members read them."""
    league: str | None = None
    """The league whose token and authority its members get."""


def filled(command: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """The command with placeholders (written with their braces) replaced by the backend's values.

    Raises:
        KeyError: the command holds a placeholder that ``values`` has not.
    """
    return tuple(values[part] if part in PLACEHOLDERS else part for part in command)
