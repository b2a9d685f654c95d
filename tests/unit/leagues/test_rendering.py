"""The objects of a league: by profile, restricted, each with the way in that its tier has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.leagues.decide import Heard, decide
from trainingrun_reconciler.manifests.pod_security import weaknesses
from trainingrun_reconciler.outcome import Outcome

from testkit.operator.leagues import (
    PLACE,
    PRODUCTION,
    SECRETS,
    PlayedLeague,
    by_name,
    league,
)

PROFILES: dict[str, dict[str, Any]] = {
    "hobby": {},
    "development": {"profile": "development"},
    "development with a database": {"profile": "development", **SECRETS},
    "production": PRODUCTION,
}
SERVICES = ("game", "matchmaker", "model", "elo", "replay")


def settled(**spec: Any) -> Outcome:
    """What a league has once it has started."""
    return PlayedLeague(league(**spec), ready=True).settle()


def templates(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """The pods' templates by their controllers' names."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]
        for each in outcome.children
        if each["kind"] in ("Deployment", "StatefulSet", "Job")
    }


def commands(outcome: Outcome) -> dict[str, list[str]]:
    """What the containers are started with."""
    return {
        name: template["spec"]["containers"][0]["command"]
        for name, template in templates(outcome).items()
    }


@pytest.mark.parametrize("spec", PROFILES.values(), ids=PROFILES.keys())
def test_pods_are_restricted_and_have_no_token_of_the_api_server(spec: dict[str, Any]) -> None:
    """Nothing in them is what a user's own template would be refused for."""
    for name, template in templates(settled(**spec)).items():
        assert [*weaknesses(template, template)] == [], name
        assert template["spec"]["automountServiceAccountToken"] is False
        assert template["spec"]["serviceAccountName"] in ("ladder-services", "ladder-workers")


@pytest.mark.parametrize("spec", PROFILES.values(), ids=PROFILES.keys())
def test_every_service_is_served_once_and_has_its_name(spec: dict[str, Any]) -> None:
    """Six Services with the ports of the protocol; each selects pods that there are."""
    outcome = settled(**spec)
    services = by_name(outcome, "Service")
    ports = {name: each["spec"]["ports"][0]["port"] for name, each in services.items()}
    assert ports == {
        "game": 50051,
        "matchmaker": 50052,
        "model": 50053,
        "elo": 50054,
        "replay": 50055,
        "web": 50080,
    }
    labels = [each["metadata"]["labels"] for each in templates(outcome).values()]
    for each in services.values():
        wanted = each["spec"]["selector"].items()
        assert sum(wanted <= those.items() for those in labels) == 1
    served = [
        option.removeprefix("--services=")
        for command in commands(outcome).values()
        for option in command
        if option.startswith("--services=")
    ]
    assert sorted(",".join(served).split(",")) == sorted(SERVICES)


def test_a_hobby_league_is_one_pod_with_a_claim() -> None:
    """All services and the pages in one process with SQLite and files; beside it workers."""
    outcome = settled()
    assert [*by_name(outcome, "StatefulSet")] == ["league"]
    assert [*by_name(outcome, "Deployment")] == ["worker"]
    assert [*by_name(outcome, "PersistentVolumeClaim")] == ["league"]
    assert not by_name(outcome, "Job"), "SQLite is migrated by who has it"
    command = commands(outcome)["ladder-league"]
    assert "--services=game,matchmaker,model,elo,replay" in command
    assert "--web-port=50080" in command
    assert not [each for each in command if each.startswith("--artefacts")]


def test_each_service_of_a_development_league_keeps_its_own_files() -> None:
    """Without a database there is one of each, with a claim, and never two on the same files."""
    outcome = settled(profile="development")
    assert (
        {*by_name(outcome, "StatefulSet")}
        == {*SERVICES}
        == {*by_name(outcome, "PersistentVolumeClaim")}
    )
    command = commands(outcome)["ladder-elo"]
    assert "--address=model=ladder-model.space.svc:50053" in command


def test_a_production_league_has_replicas_budgets_and_no_files_but_those_of_replay() -> None:
    """Models and ratings are in PostgreSQL and the bucket, so that their services are several."""
    outcome = settled(**PRODUCTION)
    replicas = {
        name: each["spec"]["replicas"] for name, each in by_name(outcome, "Deployment").items()
    }
    assert replicas == {"game": 1, "matchmaker": 1, "model": 2, "elo": 3, "worker": 0}
    assert [*by_name(outcome, "StatefulSet")] == ["replay"]
    assert {*by_name(outcome, "PodDisruptionBudget")} == {"model", "elo"}
    assert "--artefacts=s3://league-bucket" in commands(outcome)["ladder-model"]


def test_addresses_with_passwords_are_variables_out_of_secrets() -> None:
    """They stand on no command line and in no object."""
    outcome = settled(**PRODUCTION)
    for name, template in templates(outcome).items():
        given = {each["name"]: each for each in template["spec"]["containers"][0]["env"]}
        is_worker = name == "ladder-worker"
        for variable, secret in (("DATABASE", "database"), ("REDIS", "redis")):
            found = given.get(f"TRAININGRUN_LEAGUE_{variable}")
            wanted = {"secretKeyRef": {"name": secret, "key": "url"}}
            assert (found is None) if is_worker else found["valueFrom"] == wanted


