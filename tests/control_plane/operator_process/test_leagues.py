"""Leagues and tournaments under the chart's rights: objects by the operator, pods played, and a
real process of the league, started as its pod is, that the operator asks."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc
from trainingrun import ClusterPlace, connect_to
from trainingrun_api.league import LEAGUE
from trainingrun_api.tournament import TOURNAMENT
from trainingrun_contracts.league.channel import ServiceAddress, given, open_blocking
from trainingrun_contracts.league.v1 import replay_pb2 as pb
from trainingrun_contracts.league.v1.replay_pb2_grpc import ReplayServiceStub
from trainingrun_contracts.league_report import OPERATOR_KEEPER

from testkit.control_plane.api_client import has_condition
from testkit.control_plane.plane import ControlPlane
from testkit.league.hostile_league import Answer, hostile_league
from testkit.league.rendered_league import RenderedLeague
from testkit.operator.operator_process import SYSTEM, OperatorProcess, install_chart
from testkit.ports import free_port

Kubectl = Callable[..., str]
CLASS = "by-hand"
SETTLED = 90.0


def league(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A League as its user writes it."""
    fields = {
        "environment": {"builtIn": {"name": "tic_tac_toe"}},
        "storage": {"size": "1Gi", "storageClassName": CLASS},
        **spec,
    }
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "League",
        "metadata": {"name": name, "namespace": namespace},
        "spec": fields,
    }


def tournament(namespace: str, name: str, of: str, *entrants: str, **spec: Any) -> dict[str, Any]:
    """A Tournament as its user writes it."""
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "Tournament",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"leagueRef": {"name": of}, "entrants": [*entrants], **spec},
    }


def volume(name: str, namespace: str, claim: str) -> dict[str, Any]:
    """A volume for one claim: the test bed has nothing that makes them."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "storageClassName": CLASS,
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/tmp/{name}"},
            "claimRef": {"namespace": namespace, "name": claim},
        },
    }


@pytest.fixture(scope="module")
def league_address() -> str:
    """Where the operator asks every league of these tests."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def operator(
    control_plane: ControlPlane,
    programs_folder: Path,
    league_address: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    """An operator with the chart's account that finds leagues on this machine."""
    install_chart(control_plane, programs_folder / "helm")
    for each in (LEAGUE, TOURNAMENT):
        control_plane.wait_for_definition(each.name)
    kubeconfig = control_plane.kubeconfig_for(SYSTEM, "trainingrun-operator")
    folder = tmp_path_factory.mktemp("operator")
    process = OperatorProcess(kubeconfig, folder, f"--league-address={league_address}")
    process.start()
    yield process
    process.stop()


def objects(place: ControlPlane, namespace: str, name: str, kinds: str) -> list[dict[str, Any]]:
    """What a league owns."""
    labels = f"trainingrun.dev/kind=League,trainingrun.dev/name={name}"
    return place.api.list(kinds, namespace, labels=labels)


def reason(found: dict[str, Any], kind: str) -> str:
    """The reason of a condition."""
    conditions = found.get("status", {}).get("conditions", [])
    return next((each["reason"] for each in conditions if each["type"] == kind), "")


def test_a_production_league_is_made_in_order(
    control_plane: ControlPlane, operator: OperatorProcess, namespace: str
) -> None:
    """The Job first; the services when it has ended well; all of it accepted under the restricted
    standard, with rights that suffice."""
    secret = {"secretRef": {"name": "given"}}
    control_plane.apply(volume(f"{namespace}-replay", namespace, "big-replay"))
    control_plane.apply(
        league(
            namespace,
            "big",
            profile="production",
            database=secret,
            redis=secret,
            storage={"size": "1Gi", "storageClassName": CLASS, "s3": {"bucket": "league-bucket"}},
            replicas={"model": 2},
            workers={"minReplicas": 1},
        )
    )

    def made(kinds: str) -> set[str]:
        return {
            each["metadata"]["name"] for each in objects(control_plane, namespace, "big", kinds)
        }

    control_plane.wait_until(lambda: made("jobs") == {"big-migration"}, "the Job", seconds=SETTLED)
    assert made("deployments") == set()
    control_plane.play(namespace, "trainingrun.dev/role=migration", "complete")
    wanted = {"big-game", "big-matchmaker", "big-model", "big-elo", "big-worker"}
    control_plane.wait_until(
        lambda: made("deployments") == wanted, "the Deployments", seconds=SETTLED
    )
    assert made("statefulsets") == {"big-replay"}
    assert made("poddisruptionbudgets") == {"big-model"}

    def serving() -> bool:
        found = control_plane.api.get("league", "big", namespace)
        return found.get("status", {}).get("services") == 5

    control_plane.wait_until(serving, "all five serve", seconds=SETTLED)
    assert reason(control_plane.api.get("league", "big", namespace), "Ready") == "NoReport"
    control_plane.api.delete("league", "big", namespace)
    control_plane.wait_until(
        lambda: not made("deployments,services,networkpolicies"), "it goes", seconds=SETTLED
    )


