"""What every object of a run holds: restricted pods, names, owners, no secret in the open."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from trainingrun_api.run import TrainingRun, parse
from trainingrun_contracts.exit_codes import FINAL
from trainingrun_contracts.run_config import LEAGUE_FOLDER_VARIABLE
from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.redis_config import password_for, users
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import (
    given_secret,
    managed_secret,
    redis_url_key,
    token_secret,
    url_key,
)
from trainingrun_reconciler.manifests.metadata import (
    APPLIED_HASH,
    TEMPLATE_HASH,
    Manifest,
)
from trainingrun_reconciler.manifests.network_policy import network_policy
from trainingrun_reconciler.manifests.objects import (
    companions,
    role_objects,
    shared_names,
    shared_objects,
)
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role, Storage, Workload
from trainingrun_reconciler.settings import Settings

from testkit.operator.alpha_zero import fields_for
from testkit.operator.pod_templates import asked_of

RUN = RunIdentity("space", "quick", "8f2c-uid")
GROUND = SharedResources(config=b'{"run": "quick"}', managed_redis=True)
SECRET = "correct-horse"
FORGE = {"template": asked_of("daemon", image="example/forge:1"), "jvm": {}}
CONTROLLERS = ("Deployment", "StatefulSet", "Job")


def training_run(**spec: Any) -> TrainingRun:
    """A small run."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": RUN.name, "namespace": RUN.namespace, "uid": RUN.uid},
            "spec": {"games": 100, "decks": [{"name": "red_aggro"}], **spec},
        }
    )


def rendered(shared: SharedResources = GROUND, **spec: Any) -> list[Manifest]:
    """All objects of a run with two daemons."""
    found = list(shared_objects(RUN, shared))
    for workload in workloads(training_run(**spec), Settings(), scaled=2).values():
        found += objects_of(workload, shared)
    return found


def objects_of(workload: Workload, shared: SharedResources = GROUND) -> tuple[Manifest, ...]:
    """The objects of one role."""
    url = redis_url_key(RUN, shared, user=workload.role.value)
    return role_objects(RUN, workload, url, operator_namespace="system")


def workload_of(role: Role, **spec: Any) -> Workload:
    """One role of a run."""
    run = training_run(**(fields_for(role) | spec))
    return workloads(run, Settings(), scaled=2)[role]


def controller_of(workload: Workload) -> Manifest:
    """The object that makes a role's pods."""
    (found,) = (each for each in objects_of(workload) if each["kind"] in CONTROLLERS)
    return found


def pod_of(workload: Workload) -> dict[str, Any]:
    """The pod's spec of a role."""
    spec: dict[str, Any] = controller_of(workload)["spec"]["template"]["spec"]
    return spec


def secrets_of(workload: Workload) -> dict[str, str]:
    """The environment variables of a role that come from Secrets, as ``name/key``."""
    environment = pod_of(workload)["containers"][0]["env"]
    found = {each["name"]: each.get("valueFrom", {}).get("secretKeyRef") for each in environment}
    return {name: f"{ref['name']}/{ref['key']}" for name, ref in found.items() if ref}


def violations(pod: dict[str, Any]) -> list[str]:
    """What a pod does that the restricted Pod Security Standard forbids, and our own rules."""
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if pod.get(name)]
    if pod["securityContext"].get("runAsNonRoot") is not True:
        found.append("pod may run as root")
    if pod["securityContext"].get("seccompProfile") != {"type": "RuntimeDefault"}:
        found.append("pod has no seccomp profile")
    if pod.get("automountServiceAccountToken") is not False:
        found.append("pod gets a token")
    allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
    found += [f"volume {each['name']}" for each in pod["volumes"] if not allowed & each.keys()]
    for container in pod["containers"]:
        found += container_violations(container)
    return found


def container_violations(container: dict[str, Any]) -> list[str]:
    """The same for a container."""
    security, found = container["securityContext"], []
    if security.get("allowPrivilegeEscalation") is not False:
        found.append("may gain privileges")
    if security.get("capabilities") != {"drop": ["ALL"]}:
        found.append("keeps capabilities")
    if security.get("readOnlyRootFilesystem") is not True:
        found.append("may write to its root")
    if security.get("privileged") or security.get("runAsUser") == 0:
        found.append("is privileged")
    if not {"cpu", "memory"} <= container["resources"]["requests"].keys():
        found.append("requests nothing")
    if "memory" not in container["resources"]["limits"]:
        found.append("has no memory limit")
    missing = {"startupProbe", "readinessProbe", "livenessProbe"} - container.keys()
    return found + sorted(missing)


