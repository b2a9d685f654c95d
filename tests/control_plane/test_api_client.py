"""The harness' client of the API server: it reads what was just written, and wakes who waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from testkit.control_plane.api_client import ApiClient, WaitError, has_condition
from testkit.control_plane.api_connections import ApiError
from testkit.control_plane.plane import ControlPlane
from testkit.servers.server_process import BedError

LONG = 60.0
Kubectl = Callable[..., str]


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def test_what_kubectl_wrote_is_read_at_once(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """Also while the collection is watched; by plural, singular and short name."""
    seen = []
    for number in ("1", "2", "3"):
        kubectl("create", "configmap", f"made-{number}", f"--from-literal=key={number}")
        control_plane.api.wait_until(
            lambda: bool(control_plane.api.list("cm", namespace)), "", seconds=LONG
        )
        seen.append(control_plane.api.get("configmap", f"made-{number}", namespace)["data"])
    assert seen == [{"key": "1"}, {"key": "2"}, {"key": "3"}]
    kubectl("delete", "configmap", "made-2")
    assert control_plane.api.find("configmaps", "made-2", namespace) is None
    names = {each["metadata"]["name"] for each in control_plane.api.list("configmaps", namespace)}
    assert names == {"made-1", "made-3", "kube-root-ca.crt"}


def test_objects_of_several_kinds_say_what_they_are(
    control_plane: ControlPlane, namespace: str
) -> None:
    """As ``kubectl get a,b -o json`` does; selected by label."""
    made = config_map(namespace, "chosen")
    made["metadata"]["labels"] = {"chosen": "yes"}
    control_plane.apply(made, config_map(namespace, "other"))
    found = control_plane.api.list("serviceaccounts,configmaps", namespace, labels="chosen=yes")
    assert [(each["apiVersion"], each["kind"]) for each in found] == [("v1", "ConfigMap")]
    everything = control_plane.api.list("serviceaccounts,configmaps", namespace)
    assert {each["kind"] for each in everything} == {"ServiceAccount", "ConfigMap"}


def test_what_is_refused_is_told_in_the_servers_words(
    control_plane: ControlPlane, namespace: str
) -> None:
    """An unknown field, an object and a kind that are not there."""
    with pytest.raises(ApiError, match="field not declared in schema"):
        control_plane.apply({**config_map(namespace, "typo"), "dta": {}})
    with pytest.raises(ApiError, match='configmaps "nobody" not found') as refused:
        control_plane.api.get("configmap", "nobody", namespace)
    assert refused.value.is_not_found
    with pytest.raises(BedError, match="serves nothing called 'unicorns'"):
        control_plane.api.list("unicorns")


def test_a_change_wakes_who_waits(control_plane: ControlPlane, namespace: str) -> None:
    """By itself it would ask again after a minute."""
    client = ApiClient(control_plane.connections, look_seconds=LONG)
    change = threading.Thread(target=client.apply, args=[config_map(namespace, "late")])

    def is_there() -> bool:
        found = client.find("configmap", "late", namespace)
        if change.ident is None:
            change.start()
        return found is not None

    begin = time.monotonic()
    client.wait_until(is_there, "the change", seconds=2 * LONG)
    assert time.monotonic() - begin < LONG
    change.join()
    client.leave(namespace)


def test_a_wait_that_comes_to_nothing_says_for_what(control_plane: ControlPlane) -> None:
    """After its time, and not before it has asked once."""
    looks = []
    with pytest.raises(WaitError, match="a miracle: not within 0"):
        control_plane.api.wait_until(lambda: bool(looks.append(1)), "a miracle", seconds=0.1)
    assert looks


def test_waits_go_on_after_an_outage(control_plane: ControlPlane, namespace: str) -> None:
    """The connections and watches of before are gone with the server; the next request has
    others."""
    api = control_plane.api
    api.wait_until(lambda: bool(api.list("cm", namespace)), "a first look", seconds=LONG)
    control_plane.stop_part("kube-apiserver", at_once=True)
    control_plane.start_part("kube-apiserver")
    late = threading.Thread(target=api.apply, args=[config_map(namespace, "late")])
    late.start()
    api.wait_until(lambda: api.find("cm", "late", namespace) is not None, "it", seconds=LONG)
    late.join()


@pytest.mark.parametrize(
    ("told", "wanted", "expected"),
    [
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "Ready", True),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, "Ready=False", True),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, "Ready", False),
        ({"conditions": []}, "Ready", False),
        ({"conditions": None}, "Ready", False),
        ({}, "Ready=False", False),
        (
            {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
            "Ready",
            False,
        ),
        (
            {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]},
            "Ready",
            True,
        ),
        (
            {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]},
            "Ready",
            False,
        ),
    ],
)
def test_a_condition_of_an_older_generation_does_not_count(
    told: dict[str, Any], wanted: str, *, expected: bool
) -> None:
    """As for ``kubectl wait``."""
    document = {"metadata": {"generation": 2}, "status": told}
    assert has_condition(document, wanted) is expected
