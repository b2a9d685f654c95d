"""The life of a run on a real cluster: real kubelet, real containers, learning to the end."""

from __future__ import annotations

from pathlib import Path

import yaml

from testkit.e2e.cluster import Namespace
from testkit.e2e.training import (
    ROLES,
    assert_ledger_closes,
    condition,
    eventually,
    games,
    running_roles,
    short_quickstart,
    status,
    suspend,
    version,
)


def test_a_run_learns_suspends_resumes_and_completes(namespace: Namespace, tmp_path: Path) -> None:
    """Games rise, weights are published, suspend loses nothing, and the run ends Complete."""
    name = "quickstart"
    namespace.kubectl("apply", "-f", str(short_quickstart(tmp_path)))
    eventually(lambda: games(namespace, name) > 20, "games rise")
    eventually(lambda: version(namespace, name) > 0, "the learner makes an update")

    suspend(namespace, name, wanted=True)
    namespace.wait(f"tr/{name}", condition="condition=Suspended", seconds=180)
    eventually(lambda: running_roles(namespace) <= {"redis"}, "the pods go", seconds=120)
    assert_ledger_closes(namespace, name)
    assert status(namespace, name)["transitions"]["queued"] == 0
    before = games(namespace, name)

    suspend(namespace, name, wanted=False)
    eventually(lambda: games(namespace, name) > before + 20, "games rise after the resume")
    namespace.wait(f"tr/{name}", condition="condition=Complete", seconds=600)
    assert games(namespace, name) >= namespace.training_run(name)["spec"]["games"]
    assert_ledger_closes(namespace, name)
    assert status(namespace, name)["evaluation"]
    table = namespace.table()
    assert "Complete" in table
    print(table)


def test_every_role_may_be_killed_and_the_ledger_still_closes(
    namespace: Namespace, tmp_path: Path
) -> None:
    """Killing an actor, the learner, a daemon, Redis and the operator costs no transition."""
    name = "chaos"
    file = short_quickstart(tmp_path, name=name, games=1500)
    namespace.kubectl("apply", "-f", str(file))
    eventually(lambda: games(namespace, name) > 20, "games rise")
    for role in ("actor", "learner", "daemon", "redis"):
        before = games(namespace, name)
        namespace.kubectl(
            "delete", "pod", "-l", f"trainingrun.dev/role={role}", "--force", "--grace-period=0"
        )
        eventually(
            lambda before=before: games(namespace, name) > before + 5,
            f"games go on after a kill of {role}",
        )
    Namespace("trainingrun-system").kubectl(
        "delete", "pod", "-l", "app.kubernetes.io/name=trainingrun", "--force", "--grace-period=0"
    )
    namespace.wait(f"tr/{name}", condition="condition=Complete", seconds=600)
    assert_ledger_closes(namespace, name)


def test_deletion_leaves_nothing_while_the_operator_is_down(
    namespace: Namespace, tmp_path: Path
) -> None:
    """Owner references clean up; no finalizer waits for an operator that is not there."""
    namespace.kubectl("apply", "-f", str(short_quickstart(tmp_path, name="gone")))
    eventually(lambda: running_roles(namespace) >= ROLES, "all roles run", seconds=120)
    system, operator = Namespace("trainingrun-system"), "deployment/trainingrun-operator"
    replicas = system.get(operator)["spec"]["replicas"]
    system.kubectl("scale", operator, "--replicas=0")
    try:
        namespace.kubectl("delete", "tr/gone", "--wait", "--timeout=60s")
        kinds = "deployments,statefulsets,jobs,pods,services,secrets,poddisruptionbudgets"
        kinds += ",networkpolicies"
        eventually(
            lambda: not namespace.get(kinds)["items"], "nothing of the run is left", seconds=180
        )
    finally:
        system.kubectl("scale", operator, f"--replicas={replicas}")
        system.kubectl("rollout", "status", operator, "--timeout=120s", timeout=130)


def test_an_image_that_cannot_be_pulled_is_named_in_the_status_of_the_run(
    namespace: Namespace, tmp_path: Path
) -> None:
    """The condition and an event carry the image's name; no one has to look at pods."""
    file = short_quickstart(tmp_path, name="noimage")
    document = yaml.safe_load(file.read_text())
    container = {"name": "daemon", "image": "localhost/not-there:9"}
    document["spec"]["daemon"]["template"] = {"spec": {"containers": [container]}}
    file.write_text(yaml.safe_dump(document))
    namespace.kubectl("apply", "-f", str(file))
    eventually(
        lambda: (
            condition(namespace, "noimage", "DaemonsAvailable") == "False"
            and "localhost/not-there:9" in str(status(namespace, "noimage"))
        ),
        "the image is named in the status",
    )
    eventually(
        lambda: (
            "not-there"
            in namespace.kubectl("get", "events", "--field-selector=involvedObject.name=noimage")
        ),
        "an event names the image",
    )
