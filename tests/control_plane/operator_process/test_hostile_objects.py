"""Objects that no one can read cost the run that they are: its status says so, and no other run
and no part of the operator notices.

What the API server stores is hostile here, and the API server is real: 9,000 levels of a template,
1.2 MB in one object, a line of a watch that is six times as long as what it says.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from testkit.control_plane.api_connections import Request
from testkit.operator.operator_process import OperatorProcess, Trainer, condition

RUNS = "/apis/trainingrun.dev/v1alpha1/namespaces/{}/trainingruns"
DEEP = (40, 1_500, 9_000)
MISTYPED = {"template": {"spec": {"nodeSelectr": {"a": "b"}}}}
FINALIZER = "trainingrun.dev/storage"


def post(trainer: Trainer, path: str, body: str) -> None:
    """Create an object from text: no decoder of ours reads what these tests write."""
    trainer.plane.connections.ask(Request("POST", path, body))


def deep(levels: int) -> str:
    """A template of this many levels, as JSON; only below its spec is any field kept."""
    return '{"spec":' + '{"a":' * (levels - 1) + "1" + "}" * levels


def with_template(trainer: Trainer, name: str, template: str, **meta: Any) -> str:
    """A run with this JSON as the actors' template."""
    document = trainer.manifest(name, actor={"template": "TEMPLATE"})
    document["metadata"].update(meta)
    return json.dumps(document).replace('"TEMPLATE"', template)


def degraded(trainer: Trainer, name: str) -> dict[str, Any]:
    """A run's condition, and the generation that its status is of; its spec cannot be decoded."""
    path = "-o=jsonpath={.status}"
    text = trainer.kubectl("get", "trainingrun", name, path)
    status = json.loads(text) if text else {}
    return {**condition({"status": status}, "Degraded"), "of": status.get("observedGeneration")}


def is_told(trainer: Trainer, name: str) -> bool:
    """Whether a run's status says that it cannot be followed."""
    return degraded(trainer, name).get("reason") == "InvalidSpec"


def assert_followed(trainer: Trainer, operator: OperatorProcess, name: str) -> None:
    """Another run is begun, and the operator is the process that it was."""
    trainer.start(name)
    trainer.wait_for(name, "Ready")
    assert operator.ask("/livez") == "ok"
    assert "a part of the operator has ended" not in operator.log()


def test_deep_templates_cost_their_runs_alone(trainer: Trainer, operator: OperatorProcess) -> None:
    """Seen by the watch and by the list at the next start; each has its condition and its event."""
    path = RUNS.format(trainer.namespace)
    for levels in DEEP:
        post(trainer, path, with_template(trainer, f"deep-{levels}", deep(levels)))
    names = [f"deep-{levels}" for levels in DEEP]
    trainer.wait_until(lambda: all(is_told(trainer, name) for name in names))
    for name in names:
        trainer.wait_for_event(name, "InvalidSpec")
        assert "deep" in degraded(trainer, name)["message"]
        assert degraded(trainer, name)["of"] == 1
    assert_followed(trainer, operator, "beside-the-deep")
    operator.kill()
    operator.start()
    assert_followed(trainer, operator, "after-the-deep")
    trainer.kubectl("delete", "trainingrun", *names, "--wait=false")


def test_a_fat_template_is_refused_with_its_size(
    trainer: Trainer, operator: OperatorProcess
) -> None:
    """70 kB and 1.2 MB: the first is decoded and refused, the second is not even decoded."""
    path = RUNS.format(trainer.namespace)
    for name, size in (("large", 70_000), ("huge", 1_200_000)):
        template = json.dumps({"metadata": {"annotations": {"a": "x" * size}}})
        post(trainer, path, with_template(trainer, name, template))
    trainer.wait_until(lambda: is_told(trainer, "large") and is_told(trainer, "huge"))
    assert "65536 bytes" in degraded(trainer, "large")["message"]
    assert_followed(trainer, operator, "beside-the-fat")
    trainer.patch("large", '{"actor": {"template": null}}')
    trainer.wait_until(lambda: not is_told(trainer, "large"))
    trainer.kubectl("delete", "trainingrun", "large", "huge", "--wait=false")