def test_secrets_that_come_late_are_named_and_then_forgotten(
    control_plane: ControlPlane, operator: OperatorProcess, namespace: str
) -> None:
    """The condition says which Secret or entry is missing and what to do, with one event for each;
    the League continues by itself when it comes."""
    place = control_plane
    refs = {"secretRef": {"name": "late"}}
    place.apply(league(namespace, "late", profile="development", database=refs))

    def messages() -> set[str]:
        found = place.api.get("league", "late", namespace).get("status", {}).get("conditions", [])
        return {each["message"] for each in found if each["reason"] == "SecretMissing"}

    def secret(**entries: str) -> dict[str, Any]:
        meta = {"name": "late", "namespace": namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": entries}

    def said(word: str) -> bool:
        return any(word in each for each in messages())

    name = f"Secret {namespace}/late"
    place.wait_until(lambda: said(f"{name} does not exist"), "it is named", seconds=SETTLED)
    place.apply(secret(other="x"))
    place.wait_until(lambda: said(f"{name} has no entry url"), "so is its entry", seconds=SETTLED)
    place.apply(secret(url="postgresql+asyncpg://a:b@c/d"))
    place.wait_until(lambda: not messages(), "it is forgotten", seconds=SETTLED)

    def happened() -> list[tuple[str, int]]:
        return sorted(
            (each["reason"], each.get("count") or each.get("series", {}).get("count") or 1)
            for each in place.api.list("events", namespace)
            if each["reason"].startswith("Secret")
        )

    wanted = [("SecretFound", 1), ("SecretMissing", 1), ("SecretMissing", 1)]
    place.wait_until(lambda: happened() == wanted, "each is said once", seconds=SETTLED)


def test_a_hobby_league_is_asked_and_plays_a_tournament_out(
    control_plane: ControlPlane,
    operator: OperatorProcess,
    namespace: str,
    kubectl: Kubectl,
    league_address: str,
    tmp_path: Path,
) -> None:
    """From the resource to its columns, with the real process in the played pod's place."""
    place = control_plane
    place.apply(volume(f"{namespace}-hobby", namespace, "ladder-league"))
    place.apply(tournament(namespace, "early", "ladder", "builtin/random", "builtin/nobody"))
    place.apply(league(namespace, "ladder"))

    def state() -> dict[str, Any]:
        return place.api.get("league", "ladder", namespace)

    place.wait_until(lambda: reason(state(), "Ready") == "NoReport", "it is asked", seconds=SETTLED)
    early = place.api.get("tournament", "early", namespace)
    assert reason(early, "Complete") == "LeagueNotReady"
    made = place.api.get("statefulset", "ladder-league", namespace)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    secret = place.api.get("secret", "ladder-tokens", namespace)
    assert "immutable" not in secret, "what is mounted from it would outlive the League"
    port = int(league_address.rpartition(":")[2])
    with RenderedLeague(container, secret["data"], tmp_path / "league", web_port=port) as process:
        assert is_healthy(process.health_port)
        assert refusal(process.address, secret["data"]["players-token"]) == 403
        kubectl("wait", "--for=condition=Ready", "league/ladder", "--timeout=90s")
        header, row = kubectl("get", "leagues").splitlines()
        assert header.split() == [
            *("NAME", "STATUS", "PROFILE", "MODELS", "CHAMPION"),
            *("MATCHES", "WORKERS", "AGE"),
        ]
        assert row.split()[:4] == ["ladder", "serving", "hobby", "0"]
        kubectl("wait", "--for=condition=Failed", "tournament/early", "--timeout=90s")
        words = reason(place.api.get("tournament", "early", namespace), "Failed")
        assert words == "TournamentFailed"
        place.apply(tournament(namespace, "cup", "ladder", "builtin/random", "builtin/mcts-100"))
        place.wait_until(
            lambda: reason(place.api.get("tournament", "cup", namespace), "Complete") == "Playing",
            "it is played",
            seconds=SETTLED,
        )
        at = ClusterPlace(namespace, kubeconfig=place.kubeconfig)
        with connect_to(TOURNAMENT, at) as tournaments:
            cup = tournaments.get("cup")
        assert {each.player for each in cup.status.standings} == {
            "builtin/random",
            "builtin/mcts-100",
        }
        header, row = kubectl("get", "tournaments", "cup").splitlines()
        assert row.split()[:4] == ["cup", "playing", "ladder", "RoundRobin"]
        place.wait_until(
            lambda: state()["status"]["workers"]["desired"] >= 1, "workers come", seconds=SETTLED
        )
        check_tables_of_runs(place, namespace, process, secret["data"])
    token = secret["data"]["services-token"]
    assert token not in operator.log()
    assert 'reconciles_total{kind="League",result="bug"} 0.0' in operator.ask("/metrics")
    assert has_condition(state(), "Degraded") is False


def check_tables_of_runs(
    place: ControlPlane, namespace: str, process: RenderedLeague, secret: dict[str, str]
) -> None:
    """The table of a suspended run stays, that of a run that was deleted goes by itself, and that
    of one that is deleted later goes then."""
    place.apply(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "rests", "namespace": namespace},
            "spec": {
                "games": 10,
                "suspend": True,
                "environment": {"builtIn": {"name": "tic_tac_toe"}},
                "leagueRef": {"name": "ladder"},
                "replay": {},
            },
        }
    )
    uid = place.api.get("trainingrun", "rests", namespace)["metadata"]["uid"]
    token, trusted = (base64.b64decode(secret[name]) for name in ("services-token", "ca.crt"))
    address = ServiceAddress(
        f"127.0.0.1:{process.ports['replay']}",
        given(token.decode().strip()),
        authority=trusted,
        server_name=f"ladder-replay.{namespace}.svc",
    )
    with open_blocking(address) as channel:
        stub = ReplayServiceStub(channel)

        def names() -> set[str]:
            return {each.name for each in stub.ListTables(pb.ListTablesRequest()).tables}

        for name in (uid, "was-deleted"):
            stub.OpenTable(
                pb.OpenTableRequest(table=name, keeper=OPERATOR_KEEPER, keep_ended=Duration())
            )
        stub.OpenTable(pb.OpenTableRequest(table="of-a-laptop", keep_ended=Duration()))
        place.wait_until(lambda: names() == {uid, "of-a-laptop"}, "one table goes", seconds=SETTLED)
        place.api.delete("trainingrun", "rests", namespace)
        place.wait_until(lambda: names() == {"of-a-laptop"}, "so does the other", seconds=SETTLED)


