"""A run of the quickstart on a cluster, and what its status says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from testkit.e2e.cluster import Namespace
from testkit.tree import ROOT
from testkit.waiting import until

_QUICKSTART = ROOT / "examples" / "quickstart.yaml"
ROLES = {"redis", "daemon", "learner", "actor", "evaluator"}


def eventually(holds: Callable[[], object], what: str, *, seconds: float = 240) -> None:
    """Wait, asking the API server at a person's pace."""
    until(holds, seconds=seconds, what=what, every=1.0)


def short_quickstart(folder: Path, *, name: str = "quickstart", games: int = 600) -> Path:
    """The quickstart with fewer games, so that it ends within minutes on two cores."""
    document = yaml.safe_load(_QUICKSTART.read_text())
    document["metadata"]["name"] = name
    document["spec"]["games"] = games
    document["spec"]["evaluation"].update({"intervalGames": games // 2, "games": 20})
    document["spec"]["learner"]["batchTransitions"] = 1024
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def status(namespace: Namespace, name: str) -> Any:
    """The status of a run; empty before the first one."""
    return namespace.training_run(name).get("status", {})


def condition(namespace: Namespace, name: str, kind: str) -> str:
    """Status of one condition; empty when it is not there."""
    found: dict[str, str] = {
        c["type"]: c["status"] for c in status(namespace, name).get("conditions", [])
    }
    return found.get(kind, "")


def games(namespace: Namespace, name: str) -> int:
    """Games played so far."""
    return int(status(namespace, name).get("games", {}).get("played") or 0)


def version(namespace: Namespace, name: str) -> int:
    """Version of the newest weights."""
    return int(status(namespace, name).get("model", {}).get("version") or 0)


def assert_ledger_closes(namespace: Namespace, name: str) -> None:
    """produced = trained + queued + dropped + lost, as the status has it."""
    told = status(namespace, name)["transitions"]
    accounted = told["trained"] + told["queued"] + sum(told["dropped"].values()) + told["lost"]
    assert told["produced"] == accounted, told
    assert told["trained"] > 0
    print(f"ledger of {name}: {told}")


def running_roles(namespace: Namespace) -> set[str]:
    """Roles that have pods which are not finished."""
    return {
        pod["metadata"]["labels"].get("trainingrun.dev/role", "")
        for pod in namespace.get("pods")["items"]
        if pod["status"]["phase"] in ("Pending", "Running")
    }


def suspend(namespace: Namespace, name: str, *, wanted: bool) -> None:
    """Set ``spec.suspend`` as a person would."""
    patch = f'{{"spec":{{"suspend":{str(wanted).lower()}}}}}'
    namespace.kubectl("patch", f"tr/{name}", "--type=merge", "-p", patch)