@pytest.mark.parametrize("role", ROLES.names)
def test_every_pod_is_restricted(role: Role) -> None:
    """No role's pod does what the restricted standard forbids."""
    assert violations(pod_of(workload_of(role))) == []


@pytest.mark.parametrize("role", ROLES.names)
def test_selectors_fit_the_labels_of_the_pods(role: Role) -> None:
    """What selects a role's pods (services, policies, budgets, controllers) does select them."""
    objects = objects_of(workload_of(role))
    (controller,) = (each for each in objects if each["kind"] in CONTROLLERS)
    labels = controller["spec"]["template"]["metadata"]["labels"].items()
    for each in objects:
        selector = each.get("spec", {}).get("selector") or each.get("spec", {}).get("podSelector")
        if selector:
            assert selector.get("matchLabels", selector).items() <= labels, each["kind"]


def test_every_object_is_owned_named_and_labelled() -> None:
    """Names begin with the run's, the run is the controller, and nothing blocks its deletion."""
    for each in rendered():
        meta = each["metadata"]
        (owner,) = meta["ownerReferences"]
        assert meta["name"].startswith("quick-")
        assert meta["namespace"] == "space"
        assert (owner["uid"], owner["controller"]) == (RUN.uid, True)
        assert owner["blockOwnerDeletion"] is False
        assert meta["labels"]["trainingrun.dev/uid"] == RUN.uid
        assert len(meta["annotations"][APPLIED_HASH]) == 16


@pytest.mark.parametrize("role", ROLES.names)
def test_the_companions_of_a_role_are_those_that_are_written(role: Role) -> None:
    """The backend looks for exactly what it writes, save pods' makers and claims."""
    kinds = [each["kind"] for each in objects_of(workload_of(role))]
    beside = sorted(set(kinds) - {*CONTROLLERS, "PersistentVolumeClaim"})
    assert beside == sorted(kind.name for kind in companions(role))
    shared = {(each["kind"], each["metadata"]["name"]) for each in shared_objects(RUN, GROUND)}
    assert shared == {(kind.name, name) for kind, name in shared_names(RUN)}


def test_the_learner_has_an_account_of_its_own() -> None:
    """Rights to a bucket can be given to the learner alone: no other role shares its account."""
    accounts = {role: pod_of(workload_of(role))["serviceAccountName"] for role in ROLES.names}
    others = {account for role, account in accounts.items() if role != Role.LEARNER}
    assert accounts[Role.LEARNER] == "quick-learner"
    assert others == {"quick-pods"}
    made = [each for each in shared_objects(RUN, GROUND) if each["kind"] == "ServiceAccount"]
    assert {each["metadata"]["name"] for each in made} == {"quick-learner", "quick-pods"}
    assert not any(each["automountServiceAccountToken"] for each in made)


def test_no_two_objects_have_one_name() -> None:
    """Kind and name distinguish all objects of a run."""
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered()]
    assert len(names) == len(set(names))


def test_passwords_stand_in_the_secret_alone() -> None:
    """No other object, command or environment holds one; Redis reads hashes from a mounted file."""
    content = managed_secret(RUN, SECRET)["stringData"]
    passwords = {user: password_for(user, SECRET) for user in users()}
    for user, password in passwords.items():
        assert f"redis://{user}:{password}@" in content[url_key(user)]
    assert content["secret"] == SECRET
    everywhere = content["redis.conf"] + json.dumps(rendered())
    assert not [each for each in (SECRET, *passwords.values()) if each in everywhere]


def test_each_role_gets_the_url_of_its_own_user() -> None:
    """A role's pod refers to one entry of the Secret; daemons and Redis to none."""
    entries = {role: secrets_of(workload_of(role)) for role in ROLES.names}
    assert {role: found.get("TRAININGRUN_REDIS_URL") for role, found in entries.items()} == {
        Role.REDIS: None,
        Role.DAEMON: None,
        Role.LEARNER: "quick-redis/learner-url",
        Role.ACTOR: "quick-redis/actor-url",
        Role.EVALUATOR: "quick-redis/evaluator-url",
        Role.SELFPLAY: "quick-redis/selfplay-url",
        Role.INFERENCE: "quick-redis/inference-url",
    }


