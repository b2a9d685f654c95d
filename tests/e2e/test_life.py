"""The life of a run on a real cluster: real kubelet, real containers, learning to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from cluster import ROOT, Namespace
from waiting import until

QUICKSTART = ROOT / "examples" / "quickstart.yaml"


def short_quickstart(folder: Path, *, name: str = "quickstart", games: int = 300) -> Path:
    """The quickstart with fewer games, so that it ends within minutes on two cores."""
    document = yaml.safe_load(QUICKSTART.read_text())
    document["metadata"]["name"] = name
    document["spec"]["games"] = games
    document["spec"]["evaluation"].update({"everyGames": games // 2, "games": 20})
    document["spec"]["learner"]["batchTransitions"] = 1024
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def condition(run: Any, kind: str) -> tuple[str, str]:
    """Status and reason of one condition; empty when it is not there."""
    for each in run.get("status", {}).get("conditions", []):
        if each["type"] == kind:
            return each["status"], each["reason"]
    return "", ""


def games(run: Any) -> int:
    """Games played so far."""
    return int(run.get("status", {}).get("games", {}).get("played") or 0)


def assert_ledger_closes(run: Any) -> None:
    """produced = trained + queued + dropped + lost, as the status tells it."""
    transitions = run["status"]["transitions"]
    dropped = transitions["dropped"]
    total = dropped if isinstance(dropped, int) else sum(dropped.values())
    accounted = transitions["trained"] + transitions["queued"] + total + transitions["lost"]
    assert transitions["produced"] == accounted, transitions
    assert transitions["trained"] > 0


def test_a_run_learns_suspends_resumes_and_completes(namespace: Namespace, tmp_path: Path) -> None:
    """Games rise, weights are published, suspend loses nothing, and the run ends Succeeded."""
    namespace.kubectl("apply", "-f", str(short_quickstart(tmp_path)))
    until(lambda: games(namespace.training_run("quickstart")) > 20, seconds=240)
    until(
        lambda: (
            (namespace.training_run("quickstart")["status"].get("model") or {}).get("version", 0)
            > 0
        ),
        seconds=240,
    )

    namespace.kubectl("patch", "tr/quickstart", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    namespace.wait("tr/quickstart", condition="condition=Suspended", seconds=180)
    suspended = namespace.training_run("quickstart")
    assert_ledger_closes(suspended)
    assert suspended["status"]["transitions"]["queued"] == 0
    until(lambda: not running_roles(namespace) & {"actor", "daemon", "learner"}, seconds=120)

    namespace.kubectl("patch", "tr/quickstart", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    until(lambda: games(namespace.training_run("quickstart")) > games(suspended) + 20, seconds=240)
    namespace.wait("tr/quickstart", condition="condition=Succeeded", seconds=600)
    finished = namespace.training_run("quickstart")
    assert games(finished) >= finished["spec"]["games"]
    assert_ledger_closes(finished)
    assert finished["status"]["evaluation"]
    assert "quickstart" in namespace.table()


def running_roles(namespace: Namespace) -> set[str]:
    """Roles that have pods which are not finished."""
    pods = namespace.get("pods")["items"]
    return {
        pod["metadata"]["labels"].get("trainingrun.dev/role", "")
        for pod in pods
        if pod["status"]["phase"] in ("Pending", "Running")
    }


def test_every_role_may_be_killed_and_the_ledger_still_closes(
    namespace: Namespace, tmp_path: Path
) -> None:
    """Killing an actor, the learner, a daemon, Redis and the operator costs no transition."""
    namespace.kubectl("apply", "-f", str(short_quickstart(tmp_path, name="chaos")))
    until(lambda: games(namespace.training_run("chaos")) > 20, seconds=240)
    for role in ("actor", "learner", "daemon", "redis"):
        before = games(namespace.training_run("chaos"))
        namespace.kubectl(
            "delete", "pod", "-l", f"trainingrun.dev/role={role}", "--force", "--grace-period=0"
        )
        until(
            lambda before=before: games(namespace.training_run("chaos")) > before + 5, seconds=240
        )
    Namespace("trainingrun-system").kubectl(
        "delete", "pod", "-l", "app.kubernetes.io/name=trainingrun", "--force", "--grace-period=0"
    )
    namespace.wait("tr/chaos", condition="condition=Succeeded", seconds=600)
    assert_ledger_closes(namespace.training_run("chaos"))


def test_deletion_leaves_nothing_while_the_operator_is_down(
    namespace: Namespace, tmp_path: Path
) -> None:
    """Owner references clean up; no finalizer waits for an operator that is not there."""
    namespace.kubectl("apply", "-f", str(short_quickstart(tmp_path, name="gone")))
    until(lambda: running_roles(namespace) >= {"redis", "daemon", "actor", "learner"}, seconds=120)
    system = Namespace("trainingrun-system")
    operator = "deployment/trainingrun-operator"
    system.kubectl("scale", operator, "--replicas=0")
    namespace.kubectl("delete", "tr/gone", "--wait", "--timeout=60s")
    kinds = (
        "deployments,statefulsets,jobs,pods,services,secrets,poddisruptionbudgets,networkpolicies"
    )
    until(lambda: not namespace.get(kinds)["items"], seconds=180)
    system.kubectl("scale", operator, "--replicas=1")
    system.kubectl("rollout", "status", operator, "--timeout=120s", timeout=130)


def test_an_image_that_cannot_be_pulled_is_named_in_the_table_of_the_run(
    namespace: Namespace, tmp_path: Path
) -> None:
    """The condition and an event carry the image's name; nobody has to look at pods."""
    file = short_quickstart(tmp_path, name="noimage")
    document = yaml.safe_load(file.read_text())
    document["spec"]["daemon"]["image"] = "localhost/not-there:9"
    file.write_text(yaml.safe_dump(document))
    namespace.kubectl("apply", "-f", str(file))
    until(
        lambda: (
            condition(namespace.training_run("noimage"), "DaemonsAvailable")[0] == "False"
            and "localhost/not-there:9" in str(namespace.training_run("noimage")["status"])
        ),
        seconds=180,
    )
    events = namespace.kubectl("get", "events", "--field-selector=involvedObject.name=noimage")
    assert "not-there" in events
