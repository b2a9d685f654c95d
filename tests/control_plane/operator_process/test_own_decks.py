"""Decks of ConfigMaps: copied for the daemons, followed, and reported where one is at fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trainingrun_contracts.reports import Intent

from testkit.operator.operator_process import Trainer

pytestmark = pytest.mark.usefixtures("operator")

LIONS = {"name": "lions", "configMapKeyRef": {"name": "mine", "key": "lions.txt"}}
BURN = {"name": "burn", "inline": "20 Mountain\n40 Lightning Bolt (M11) 149"}


def put(trainer: Trainer, **lists: str) -> None:
    """Create or change the ConfigMap."""
    data = {f"{name}.txt": text for name, text in lists.items()}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    trainer.plane.kubectl(
        "-n", trainer.namespace, "apply", "-f", "-", stdin=json.dumps({**document, "data": data})
    )


def copied(trainer: Trainer, run: str) -> dict[str, str]:
    """What the daemons of a run mount."""
    for each in trainer.objects("configmaps", run):
        if each["metadata"]["name"] == f"{run}-decks":
            found: dict[str, str] = each["data"]
            return found
    return {}


def degraded(trainer: Trainer, run: str) -> dict[str, Any]:
    """The condition that says what is wrong; empty before there is one."""
    conditions = trainer.run(run).get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Degraded"), {})


def test_a_run_waits_for_its_config_map_and_follows_it(trainer: Trainer) -> None:
    """Missing, it is named and nothing plays; there, it is copied; changed, it is copied again;
    spoilt or gone, the run plays what it had and says so."""
    trainer.apply("own", decks=[BURN, LIONS])
    trainer.wait_until(lambda: degraded(trainer, "own").get("reason") == "DeckNotFound")
    message = degraded(trainer, "own")["message"]
    assert f"spec.decks[1].configMapKeyRef: ConfigMap {trainer.namespace}/mine is not" in message
    assert trainer.objects("deployments", "own") == []

    put(trainer, other="60 Plains")
    trainer.wait_until(lambda: "no entry lions.txt" in degraded(trainer, "own")["message"])
    put(trainer, lions="Deck\n60 Savannah Lions (A25) 33")
    trainer.wait_until(lambda: bool(trainer.objects("deployments", "own")))
    assert set(copied(trainer, "own")) == {"burn.dck", "lions.dck"}
    assert "60 Savannah Lions\n" in copied(trainer, "own")["lions.dck"]
    [daemon] = [
        each
        for each in trainer.objects("deployments", "own")
        if each["metadata"]["name"] == "own-daemon"
    ]
    assert {"name": "decks", "configMap": {"defaultMode": 420, "name": "own-decks"}} in (
        daemon["spec"]["template"]["spec"]["volumes"]
    )

    put(trainer, lions="Lions")
    trainer.wait_until(
        lambda: degraded(trainer, "own").get("reason") == "DeckUnreadable", seconds=150
    )
    assert degraded(trainer, "own")["message"].endswith("the run plays the list that it had before")
    assert "60 Savannah Lions\n" in copied(trainer, "own")["lions.dck"]
    put(trainer, lions="60 Plains")
    trainer.wait_until(lambda: "60 Plains\n" in copied(trainer, "own")["lions.dck"])
    trainer.wait_until(lambda: degraded(trainer, "own").get("status") != "True")


def test_a_restarted_operator_keeps_what_the_run_plays(trainer: Trainer, operator: Any) -> None:
    """The ConfigMap went while no operator ran: the copy is the run's own, and keeps no run
    awake."""
    put(trainer, lions="60 Savannah Lions")
    fleet = trainer.start("kept", decks=[LIONS])
    trainer.wait_for("kept", "Ready")
    operator.kill()
    trainer.plane.kubectl("-n", trainer.namespace, "delete", "configmap", "mine")
    operator.start()
    trainer.wait_until(lambda: degraded(trainer, "kept").get("reason") == "DeckNotFound")
    assert "60 Savannah Lions\n" in copied(trainer, "kept")["lions.dck"]
    trainer.patch("kept", '{"suspend": true}')
    trainer.wait_until(lambda: fleet.intent is Intent.FLUSH)
    trainer.plane.play(trainer.namespace, "trainingrun.dev/role=learner", "complete")
    trainer.wait_for("kept", "Suspended")
