"""The command line of the operator process."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainingrun_reconciler.controller.reach import Network, networks
from trainingrun_reconciler.settings import Images, Settings

from trainingrun_operator.kube.lease import LeaseConfig, Timing


@dataclass(frozen=True)
class Options:
    """What the operator is started with. ``namespaces`` empty is the whole cluster."""

    settings: Settings
    namespaces: tuple[str, ...] = ()
    own_namespace: str | None = None
    kubeconfig: Path | None = None
    redis_address: str | None = None
    league_address: str | None = None
    health_port: int = 8080
    metrics_port: int = 9090
    requests_per_second: float = 200.0
    request_burst: float = 400.0
    unsafe_overrides: bool = False
    metrics_from: tuple[Mapping[str, Any], ...] = ()
    """Peers of a NetworkPolicy that may read the metrics of runs' roles; empty: no peer may."""
    identity: str = ""
    claim: LeaseConfig | None = None
    """The lease by which this operator leads; None when its user says that it is alone."""
    log_level: str = "INFO"


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Read the command line; a wrong one ends the process with a sentence and exit code 2."""
    parser = _parser(environment)
    given = parser.parse_args(arguments)
    identity = environment.get("POD_NAME") or _invented_identity()
    place = given.lease_namespace or given.own_namespace
    if not given.no_lease and not place:
        parser.error(
            "--lease-namespace is missing, so no Lease can decide which of several operators works:"
            " name a namespace, or give --no-lease if this operator is the only one"
        )
    lease = LeaseConfig(place, given.lease_name, identity, Timing.of(given.lease_seconds))
    settings = Settings(
        images=Images(
            daemon=given.image_daemon,
            actor=given.image_actor,
            search=given.image_search,
            trainer=given.image_trainer,
            redis=given.image_redis,
            league=given.image_league,
        ),
        decks=frozenset(given.decks) if given.decks else None,
        refused_networks=given.refuse_networks,
    )
    return Options(
        settings=settings,
        namespaces=tuple(given.namespaces),
        own_namespace=given.own_namespace,
        kubeconfig=given.kubeconfig,
        redis_address=given.redis_address,
        league_address=given.league_address,
        health_port=given.health_port,
        metrics_port=given.metrics_port,
        requests_per_second=given.requests_per_second,
        request_burst=given.request_burst,
        unsafe_overrides=given.allow_unsafe_overrides,
        metrics_from=given.metrics_from,
        identity=identity,
        claim=None if given.no_lease else lease,
        log_level=given.log_level,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trainingrun-operator",
        description="Turns TrainingRuns into daemons, actors, a learner and a queue on a cluster.",
    )
    add, images = parser.add_argument, Images()
    for role in ("daemon", "actor", "search", "trainer", "redis", "league"):
        add(
            f"--image-{role}",
            default=getattr(images, role),
            metavar="IMAGE",
            help=f"image of the {role} where a resource names none (%(default)s)",
        )
    add("--namespaces", type=_names, default=(), metavar="A,B", help="only these; default: all")
    add(
        "--own-namespace",
        default=environment.get("POD_NAMESPACE"),
        metavar="NAME",
        help="where the operator runs; network policies let it in to Redis (POD_NAMESPACE)",
    )
    add(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="default: the pod's service account, then KUBECONFIG",
    )
    add(
        "--decks",
        type=_names,
        default=(),
        metavar="A,B",
        help="decks that the default daemon image holds, to refuse unknown ones early",
    )
    add(
        "--redis-address",
        metavar="HOST:PORT",
        help="where managed Redis servers are reached by an operator outside the cluster",
    )
    add(
        "--league-address",
        metavar="HOST:PORT",
        help="where leagues are asked by an operator outside the cluster",
    )
    add(
        "--allow-unsafe-overrides",
        action="store_true",
        help="let the roles' templates weaken pods; the cluster's own admission still judges them",
    )
    add(
        "--metrics-from",
        type=_peers,
        default=(),
        metavar="JSON",
        help="peers of a NetworkPolicy that may read the metrics of runs; default: no peer",
    )
    add(
        "--refuse-networks",
        type=_networks,
        default=(),
        metavar="A,B",
        help="networks (CIDR) that are not connected to, whatever a TrainingRun names as its Redis"
        " or its daemons; default: none",
    )
    add("--health-port", type=_port, default=8080, metavar="PORT", help="/livez, /readyz; 0: any")
    add("--metrics-port", type=_port, default=9090, metavar="PORT", help="/metrics; 0: any")
    add("--requests-per-second", type=float, default=200.0, metavar="N", help="to the API server")
    add("--request-burst", type=float, default=400.0, metavar="N", help="of them at once")
    _add_lease(parser)
    add("--log-level", choices=("DEBUG", "INFO", "WARNING"), default="INFO")
    return parser


def _add_lease(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--lease-name", default="trainingrun-operator", metavar="NAME", help="(%(default)s)")
    add(
        "--lease-namespace",
        metavar="NAME",
        help="where the Lease is by which one of several operators leads; default: --own-namespace",
    )
    add(
        "--lease-seconds",
        type=_duration,
        default=15,
        metavar="N",
        help="time that a successor waits for a silent leader, which itself gives up after two"
        " thirds of it (%(default)s)",
    )
    add("--no-lease", action="store_true", help="for a lone operator outside the cluster")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return networks(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: write 169.254.0.0/16,127.0.0.0/8") from error


def _duration(text: str) -> int:
    if not text.isdigit() or not 3 <= int(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole seconds from 3 to 3600")
    return int(text)


def _invented_identity() -> str:
    """Outside a pod no name is ours alone, so a restart waits like any other candidate."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _peers(text: str) -> tuple[Mapping[str, Any], ...]:
    """A JSON list of NetworkPolicyPeers."""
    try:
        peers = json.loads(text)
    except ValueError:
        peers = None
    if not isinstance(peers, list) or not all(isinstance(each, dict) and each for each in peers):
        raise argparse.ArgumentTypeError(
            'not a list of peers: write [{"namespaceSelector": {"matchLabels": {…}}}]'
        )
    return tuple(peers)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to 65535")
    return int(text)