def test_workers_see_the_token_and_never_the_key() -> None:
    """Who plays what others have published cannot make tokens."""
    outcome = settled()
    (worker, serving) = (templates(outcome)[f"ladder-{each}"] for each in ("worker", "league"))
    assert "token-key" not in json.dumps(worker)
    assert "services-token" in json.dumps(worker)
    assert "services-token" not in json.dumps(serving)
    assert "token-key" in json.dumps(serving)


def ways_in(outcome: Outcome, part: str) -> dict[int, list[Any] | None]:
    """Ports that a policy opens, and to whom; None is everybody."""
    rules = by_name(outcome, "NetworkPolicy")[part]["spec"]["ingress"]
    return {port["port"]: rule.get("from") for rule in rules for port in rule["ports"]}


@pytest.mark.parametrize("spec", PROFILES.values(), ids=PROFILES.keys())
def test_the_three_tiers(spec: dict[str, Any]) -> None:
    """Anybody reaches the public ports, the league and runs that join it the private ones."""
    outcome = settled(**spec)
    opened: dict[int, Any] = {}
    for part in by_name(outcome, "NetworkPolicy"):
        opened |= ways_in(outcome, part)
    assert {port for port, peers in opened.items() if peers is None} == {50051, 50052, 50080}
    joined = [
        {"podSelector": {"matchLabels": {"trainingrun.dev/uid": "league-uid"}}},
        {"podSelector": {"matchLabels": {"trainingrun.dev/league": "ladder"}}},
    ]
    assert {port: peers for port, peers in opened.items() if peers is not None} == {
        50053: joined,
        50054: joined,
        50055: joined,
    }
    worker = by_name(outcome, "NetworkPolicy")["worker"]["spec"]
    assert worker["ingress"] == []
    assert [rule.get("to") for rule in worker["egress"]] == [None, joined[:1]]
    assert [port["port"] for port in worker["egress"][0]["ports"]] == [53, 53]


def test_public_services_alone_are_opened_by_a_load_balancer() -> None:
    """With the networks and annotations that were given."""
    access = {
        "type": "LoadBalancer",
        "sourceRanges": ["203.0.113.0/24"],
        "annotations": {"service.beta.kubernetes.io/aws-load-balancer-type": "external"},
    }
    services = by_name(settled(access=access), "Service")
    types = {name: each["spec"]["type"] for name, each in services.items()}
    assert {name for name, each in types.items() if each == "LoadBalancer"} == {
        "game",
        "matchmaker",
        "web",
    }
    assert services["game"]["spec"]["loadBalancerSourceRanges"] == ["203.0.113.0/24"]
    annotation = "service.beta.kubernetes.io/aws-load-balancer-type"
    assert services["web"]["metadata"]["annotations"][annotation] == "external"
    assert annotation not in services["elo"]["metadata"]["annotations"]


def test_a_template_changes_workers_and_cannot_weaken_them() -> None:
    """What is refused is said with its path, and nothing that runs is taken away for it."""
    container = {"name": "worker", "resources": {"limits": {"memory": "8Gi"}}}
    template = {"spec": {"containers": [container], "nodeSelector": {"pool": "play"}}}
    outcome = settled(workers={"template": template})
    pod = templates(outcome)["ladder-worker"]["spec"]
    assert pod["nodeSelector"] == {"pool": "play"}
    assert pod["containers"][0]["resources"]["limits"]["memory"] == "8Gi"

    played = PlayedLeague(league(workers={"template": {"spec": {"hostNetwork": True}}}))
    outcome = played.step()
    degraded = outcome.conditions["Degraded"]
    assert degraded.reason == "OverrideRefused"
    assert "spec.workers.template.spec.hostNetwork" in degraded.message
    assert not outcome.removes


def test_trouble_with_the_secret_is_said_and_takes_nothing_away() -> None:
    """A Secret of somebody else has its name: pods stay as they are."""
    played = PlayedLeague(league(), ready=True)
    played.settle()
    before = dict(played.objects)
    played.heard = played.heard.__class__(
        refusal=BackendError("NameTaken", "Secret x is another's")
    )
    outcome = played.step()
    assert outcome.conditions["Degraded"].reason == "NameTaken"
    assert played.objects == before


def test_the_same_league_is_rendered_the_same() -> None:
    """Rendering has no chance in it: hashes are the same in every process."""
    first, second = (decide(league(**PRODUCTION), (), Heard(), PLACE) for _ in range(2))
    assert first == second


def test_the_game_service_is_told_of_its_daemons() -> None:
    """It alone, with the token by its Secret; workers need to reach the league and nothing else."""
    daemons = {
        "address": "forge.games:17171",
        "decks": ["test_red", "test_blue"],
        "tokenSecretRef": {"name": "forge"},
    }
    outcome = settled(profile="development", environment={"magic": {}}, daemons=daemons)
    given = [
        name
        for name, command in commands(outcome).items()
        if "--set=game.daemons=forge.games:17171" in command
    ]
    assert given == ["ladder-game"]
    assert "--set=game.decks=test_red,test_blue" in commands(outcome)["ladder-game"]
    tokens = {
        name: each["valueFrom"]
        for name, template in templates(outcome).items()
        for each in template["spec"]["containers"][0].get("env", ())
        if each["name"] == "TRAININGRUN_DAEMON_TOKEN"
    }
    assert tokens == {"ladder-game": {"secretKeyRef": {"name": "forge", "key": "token"}}}
