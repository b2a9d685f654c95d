"""A hobby League on a real cluster: one pod and a worker, two models, a champion, a tournament."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.league.channel import ServiceAddress, given, open_blocking
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.policy_format import Network
from trainingrun_environments.registry import spec_of

from testkit.e2e.cluster import Namespace
from testkit.ports import free_port
from testkit.roles.board_weights import random_board_weights
from testkit.waiting import until

NAME: Final = "ladder"
ENVIRONMENT: Final = BuiltIn("tic_tac_toe")
SMALL: Final = {"requests": {"cpu": "50m", "memory": "128Mi"}}


def league() -> dict[str, Any]:
    """A hobby league with one worker that is always there."""
    container = {"name": "worker", "resources": SMALL}
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "League",
        "metadata": {"name": NAME},
        "spec": {
            "environment": {"builtIn": {"name": ENVIRONMENT.name}},
            "storage": {"size": "1Gi"},
            "workers": {
                "minReplicas": 1,
                "maxReplicas": 1,
                "template": {"spec": {"containers": [container]}},
            },
        },
    }


def tournament(*entrants: str) -> dict[str, Any]:
    """Every entrant against every other."""
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "Tournament",
        "metadata": {"name": "cup"},
        "spec": {"leagueRef": {"name": NAME}, "entrants": [*entrants]},
    }


@contextmanager
def forwarded(namespace: Namespace, service: str, port: int) -> Iterator[int]:
    """A port of this machine that reaches a Service."""
    here = free_port()
    kubectl = shutil.which("kubectl") or "kubectl"
    arguments = ["-n", namespace.name, "port-forward", f"service/{service}", f"{here}:{port}"]
    with subprocess.Popen([kubectl, *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: _takes_connections(here), seconds=30, what="the forwarded port")
            yield here
        finally:
            process.terminate()


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def tokens(namespace: Namespace) -> dict[str, bytes]:
    """The Secret of the league."""
    secret = json.loads(namespace.kubectl("get", "secret", f"{NAME}-tokens", "-o", "json"))
    return {name: base64.b64decode(value) for name, value in secret["data"].items()}


def published(namespace: Namespace, seed: int) -> pb.Model:
    """A network with random weights, published as a learner elsewhere would."""
    known = tokens(namespace)
    header = pb.PublishPolicyRequest.Header(
        lineage="team/e2e",
        version=seed,
        schema_hash=spec_of(ENVIRONMENT).schema_hash,
        algorithm="alphaZero",
    )
    with forwarded(namespace, f"{NAME}-model", 50053) as port:
        address = ServiceAddress(
            f"127.0.0.1:{port}",
            given(known["services-token"].decode()),
            authority=known["ca.crt"],
            server_name="localhost",
        )
        with open_blocking(address, waits=True) as channel:
            blob = random_board_weights(
                Network("mlp", 32, 1), spec_of(ENVIRONMENT), version=seed, scale=3.0
            )
            return publish(ModelServiceStub(channel), header, blob, seconds=60).model


def test_a_league_takes_models_finds_a_champion_and_plays_a_tournament(
    namespace: Namespace,
) -> None:
    """Expect the pods to pass under the restricted standard, the first model to become champion,
    and a tournament to end with a winner, all of it seen by kubectl."""
    namespace.kubectl("apply", "-f", "-", stdin=json.dumps(league()))
    namespace.wait(f"league/{NAME}", condition="condition=Ready", seconds=240)
    first, second = published(namespace, 1), published(namespace, 2)
    champion = "jsonpath={.status.champion}"
    namespace.wait(f"league/{NAME}", condition=champion, seconds=120)
    print(namespace.kubectl("get", "leagues"))
    players = ("builtin/random", f"model/{first.id}", f"model/{second.id}")
    namespace.kubectl("apply", "-f", "-", stdin=json.dumps(tournament(*players)))
    namespace.wait("tournament/cup", condition="condition=Complete", seconds=240)
    print(namespace.kubectl("get", "tournaments"))
    cup = json.loads(namespace.kubectl("get", "tournament", "cup", "-o", "json"))["status"]
    assert {each["player"] for each in cup["standings"]} == {*players}
    assert cup["winner"]
    found = json.loads(namespace.kubectl("get", "league", NAME, "-o", "json"))["status"]
    assert found["models"] == 2
    assert found["matches"] > 0
    assert found["workers"]["ready"] == 1
