"""The harness itself: what the other tests of this folder rely on holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from testkit.control_plane.api_connections import ApiError
from testkit.control_plane.plane import (
    ControlPlane,
    KubectlError,
    NodeSize,
    Verb,
    condition,
    restricted_pod,
)
from testkit.servers.s3_server import S3Server

SOON = "--timeout=60s"
LABELS = {"app": "played"}
SELECTOR = "app=played"
Kubectl = Callable[..., str]


def deployment(namespace: str, replicas: int, **pod: Any) -> dict[str, Any]:
    """A Deployment of restricted pods."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "played", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": restricted_pod(labels=LABELS, **pod),
        },
    }


def job(namespace: str) -> dict[str, Any]:
    """A Job whose losses to disruption do not count."""
    ignore = {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "played", "namespace": namespace},
        "spec": {
            "backoffLimit": 0,
            "podFailurePolicy": {"rules": [ignore]},
            "template": restricted_pod(labels=LABELS, restartPolicy="Never"),
        },
    }


def test_a_deployment_becomes_available(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """Five pods are scheduled, started and counted by the real controllers."""
    control_plane.apply(deployment(namespace, 5))
    kubectl("wait", "deployment/played", "--for=jsonpath={.status.readyReplicas}=5", SOON)


def test_a_root_pod_is_refused(control_plane: ControlPlane, namespace: str) -> None:
    """Pod Security admission guards the namespaces of the tests."""
    template = restricted_pod(labels=LABELS)
    del template["spec"]["containers"][0]["securityContext"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"] |= {"name": "root", "namespace": namespace}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        control_plane.apply(pod)


@pytest.mark.parametrize(
    "how",
    [
        {"image": "registry.invalid/app:1"},
        {"labels": {**LABELS, "bed.trainingrun.dev/play": "image-error"}},
    ],
)
def test_an_image_error_shows(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str, how: dict[str, Any]
) -> None:
    """A pod with an image of a host *.invalid, or asked by a label, waits in ErrImagePull."""
    template = restricted_pod(**{"labels": LABELS, **how})
    template["metadata"] |= {"name": "lost", "namespace": namespace}
    control_plane.apply({"apiVersion": "v1", "kind": "Pod", **template})
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    kubectl("wait", "pod/lost", f"--for={reason}=ErrImagePull", SOON)


def test_a_crash_loop_shows_and_ends(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A running pod asked to crash waits in CrashLoopBackOff, and is ready again when let go."""
    control_plane.apply(deployment(namespace, 1))
    kubectl("wait", "deployment/played", "--for=condition=Available", SOON)
    control_plane.play(namespace, SELECTOR, "crash-loop")
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    kubectl("wait", "pod", "-l", SELECTOR, f"--for={reason}=CrashLoopBackOff", SOON)
    kubectl("wait", "deployment/played", "--for=condition=Available=false", SOON)
    control_plane.play(namespace, SELECTOR, "")
    kubectl("wait", "deployment/played", "--for=condition=Available", SOON)
    status = control_plane.api.list("pods", namespace)[0]["status"]
    assert status["containerStatuses"][0]["restartCount"] == 5
    assert list(status["containerStatuses"][0]["state"]) == ["running"]


def test_an_unready_pod_keeps_running(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A failing readiness probe takes the pod out of the ready ones, not out of Running."""
    control_plane.apply(deployment(namespace, 1))
    kubectl("wait", "pod", "-l", SELECTOR, "--for=create", SOON)
    kubectl("wait", "pod", "-l", SELECTOR, "--for=condition=Ready", SOON)
    control_plane.play(namespace, SELECTOR, "unready")
    kubectl("wait", "pod", "-l", SELECTOR, "--for=condition=Ready=false", SOON)
    kubectl("wait", "pod", "-l", SELECTOR, "--for=jsonpath={.status.phase}=Running", SOON)


def test_a_job_runs_until_told_to_complete(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A Job's pod is not finished by itself; asked to, the Job is complete."""
    control_plane.apply(job(namespace))
    kubectl("wait", "job/played", "--for=jsonpath={.status.ready}=1", SOON)
    control_plane.play(namespace, SELECTOR, "complete")
    kubectl("wait", "job/played", "--for=condition=Complete", SOON)


def test_a_job_fails_with_the_exit_code_told(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A failing pod uses up the Job's back-off limit, and shows its exit code."""
    control_plane.apply(job(namespace))
    kubectl("wait", "job/played", "--for=jsonpath={.status.ready}=1", SOON)
    control_plane.play(namespace, SELECTOR, "fail", exit_code="3")
    kubectl("wait", "job/played", "--for=condition=Failed", SOON)
    status = control_plane.api.list("pods", namespace)[0]["status"]
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_an_evicted_pod_of_a_job_does_not_count(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A spot loss carries DisruptionTarget; the Job ignores it and starts another pod."""
    control_plane.apply(job(namespace))
    kubectl("wait", "job/played", "--for=jsonpath={.status.ready}=1", SOON)
    first = control_plane.api.list("pods", namespace)[0]["metadata"]["name"]
    control_plane.play(namespace, SELECTOR, "evict")
    kubectl("wait", f"pod/{first}", "--for=condition=DisruptionTarget", SOON)

    def ready_pods() -> set[str]:
        pods = control_plane.api.list("pods", namespace)
        ready = [pod for pod in pods if condition(pod, "Ready", "True")]
        return {pod["metadata"]["name"] for pod in ready}

    control_plane.wait_until(lambda: bool(ready_pods() - {first}), "another pod of the Job")
    assert condition(control_plane.api.get("job", "played", namespace), "Failed") is None


def test_a_deleted_pod_goes_and_is_replaced(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """Deletion ends for good, and the Deployment fills the gap."""
    control_plane.apply(deployment(namespace, 2))
    kubectl("wait", "deployment/played", "--for=jsonpath={.status.readyReplicas}=2", SOON)
    kubectl("delete", "pods", "-l", SELECTOR, SOON)
    kubectl("wait", "deployment/played", "--for=jsonpath={.status.readyReplicas}=2", SOON)


def test_a_pod_takes_the_time_it_is_told_to_stop(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """With stop-after a deleted pod stays, terminating, as long as asked."""
    control_plane.apply(deployment(namespace, 1))
    kubectl("wait", "deployment/played", "--for=condition=Available", SOON)
    pod = control_plane.api.list("pods", namespace)[0]["metadata"]["name"]
    control_plane.play(namespace, SELECTOR, "", stop_after="1h")
    kubectl("delete", "pod", pod, "--wait=false")
    kubectl("wait", "deployment/played", "--for=jsonpath={.status.readyReplicas}=1", SOON)
    metadata = control_plane.api.get("pod", pod, namespace)["metadata"]
    assert "deletionTimestamp" in metadata
    kubectl("delete", "pod", pod, "--force", "--grace-period=0")


def test_an_account_without_rights_is_refused(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A ServiceAccount's kubeconfig may do nothing before RBAC allows it, and gets the reason."""
    kubectl("create", "serviceaccount", "operator")
    kubeconfig = control_plane.kubeconfig_for(namespace, "operator")
    with pytest.raises(KubectlError, match=f"Forbidden.*{namespace}:operator.*cannot list"):
        control_plane.kubectl("get", "pods", kubeconfig=kubeconfig)
    kubectl("create", "role", "reader", "--verb=list", "--resource=pods")
    kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:operator"
    )
    account = f"system:serviceaccount:{namespace}:operator"
    control_plane.wait_until(
        lambda: control_plane.api.may(account, "list", "pods", namespace), "the right is known"
    )
    assert control_plane.kubectl("get", "pods", "-o", "name", kubeconfig=kubeconfig) == ""
    assert Verb("list", "", "pods") in control_plane.verbs_used_by(namespace, "operator")


def test_an_outage_of_the_api_server_loses_nothing(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """After a crash the API server serves what it had, and the controllers continue working."""
    kubectl("create", "configmap", "kept", "--from-literal=key=value")
    control_plane.stop_part("kube-apiserver", at_once=True)
    with pytest.raises(KubectlError, match="refused"):
        kubectl("get", "configmap", "kept")
    control_plane.start_part("kube-apiserver")
    assert kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.key}") == "value"
    control_plane.apply(deployment(namespace, 2))
    # Who watched the server asks for it less and less often while it is away.
    ready = "--for=jsonpath={.status.readyReplicas}=2"
    kubectl("wait", "deployment/played", ready, "--timeout=100s")


def test_a_control_plane_that_rests_keeps_what_it_had(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Nothing runs meanwhile; afterwards objects are there, and controllers work on them."""
    control_plane.apply(deployment(namespace, 1))
    control_plane.pause()
    with pytest.raises(ConnectionRefusedError):
        control_plane.api.get("deployment", "played", namespace)
    control_plane.resume()
    control_plane.apply(deployment(namespace, 2))
    control_plane.wait_until(
        lambda: len(control_plane.api.list("pods", namespace)) == 2, "two pods", seconds=100
    )


def test_nodes_of_other_sizes_can_be_added(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A pod that fits nowhere is Unschedulable; a node of its size takes it."""
    template = restricted_pod(labels=LABELS, tolerations=[])
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100"}}
    template["metadata"] |= {"name": "large", "namespace": namespace}
    control_plane.apply({"apiVersion": "v1", "kind": "Pod", **template})
    reason = 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}'
    kubectl("wait", "pod/large", f"--for={reason}=Unschedulable", SOON)
    control_plane.add_nodes(1, prefix="large", size=NodeSize(cpu="128"))
    kubectl("wait", "pod/large", "--for=condition=Ready", SOON)
    control_plane.kubectl("delete", "node", "large-0")


def test_the_s3_server_keeps_objects(s3: S3Server) -> None:
    """An object put with boto3 comes back, also after an outage of the server."""
    client = s3.client()
    bucket = s3.create_bucket("checkpoints")
    client.put_object(Bucket=bucket, Key="runs/1/manifest.json", Body=b"{}")
    s3.stop()
    s3.start()
    assert client.get_object(Bucket=bucket, Key="runs/1/manifest.json")["Body"].read() == b"{}"


def test_the_s3_server_knows_conditional_writes(s3: S3Server) -> None:
    """A second If-None-Match write is refused: the law that makes a manifest atomic."""
    client = s3.client()
    bucket = s3.create_bucket("checkpoints")
    client.put_object(Bucket=bucket, Key="lock", Body=b"1", IfNoneMatch="*")
    with pytest.raises(client.exceptions.ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=bucket, Key="lock", Body=b"2", IfNoneMatch="*")