@pytest.mark.parametrize(
    ("daemon", "entry"),
    [
        ({}, "quick-daemon/token"),
        ({"auth": "None"}, None),
        (FORGE, None),
        (
            {"external": {"endpoints": ["d:1"], "tokenSecretRef": {"name": "mine", "key": "x"}}},
            "mine/x",
        ),
    ],
)
def test_the_token_reaches_daemons_and_players_alone(
    daemon: dict[str, Any], entry: str | None
) -> None:
    """By reference: on no command line, and not in the pod's description."""
    made = workloads(training_run(daemon=daemon), Settings(), scaled=2)
    for role, workload in made.items():
        found = secrets_of(workload).get("TRAININGRUN_DAEMON_TOKEN")
        assert found == (entry if role in (Role.DAEMON, Role.ACTOR, Role.EVALUATOR) else None)


def test_the_token_stands_in_a_secret_of_its_own() -> None:
    """Which cannot be changed, goes with the run, and is called as the pods expect."""
    secret = token_secret(RUN, SECRET)
    assert (secret["metadata"]["name"], secret["stringData"]) == ("quick-daemon", {"token": SECRET})
    assert secret["immutable"] is True
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["uid"] == RUN.uid
    assert SECRET not in json.dumps(rendered())


def test_redis_reads_its_file_from_the_secret() -> None:
    """The file is mounted, and the first argument of the server."""
    redis = pod_of(workload_of(Role.REDIS))["containers"][0]
    assert redis["command"][:2] == ["redis-server", "/etc/redis/redis.conf"]
    assert {"name": "redis", "mountPath": "/etc/redis", "readOnly": True} in redis["volumeMounts"]


def test_a_redis_without_tls_has_neither_key_nor_certificate() -> None:
    """Expect nothing of TLS in its Secret, its mounts and its command unless it is asked for."""
    plain = pod_of(workload_of(Role.REDIS))
    assert not [each for each in managed_secret(RUN, SECRET)["stringData"] if "tls" in each]
    assert "tls" not in json.dumps(plain)


def test_a_given_url_is_kept_in_a_secret_too() -> None:
    """A URL may hold a password, so that it never stands in a pod's description."""
    url = f"redis://:{SECRET}@elsewhere:6379/0"
    shared = SharedResources(config=b"{}", managed_redis=False, redis_url=url)
    assert given_secret(RUN, url)["stringData"] == {"url": url}
    assert SECRET not in json.dumps(rendered(shared, redis={"url": url}))


def test_roles_read_the_users_own_secret() -> None:
    """With urlSecretRef the pods refer to the user's Secret and entry."""
    shared = SharedResources(
        config=b"{}", managed_redis=False, redis_url_secret=("mine", "address")
    )
    (actor,) = (
        each for each in objects_of(workload_of(Role.ACTOR), shared) if each["kind"] in CONTROLLERS
    )
    environment = actor["spec"]["template"]["spec"]["containers"][0]["env"]
    (url,) = (each for each in environment if each["name"] == "TRAININGRUN_REDIS_URL")
    assert url["valueFrom"] == {"secretKeyRef": {"name": "mine", "key": "address"}}


