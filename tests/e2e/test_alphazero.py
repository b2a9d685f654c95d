"""AlphaZero on a real cluster: search pods, an inference server that is found through Redis, and
the evaluation by search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from testkit.e2e.cluster import Namespace
from testkit.e2e.training import assert_ledger_closes, status, version
from testkit.tree import ROOT

NAME = "connect-four-az"
GAMES = 1500
BETTER_THAN_EVEN = 0.5
"""What the last win rate against random play must pass with the whole of its interval."""


def template(container: str) -> dict[str, Any]:
    """Less processor than a member asks for by default: all fit on a node with two cores."""
    small = {"name": container, "resources": {"requests": {"cpu": "50m"}}}
    return {"spec": {"containers": [small]}}


def on_a_cluster(folder: Path) -> Path:
    """The example with fewer games, two self-play workers, and inference servers for them."""
    document = yaml.safe_load((ROOT / "examples" / f"{NAME}.yaml").read_text())
    spec: dict[str, Any] = document["spec"]
    spec["games"] = GAMES
    spec["actor"] |= {"replicas": 2, "template": template("actor")}
    spec["inference"] = {"minReplicas": 1, "maxReplicas": 2, "template": template("inference")}
    spec["evaluation"] = {"intervalGames": GAMES, "games": 100, "opponents": ["random"]}
    del spec["stopWhen"]
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_alphazero_trains_and_asks_its_inference_servers(
    namespace: Namespace, tmp_path: Path
) -> None:
    """Expect every pod to pass under the restricted standard, the run to end Complete with a policy
    that beats random play, positions valued by a server, and every transition accounted for."""
    namespace.kubectl("apply", "-f", str(on_a_cluster(tmp_path)))
    namespace.wait(f"tr/{NAME}", condition="condition=Ready", seconds=300)
    print(namespace.table())
    namespace.wait(f"tr/{NAME}", condition="condition=Complete", seconds=900)
    print(namespace.table())
    assert version(namespace, NAME) > 0
    assert_ledger_closes(namespace, NAME)
    (evaluation,) = status(namespace, NAME)["evaluation"]
    print(evaluation)
    assert evaluation["opponent"] == "random"
    assert float(evaluation["low"]) > BETTER_THAN_EVEN
