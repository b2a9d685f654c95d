"""An engine of the user's own on a real cluster: an image without our code, named in a run."""

from __future__ import annotations

from pathlib import Path

import yaml

from testkit.e2e.cluster import Image, Namespace, build_image
from testkit.e2e.training import assert_ledger_closes, status, version
from testkit.own_engines import EXAMPLES

FOLDER = EXAMPLES / "engine-in-python"
IMAGE = "localhost/domineering:1"
GAMES = 3000
BETTER_THAN_EVEN = 0.5
"""What the last win rate against random play must pass with the whole of its interval."""


def on_a_cluster(folder: Path) -> Path:
    """The example's training with the engine as an image, as the guide says, and fewer games."""
    document = yaml.safe_load((FOLDER / "trainingrun.yaml").read_text())
    container = {"name": "daemon", "image": IMAGE}
    document["spec"]["games"] = GAMES
    document["spec"]["daemon"] = {
        "gamesPerDaemon": 16,
        "template": {"spec": {"containers": [container]}},
        "autoscaling": {"minReplicas": 1, "maxReplicas": 1},
    }
    document["spec"]["learner"]["batchTransitions"] = 512
    document["spec"]["evaluation"]["intervalGames"] = GAMES
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_an_engine_of_ones_own_is_applied_and_trained(namespace: Namespace, tmp_path: Path) -> None:
    """Expect its pods to pass every probe under the restricted standard, the run to end Complete
    with a policy that beats random play, and every transition accounted for."""
    build_image(Image("Dockerfile", IMAGE), context=FOLDER)
    namespace.kubectl("apply", "-f", str(on_a_cluster(tmp_path)))
    namespace.wait("tr/domineering", condition="condition=Complete", seconds=600)
    print(namespace.table())
    assert version(namespace, "domineering") > 0
    assert_ledger_closes(namespace, "domineering")
    (evaluation,) = status(namespace, "domineering")["evaluation"]
    print(evaluation)
    assert evaluation["opponent"] == "random"
    assert float(evaluation["low"]) > BETTER_THAN_EVEN