def test_a_league_that_answers_what_it_likes_is_not_ready_and_harms_nothing(
    control_plane: ControlPlane,
    operator: OperatorProcess,
    namespace: str,
    league_address: str,
    tmp_path: Path,
) -> None:
    """Answers that are too long, no report, or lead elsewhere are said as such, and so is a server
    that has the name and another certificate; the operator goes on."""
    place = control_plane
    place.apply(volume(f"{namespace}-hostile", namespace, "hostile-league"))
    place.apply(league(namespace, "hostile"), league(namespace, "other"))

    def said() -> str:
        conditions = place.api.get("league", "hostile", namespace).get("status", {})
        found = {each["type"]: each["message"] for each in conditions.get("conditions", ())}
        return str(found.get("Ready", ""))

    def pair(name: str) -> tuple[bytes, bytes]:
        data = place.api.get("secret", f"{name}-tokens", namespace)["data"]
        return base64.b64decode(data["tls.crt"]), base64.b64decode(data["tls.key"])

    place.wait_until(lambda: "it cannot be reached" in said(), "it is asked", seconds=SETTLED)
    port = int(league_address.rpartition(":")[2])
    answer = Answer(body=b'{"models": "many"}')
    with hostile_league(port, *pair("hostile"), tmp_path, answer):
        place.wait_until(lambda: "cannot be read" in said(), "no report", seconds=SETTLED)
        answer.body = b" " * (300 * 1024) + b"{}"
        place.wait_until(lambda: "more than 262144 bytes" in said(), "too long", seconds=SETTLED)
        answer.status, answer.body, answer.location = 302, b"", "https://169.254.169.254/"
        place.wait_until(lambda: "status 302" in said(), "elsewhere", seconds=SETTLED)
        answer.status, answer.body = 500, b'{"problem": "\\u001b[2J' + b"x" * 900 + b'"}'
        place.wait_until(lambda: "[2Jxxx" in said(), "a long sentence", seconds=SETTLED)
        assert "\x1b" not in said()
        assert len(said()) < 500
    with hostile_league(port, *pair("other"), tmp_path, Answer(body=b'{"models": 7}')):
        place.wait_until(lambda: "certificate" in said().lower(), "not it", seconds=SETTLED)
    assert "models" not in place.api.get("league", "hostile", namespace)["status"]
    assert 'reconciles_total{kind="League",result="bug"} 0.0' in operator.ask("/metrics")


def is_healthy(port: int) -> bool:
    """Whether the health check says so, asked as a kubelet does."""
    with closing(grpc.insecure_channel(f"127.0.0.1:{port}")) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def refusal(address: str, token: str) -> int:
    """The status that a wrong token is answered with."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(
        f"https://{address}/operator/status", headers={"Authorization": f"Bearer {token}"}
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, context=trust, timeout=10)
    assert "token" in json.loads(error.value.read())["problem"]
    return error.value.code
