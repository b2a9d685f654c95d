"""A hobby League on a real cluster: models of clients and of runs, a champion, a tournament; and
what a person does from outside: promote, and roll back."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.league.channel import ServiceAddress, given, open_blocking
from trainingrun_contracts.league.policies import publish
from trainingrun_contracts.league.v1 import model_pb2 as pb
from trainingrun_contracts.league.v1.model_pb2_grpc import ModelServiceStub
from trainingrun_contracts.policy_format import Network
from trainingrun_environments.registry import spec_of

from testkit.e2e.cluster import Namespace
from testkit.e2e.training import assert_ledger_closes, eventually
from testkit.ports import free_port
from testkit.roles.board_weights import random_board_weights
from testkit.waiting import until

NAME: Final = "ladder"
ENVIRONMENT: Final = BuiltIn("tic_tac_toe")
SMALL: Final = {"requests": {"cpu": "50m", "memory": "128Mi"}}
LITTLE: Final = {"requests": {"cpu": "50m"}}
PATIENCE: Final = 300
"""Seconds that anything may take; all of it takes two minutes here."""
DECIDED: Final = frozenset({"champion", "rejected", "retired"})
"""Stages of models that the gate has nothing more to find out of."""


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
            until(lambda: _takes_connections(here), seconds=PATIENCE, what="the forwarded port")
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
    namespace.wait(f"league/{NAME}", condition="condition=Ready", seconds=PATIENCE)
    first, second = published(namespace, 1), published(namespace, 2)
    champion = "jsonpath={.status.champion}"
    namespace.wait(f"league/{NAME}", condition=champion, seconds=PATIENCE)
    print(namespace.kubectl("get", "leagues"))
    players = ("builtin/random", f"model/{first.id}", f"model/{second.id}")
    namespace.kubectl("apply", "-f", "-", stdin=json.dumps(tournament(*players)))
    namespace.wait("tournament/cup", condition="condition=Complete", seconds=PATIENCE)
    print(namespace.kubectl("get", "tournaments"))
    cup = json.loads(namespace.kubectl("get", "tournament", "cup", "-o", "json"))["status"]
    assert {each["player"] for each in cup["standings"]} == {*players}
    assert cup["winner"]
    found = json.loads(namespace.kubectl("get", "league", NAME, "-o", "json"))["status"]
    assert found["models"] == 2
    assert found["matches"] > 0
    assert found["workers"]["ready"] == 1


def run_that_joins(name: str, seed: int, **spec: Any) -> dict[str, Any]:
    """A short run that publishes once, at its end."""
    pods = {
        role: {"template": {"spec": {"containers": [{"name": role, "resources": LITTLE}]}}}
        for role in ("actor", "learner")
    }
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": name},
        "spec": {
            "games": 400,
            "seed": seed,
            "environment": {"builtIn": {"name": ENVIRONMENT.name}},
            "actor": {"gamesPerActor": 32, **pods["actor"]},
            "learner": {
                "batchTransitions": 512,
                "network": {"kind": "mlp", "width": 32, "layers": 1},
                **pods["learner"],
            },
            "evaluation": {"intervalGames": 400, "games": 50, "opponents": ["random"]},
            "leagueRef": {"name": NAME, "publishEveryGames": 100_000},
            "checkpoint": {"size": "1Gi", "intervalGames": 100_000, "keep": 1},
            "redis": {"managed": {"memory": "128Mi"}},
            **spec,
        },
    }


RUNS: Final = {
    "first": run_that_joins("first", 1, daemon={"embedded": True}, algorithm={"ppo": {}}),
    "second": run_that_joins("second", 2, daemon={"embedded": True}, algorithm={"ppo": {}}),
    "again": run_that_joins(
        "again",
        4,
        daemon={"embedded": True},
        algorithm={"ppo": {}},
        replay={"samplesPerInsert": 2, "segments": 256},
    ),
    "searcher": run_that_joins(
        "searcher",
        3,
        algorithm={
            "alphaZero": {
                "search": {"simulations": 8, "temperatureMoves": 4, "mostMoves": 9},
                "replay": {"rows": 2000, "mostRows": 20000, "leastRows": 256},
            }
        },
    ),
}


class Outside:
    """A person's command line, which reaches the league by a forwarded port."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        known = tokens(namespace)
        self.token = known["services-token"].decode()
        self._namespace = namespace
        self._authority = folder / "ca.crt"
        self._authority.write_bytes(known["ca.crt"])

    def models(self, verb: str, *arguments: str) -> str:
        """What ``trainingrun models VERB`` prints."""
        with forwarded(self._namespace, f"{NAME}-model", 50053) as port:
            where = ("--league", f"model=localhost:{port}", "--ca-file", str(self._authority))
            done = subprocess.run(
                [Path(sys.executable).with_name("trainingrun"), "models", verb, *arguments, *where],
                env={**os.environ, "TRAININGRUN_LEAGUE_TOKEN": self.token},
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stages(self) -> dict[str, tuple[str, str]]:
        """Lineage and stage of each model, by its id."""
        listed = json.loads(self.models("list", "--output", "json"))
        return {each["id"]: (each["lineage"], each["stage"]) for each in listed}

    def champion(self) -> str:
        """The model that is the champion now."""
        (found,) = [id for id, (_, stage) in self.stages().items() if stage == "champion"]
        return found


def test_runs_publish_into_a_league_and_a_person_promotes_and_rolls_back(
    namespace: Namespace, tmp_path: Path
) -> None:
    """Expect four runs with leagueRef, one of which trains from the Replay service, to leave a
    model each that workers try and the gate decides, a person's promotion and rollback to be what
    kubectl shows, and the league's Secret to come back as it was after somebody deleted it."""
    documents = yaml.safe_dump_all([league(), *RUNS.values()])
    namespace.kubectl("apply", "-f", "-", stdin=documents)
    for name in RUNS:
        namespace.wait(f"tr/{name}", condition="condition=Complete", seconds=2 * PATIENCE)
    print(namespace.table())
    assert_ledger_closes(namespace, "again")
    answers = namespace.get("tr", "again")["status"]["conditions"]
    (found,) = [each for each in answers if each["type"] == "LeagueAvailable"]
    assert (found["status"], found["reason"]) == ("True", "LeagueAnswers"), found
    outside = Outside(namespace, tmp_path)
    namespace.kubectl("delete", "secret", f"{NAME}-tokens")
    lineages = {f"{namespace.name}/{name}" for name in RUNS}

    def are_decided() -> bool:
        found = outside.stages().values()
        return {each for each, _ in found} == lineages and {stage for _, stage in found} <= DECIDED

    eventually(are_decided, "a decided model of each run", seconds=2 * PATIENCE)
    before = outside.champion()
    other = next(id for id in outside.stages() if id != before)
    assert other in outside.models("promote", other, "--reason", "a person's choice")
    namespace.wait(
        f"league/{NAME}", condition=f"jsonpath={{.status.champion}}={other}", seconds=PATIENCE
    )
    assert before in outside.models("rollback", "--reason", "it was better before")
    namespace.wait(
        f"league/{NAME}", condition=f"jsonpath={{.status.champion}}={before}", seconds=PATIENCE
    )
    print(outside.models("describe", other), namespace.kubectl("get", "leagues"))
    eventually(lambda: has_secret(namespace), "the Secret comes back", seconds=PATIENCE)
    assert tokens(namespace)["services-token"].decode() == outside.token


def has_secret(namespace: Namespace) -> bool:
    """Whether the league's Secret is there."""
    names = namespace.kubectl("get", "secrets", "-o", "name").split()
    return f"secret/{NAME}-tokens" in names
