"""What a platform team does to a cluster while a run trains: it evicts, deletes and upgrades."""

from __future__ import annotations

import json
from pathlib import Path

from testkit.e2e.cluster import ClusterError, Namespace, run
from testkit.e2e.training import (
    assert_ledger_closes,
    eventually,
    games,
    running_roles,
    short_quickstart,
    status,
    suspend,
    version,
)
from testkit.tree import ROOT

ENOUGH = 1_000_000
NAME = "operated"


def start(namespace: Namespace, folder: Path) -> None:
    """A run that does not end by itself, once all of its roles work."""
    file = short_quickstart(folder, name=NAME, games=ENOUGH)
    namespace.kubectl("apply", "-f", str(file))
    eventually(lambda: games(namespace, NAME) > 20, "games rise")
    eventually(lambda: version(namespace, NAME) > 0, "the learner makes an update")
    eventually(lambda: "evaluator" in running_roles(namespace), "the evaluator runs")


def pods(namespace: Namespace, *roles: str) -> dict[str, str]:
    """UID -> name of the pods of these roles that are not on their way out."""
    found = namespace.get("pods", "-l", f"trainingrun.dev/role in ({','.join(roles)})")["items"]
    return {
        pod["metadata"]["uid"]: pod["metadata"]["name"]
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
    }


def evict(namespace: Namespace, pod: str) -> bool:
    """Ask as ``kubectl drain`` does; whether a disruption budget allowed it."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace.name},
    }
    path = f"/api/v1/namespaces/{namespace.name}/pods/{pod}/eviction"
    try:
        run("kubectl", "create", "--raw", path, "-f", "-", stdin=json.dumps(body))
    except ClusterError as error:
        if "disruption budget" in str(error):
            return False
        raise
    return True


def given_up(namespace: Namespace) -> int:
    """Games that were broken off."""
    return int(status(namespace, NAME)["games"].get("aborted") or 0)


def assert_all_accounted(namespace: Namespace) -> None:
    """Suspend, so that nothing is on its way, and read the ledger."""
    suspend(namespace, NAME, wanted=True)
    namespace.wait(f"tr/{NAME}", condition="condition=Suspended", seconds=240)
    assert_ledger_closes(namespace, NAME)
    assert status(namespace, NAME)["transitions"]["lost"] == 0


def test_evictions_and_a_deleted_learner_cost_no_game(namespace: Namespace, tmp_path: Path) -> None:
    """Every daemon, actor and the learner evicted one after the other: games come to their ends
    first, the learner continues from its checkpoint, and the daemons outlive the learner."""
    start(namespace, tmp_path)
    before = given_up(namespace)
    for pod in pods(namespace, "daemon", "actor").values():
        eventually(lambda pod=pod: evict(namespace, pod), f"{pod} may be evicted")
        namespace.kubectl("wait", "--for=delete", f"pod/{pod}", "--timeout=200s", timeout=210)
        played = games(namespace, NAME)
        eventually(lambda played=played: games(namespace, NAME) > played + 5, "games go on")
    assert given_up(namespace) == before

    daemons = pods(namespace, "daemon")
    trained = version(namespace, NAME)
    for pod in pods(namespace, "learner").values():
        namespace.kubectl("delete", "pod", pod, "--timeout=200s", timeout=210)
    eventually(lambda: version(namespace, NAME) > trained, "the learner goes on where it was")
    assert pods(namespace, "daemon") == daemons
    assert_all_accounted(namespace)


def test_the_operator_is_upgraded_while_a_run_trains(
    installed: str, namespace: Namespace, tmp_path: Path
) -> None:
    """New pods of the operator take over; none of the run's pods is touched, and games continue."""
    start(namespace, tmp_path)
    untouched = pods(namespace, "redis", "daemon", "actor", "learner", "evaluator")
    before = games(namespace, NAME)
    system, selector = Namespace(installed), "app.kubernetes.io/name=trainingrun"
    old = {pod["metadata"]["uid"] for pod in system.get("pods", "-l", selector)["items"]}

    chart = str(ROOT / "charts" / "trainingrun")
    run(
        "helm",
        "-n",
        installed,
        "upgrade",
        "trainingrun",
        chart,
        "--reuse-values",
        "--set=logLevel=DEBUG",
        "--wait",
        "--timeout",
        "180s",
        timeout=200,
    )
    eventually(
        lambda: not old & {pod["metadata"]["uid"] for pod in system.get("pods")["items"]},
        "the old operator is gone",
    )
    eventually(lambda: games(namespace, NAME) > before + 100, "the new operator tells of games")
    assert untouched.items() <= pods(namespace, *running_roles(namespace)).items()
    assert_all_accounted(namespace)