@pytest.mark.parametrize(("keys", "value", "most"), [(3_000, 8, 200)])
def test_eighty_large_runs_fit_into_the_charts_limit(
    trainer: Trainer, fresh_operator: OperatorProcess, keys: int, value: int, most: float
) -> None:
    """60 kB of small values each: seen by the watch and by the
    lists of the next start. They are suspended, so that they alone count."""
    operator = fresh_operator
    given = {f"key-{number}": "x" * value for number in range(keys)}
    document = trainer.manifest("NAME", suspend=True)
    document["spec"]["actor"] = {"template": {"metadata": {"annotations": given}}}
    text, path = json.dumps(document), RUNS.format(trainer.namespace)

    def create(number: int) -> None:
        post(trainer, path, text.replace('"NAME"', f'"large-{value}-{number}"'))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(create, range(80)))
    watched = operator.peak_megabytes()
    operator.stop()
    operator.start()
    assert_followed(trainer, operator, "beside-the-large")
    listed = operator.peak_megabytes()
    print(f"80 runs of {len(text)} bytes: at most {watched:.0f} MB watched, {listed:.0f} MB listed")
    assert max(watched, listed) < most
    trainer.kubectl("delete", "trainingrun", "--all", "--wait=false")


def test_long_lines_of_a_watch_cost_nothing(trainer: Trainer, operator: OperatorProcess) -> None:
    """1.1 MB that JSON writes as 6.6: a label has the operator watch it, whatever owns it."""
    path = f"/apis/apps/v1/namespaces/{trainer.namespace}/deployments"
    labels = {"app": "x"}
    env = [{"name": "LONG", "value": "<" * 1_100_000}]
    container = {"name": "x", "image": "x.invalid/x", "env": env}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "long", "labels": {"trainingrun.dev/uid": "x"}},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }
    post(trainer, path, json.dumps(document))
    trainer.kubectl("annotate", "deployment", "long", "again=1")
    assert_followed(trainer, operator, "beside-the-long")
    trainer.kubectl("delete", "deployment", "long")
    assert_followed(trainer, operator, "after-the-long")


@pytest.mark.parametrize("role", ["actor", "learner"])
def test_an_unknown_field_is_told_in_the_api_servers_words(trainer: Trainer, role: str) -> None:
    """A typo in a template: no 500 to be waited out, but the user's, until the spec changes."""
    name = f"typo-{role}"
    begin = time.monotonic()
    trainer.apply(name, **{role: MISTYPED})
    trainer.wait_until(
        lambda: "nodeSelectr" in condition(trainer.run(name), "Degraded").get("message", "")
    )
    print(f"{role}: told after {time.monotonic() - begin:.1f} s")
    run = trainer.run(name)
    assert condition(run, "Degraded")["status"] == "True"
    assert run["status"]["observedGeneration"] == run["metadata"]["generation"]
    trainer.wait_until(lambda: any("nodeSelectr" in note for _, note in trainer.events(name)))
    trainer.patch(name, json.dumps({role: {"template": None}}))
    trainer.play(name)
    trainer.wait_for(name, "Ready")


def test_an_unknown_field_in_a_run_that_is_ready(trainer: Trainer) -> None:
    """The status is of the new generation, and never says that nothing is wrong."""
    trainer.start("retyped")
    trainer.wait_for("retyped", "Ready")
    trainer.patch("retyped", json.dumps({"actor": MISTYPED}))
    trainer.wait_until(
        lambda: "nodeSelectr" in condition(trainer.run("retyped"), "Degraded").get("message", "")
    )
    assert trainer.run("retyped")["status"]["observedGeneration"] == 2


def test_a_run_that_cannot_be_read_can_be_deleted(trainer: Trainer) -> None:
    """Our finalizer does not hold what we cannot clean; an event says what is left."""
    text = with_template(trainer, "held", deep(900), finalizers=[FINALIZER])
    post(trainer, RUNS.format(trainer.namespace), text)
    trainer.wait_until(lambda: is_told(trainer, "held"))
    trainer.kubectl("delete", "trainingrun", "held", "--timeout=60s")
    trainer.wait_for_event("held", "StorageNotDeleted")