def test_members_know_their_own_name() -> None:
    """TRAININGRUN_MEMBER is the pod's name, by which the operator knows it too."""
    environment = pod_of(workload_of(Role.ACTOR))["containers"][0]["env"]
    (member,) = (each for each in environment if each["name"] == "TRAININGRUN_MEMBER")
    assert member["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


@pytest.mark.parametrize("role", ROLES.names)
def test_placeholders_are_filled(role: Role) -> None:
    """No command of a pod still holds a brace."""
    assert not [
        part for part in pod_of(workload_of(role))["containers"][0]["command"] if "{" in part
    ]


def test_the_learner_is_a_job_that_lost_nodes_do_not_fail() -> None:
    """Final exit codes fail at once; disruptions and exit code 75 never count; one at a time."""
    job = controller_of(workload_of(Role.LEARNER))
    rules = job["spec"]["podFailurePolicy"]["rules"]
    assert [rule["action"] for rule in rules] == ["FailJob", "Ignore", "Ignore"]
    assert rules[0]["onExitCodes"]["values"] == sorted(FINAL)
    assert rules[1]["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert rules[2]["onExitCodes"]["values"] == [75]
    assert job["spec"]["podReplacementPolicy"] == "Failed"
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_gpus_are_limits() -> None:
    """A GPU is asked for where Kubernetes wants it."""
    pod = pod_of(workload_of(Role.LEARNER, learner={"gpus": 1}))
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_claims_are_made_or_taken() -> None:
    """Without storage a claim is made; a claim that exists is mounted and not made."""
    made = objects_of(workload_of(Role.LEARNER))
    assert [each["kind"] for each in made if each["kind"].endswith("Claim")] == [
        "PersistentVolumeClaim"
    ]
    taken = replace(workload_of(Role.LEARNER), storage=Storage("/checkpoints", claim="mine"))
    kinds = [each["kind"] for each in objects_of(taken)]
    assert "PersistentVolumeClaim" not in kinds
    volumes = pod_of(taken)["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "mine"}} in volumes


def test_only_players_reach_daemons_and_only_the_run_reaches_redis() -> None:
    """Policies: daemons from actors and evaluators, Redis from the run and the operator."""
    policies = {
        each["metadata"]["name"]: each["spec"]
        for each in rendered()
        if each["kind"] == "NetworkPolicy"
    }
    (daemon,) = policies["quick-daemon"]["ingress"]
    roles = [each["podSelector"]["matchLabels"]["trainingrun.dev/role"] for each in daemon["from"]]
    assert roles == ["actor", "evaluator"]
    (redis,) = policies["quick-redis"]["ingress"]
    assert redis["from"][0] == {"podSelector": {"matchLabels": {"trainingrun.dev/uid": RUN.uid}}}
    assert redis["from"][1]["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "system"
    }
    for name in ("quick-daemon", "quick-redis"):
        (egress,) = policies[name]["egress"]
        assert {each["port"] for each in egress["ports"]} == {53}


def policy_of(workload: Workload, *metrics_from: dict[str, Any]) -> dict[str, Any]:
    """The network policy of a role."""
    made = network_policy(
        RUN, workload, operator_namespace="system", metrics_from=list(metrics_from)
    )
    spec: dict[str, Any] = made["spec"]
    return spec


def test_metrics_are_read_by_those_who_are_named_and_by_nobody_else() -> None:
    """Without peers no rule lets anybody in; an empty ``from`` would let in everybody."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    for role in (Role.ACTOR, Role.EVALUATOR, Role.LEARNER):
        workload = workload_of(role)
        closed = policy_of(workload)
        assert (closed["policyTypes"], closed["ingress"]) == (["Ingress"], [])
        (rule,) = policy_of(workload, peer)["ingress"]
        assert rule == {"from": [peer], "ports": [{"protocol": "TCP", "port": 9090}]}


def test_all_that_makes_pods_is_what_the_operator_can_be_pinned_to() -> None:
    """The chart's admission policy (security.pinOperator) lets it make nothing else: owned by the
    run, under an account called after it, without a token."""
    makers = [each for each in rendered() if "template" in each.get("spec", {})]
    assert len(makers) >= 4
    for each in makers:
        [owner] = each["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("TrainingRun", RUN.name)
        pod = each["spec"]["template"]["spec"]
        assert pod["serviceAccountName"].startswith(f"{RUN.name}-")
        assert pod["automountServiceAccountToken"] is False


def test_the_hash_is_stable_and_follows_what_is_written() -> None:
    """The same input gives the same hash; another number of replicas gives another one."""
    one, same = controller_of(workload_of(Role.DAEMON)), controller_of(workload_of(Role.DAEMON))
    more = controller_of(replace(workload_of(Role.DAEMON), replicas=3))
    hashes = [each["metadata"]["annotations"] for each in (one, same, more)]
    assert hashes[0] == hashes[1]
    assert hashes[0][APPLIED_HASH] != hashes[2][APPLIED_HASH]
    assert hashes[0][TEMPLATE_HASH] == hashes[2][TEMPLATE_HASH]


def test_a_new_size_does_not_touch_the_pods() -> None:
    """Scaling changes no pod template, so that no pod is replaced."""
    one = controller_of(workload_of(Role.DAEMON))
    more = controller_of(replace(workload_of(Role.DAEMON), replicas=3))
    assert one["spec"]["template"] == more["spec"]["template"]


def test_the_configuration_is_mounted_where_roles_look() -> None:
    """The ConfigMap's entry appears at the path that TRAININGRUN_CONFIG names."""
    (config,) = (each for each in shared_objects(RUN, GROUND) if each["kind"] == "ConfigMap")
    assert config["data"] == {"run.json": '{"run": "quick"}'}
    container = pod_of(workload_of(Role.LEARNER))["containers"][0]
    (variable,) = (each for each in container["env"] if each["name"] == "TRAININGRUN_CONFIG")
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert variable["value"] == f"{mounts['config']}/run.json"


def test_a_forge_daemon_gets_its_options_and_time_to_start() -> None:
    """Java's variable is set, the home is writable, and 8 s of start are far from a restart."""
    pod = pod_of(workload_of(Role.DAEMON, daemon=FORGE))
    (container,) = pod["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["JDK_JAVA_OPTIONS"].startswith("-Xms4294967296 -Xmx4294967296 ")
    assert environment["HOME"] in {mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["image"] == "example/forge:1"
    assert container["command"] == ["forge-daemon", "-p", "17171"]
    assert container["resources"]["limits"]["memory"] == "5120Mi"
    start = container["startupProbe"]
    assert start["periodSeconds"] <= 2
    assert start["periodSeconds"] * start["failureThreshold"] >= 60


@pytest.mark.parametrize("engine", [{}, FORGE])
def test_daemons_alone_mount_the_decks_of_the_run(engine: dict[str, Any]) -> None:
    """Read-only, at the place that the variable names; a run without such decks mounts none."""
    own = [{"name": "burn", "inline": "60 Mountain"}]
    mounts = {}
    for decks in (own, [{"name": "red_aggro"}]):
        for role, each in workloads(
            training_run(decks=decks, daemon=engine), Settings(), scaled=2
        ).items():
            pod = controller_of(each)["spec"]["template"]["spec"]
            mounts[decks[0]["name"], role] = [
                (mount["mountPath"], mount["readOnly"])
                for mount in pod["containers"][0]["volumeMounts"]
                if mount["name"] == "decks"
            ]
            if mounts[decks[0]["name"], role]:
                assert {"name": "decks", "configMap": {"name": "quick-decks"}} in pod["volumes"]
                variable = {"name": "TRAININGRUN_DECKS", "value": "/etc/trainingrun/decks"}
                assert variable in pod["containers"][0]["env"]
    assert {key: each for key, each in mounts.items() if each} == {
        ("burn", Role.DAEMON): [("/etc/trainingrun/decks", True)]
    }


def test_a_run_that_joins_a_league_has_its_label() -> None:
    """Its learner, which calls the league, is let in by it; its other members call nothing."""
    made = workloads(training_run(leagueRef={"name": "ladder"}), Settings(), scaled=2)
    joined = {
        role.value
        for role, workload in made.items()
        if "trainingrun.dev/league"
        in controller_of(workload)["spec"]["template"]["metadata"]["labels"]
    }
    assert joined == {"learner"}


def test_a_learner_that_joins_a_league_finds_its_token_and_its_authority_as_files() -> None:
    """Both from the league's Secret, in the folder that the learner reads; the Secret is optional,
    or the pod could not start before the League; no other member's pod has them, and no value
    stands in a manifest."""
    made = workloads(training_run(leagueRef={"name": "ladder"}), Settings(), scaled=2)
    given = {}
    for role, workload in made.items():
        pod = controller_of(workload)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        folders = {
            each["value"] for each in container["env"] if each["name"] == LEAGUE_FOLDER_VARIABLE
        }
        for mount in container["volumeMounts"]:
            if mount["mountPath"] in folders:
                (found,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
                given[role.value] = found["secret"]
    assert given == {
        "learner": {
            "secretName": "ladder-tokens",
            "items": [
                {"key": "services-token", "path": "services-token"},
                {"key": "ca.crt", "path": "ca.crt"},
            ],
            "optional": True,
            "defaultMode": 0o440,
        }
    }


def test_a_learner_outside_of_leagues_is_given_nothing_of_one() -> None:
    """Expect no folder, and no Secret of any league."""
    made = workloads(training_run(), Settings(), scaled=2)
    pod = controller_of(made[Role.LEARNER])["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert LEAGUE_FOLDER_VARIABLE not in {each["name"] for each in container["env"]}
    assert not [each for each in pod["volumes"] if "secret" in each]
