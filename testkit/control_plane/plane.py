"""A real Kubernetes control plane whose pods are played by kwok; about five seconds to start.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler are the released programs, so
garbage collection, Deployments, Jobs, admission (Pod Security included) and RBAC are what a cluster
does. Only the kubelets are played: ``stages/pod.yaml`` says how pods behave and which annotation
tells them something else. No container runs, so nothing here shows logs, exec or networking; that
is what tests/e2e is for.
"""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from testkit.control_plane.api_client import ApiClient, has_condition
from testkit.control_plane.api_connections import ApiConnections, ApiError, Request
from testkit.control_plane.audit_log import whole_lines
from testkit.ports import free_port
from testkit.programs import programs
from testkit.servers.server_process import BedError, BedProcess

STAGES = Path(__file__).resolve().parent / "stages"
PLAY = "bed.trainingrun.dev/play"
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
READY_SECONDS = 60.0
KUBECTL_SECONDS = 120.0
TOKEN_SECONDS = 8 * 60 * 60

# The controllers' own brakes are for shared clusters; here they would only make tests wait.
FAST_CLIENT = ["--kube-api-qps=2000", "--kube-api-burst=4000"]

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: None, userGroups: ["system:masters", "system:serviceaccounts:kube-system"]}
  - {level: Metadata, userGroups: ["system:serviceaccounts"]}
"""


@dataclass(frozen=True)
class NodeSize:
    """What one played node offers."""

    cpu: str = "64"
    memory: str = "256Gi"
    pods: str = "1000"
    gpus: str = "8"

    def resources(self) -> dict[str, str]:
        """The node's allocatable resources."""
        return {
            "cpu": self.cpu,
            "memory": self.memory,
            "pods": self.pods,
            "nvidia.com/gpu": self.gpus,
        }


@dataclass(frozen=True)
class Verb:
    """One kind of request that an account made: ``patch apps deployments`` (or ``…/status``)."""

    verb: str
    group: str
    resource: str


class KubectlError(BedError):
    """kubectl refused or failed; the message is what it said."""


class ControlPlane:
    """The control plane, running while the context is open.

    Attributes:
        folder: everything it wrote: data, credentials, and a log per program in ``logs``.
        kubeconfig: the administrator's kubeconfig.
        connections: the administrator's, over which ``api`` asks.
        api: the administrator's client, for all that is not about kubectl.
        keep_logs: set it to leave the folder behind (the test session does after a failure).
    """

    def __init__(self, *, nodes: int = 3, size: NodeSize | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="control-plane-"))
        self.kubeconfig = self.folder / "admin.kubeconfig"
        self.keep_logs = False
        self._nodes = nodes
        self._size = size or NodeSize()
        self._programs = programs()
        self._api_port = free_port()
        self._etcd_port, self._etcd_peer_port = free_port(), free_port()
        self._token = secrets.token_urlsafe(24)
        self._processes: dict[str, BedProcess] = {}
        self._opened = ExitStack()

    # -- life ----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.keep_logs = True
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.keep_logs = self.keep_logs or error is not None
        self._stop()

    def _start(self) -> None:
        (self.folder / "logs").mkdir()
        self._write_credentials()
        for part in PARTS:
            self.start_part(part)
            if part == "kube-apiserver":  # it makes the certificate that all others trust
                self._write_kubeconfig(self.kubeconfig, self._token)
        self.connections = ApiConnections(self.url, self._token, self.certificate)
        self.api = ApiClient(self.connections)
        self._opened.callback(self.connections.close)
        self._opened.callback(self.api.close)
        self.add_nodes(self._nodes)
        self.wait_until(self._nodes_are_ready, "nodes ready", seconds=READY_SECONDS)

    def _nodes_are_ready(self) -> bool:
        return all(has_condition(each, "Ready") for each in self.api.list("nodes"))

    def _stop(self) -> None:
        self._opened.close()
        self.pause()  # at once: a polite API server waits for its watchers
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)
        if not self.keep_logs:
            shutil.rmtree(self.folder, ignore_errors=True)

    def pause(self) -> None:
        """Ends all programs for a while; their data stays, as over a power cut."""
        for part in list(self._processes):
            self.stop_part(part, at_once=True)

    def resume(self) -> None:
        """Starts the programs that do not run.

        After a short rest pods are played late: the leases of nodes last for 40 s, and kwok waits.
        """
        for part in PARTS:
            if part not in self._processes:
                self.start_part(part)

    def start_part(self, name: str) -> None:
        """Starts one program, for example the API server after an outage; waits until it serves.

        Raises:
            BedError: it ended or is not ready in time.
        """
        binary = str(self._programs / name)
        log = self.folder / "logs" / f"{name}.log"
        process = BedProcess([binary, *self._flags(name)], log)
        self._processes[name] = process
        if name == "etcd":
            process.wait_until(self._etcd_is_healthy, "etcd healthy", seconds=READY_SECONDS)
        elif name == "kube-apiserver":
            process.wait_until(self._api_is_ready, "API server ready", seconds=READY_SECONDS)

    def stop_part(self, name: str, *, at_once: bool = False) -> None:
        """Ends one program, politely or (``at_once``) as a crash does; its data stays."""
        process = self._processes.pop(name)
        if at_once:
            process.kill()
        else:
            process.stop()

    def compact(self) -> None:
        """Have etcd forget all versions of objects but the present ones."""
        head = self._ask_etcd("/v3/kv/range", {"key": "AA==", "limit": 1})["header"]
        self._ask_etcd("/v3/kv/compaction", {"revision": head["revision"], "physical": True})

    def _ask_etcd(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self._etcd_url}{path}", data=data)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def wait_until(self, is_so: Callable[[], bool], what: str, *, seconds: float = 30.0) -> None:
        """Waits for something, with a deadline.

        Raises:
            BedError: it is not so in time.
        """
        self.api.wait_until(is_so, what, seconds=seconds)

    # -- accounts and requests -----------------------------------------------------------------

    @property
    def url(self) -> str:
        """The URL of the API server; it stays the same over an outage."""
        return f"https://127.0.0.1:{self._api_port}"

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None
    ) -> str:
        """Runs kubectl as administrator or with another kubeconfig; returns what it printed.

        Raises:
            KubectlError: it ended with another code than 0.
        """
        command = [
            str(self._programs / "kubectl"),
            "--kubeconfig",
            str(kubeconfig or self.kubeconfig),
        ]
        answer = subprocess.run(
            [*command, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            check=False,
        )
        if answer.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {answer.stderr.strip()}")
        return answer.stdout

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Applies objects server-side, like a user with a manifest.

        Raises:
            ApiError: one was refused.
        """
        for each in objects:
            self.api.apply(each)

    def create_namespace(self, name: str, *, restricted: bool = True) -> None:
        """Makes a namespace (Pod Security "restricted" by default) and waits for its account."""
        level = "restricted" if restricted else "privileged"
        labels = {"pod-security.kubernetes.io/enforce": level}
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": labels},
            }
        )
        self.wait_until(
            lambda: self.api.find("serviceaccount", "default", name) is not None,
            f"the account of namespace {name}",
            seconds=60,
        )

    def delete_namespace(self, name: str) -> None:
        """Asks for the end of a namespace, and waits for nothing."""
        self.api.leave(name)
        self.api.delete("namespace", name)

    def wait_for_definition(self, name: str) -> None:
        """Waits until objects of a CRD can be asked for: it is established a moment before."""
        self.api.wait_for_condition("crd", name, "", "Established", seconds=60)
        self.api.wait_for_resource(name, seconds=60)

    def kubeconfig_for(self, namespace: str, account: str) -> Path:
        """A kubeconfig with a real token (TokenRequest) of a ServiceAccount and nothing more."""
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        body = json.dumps({**asked, "spec": {"expirationSeconds": TOKEN_SECONDS}})
        place = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token = self.api.ask(Request("POST", place, body))["status"]["token"]
        path = self.folder / f"{namespace}.{account}.kubeconfig"
        self._write_kubeconfig(path, token, namespace=namespace)
        return path

    def verbs_used_by(self, namespace: str, account: str) -> frozenset[Verb]:
        """What a ServiceAccount asked the API server for until now, refused requests included."""
        user = f"system:serviceaccount:{namespace}:{account}"
        log = self.folder / "logs" / "audit.json"
        events = (json.loads(line) for line in whole_lines(log) if user in line)
        return frozenset(
            _verb_of(event)
            for event in events
            if event["user"]["username"] == user and "objectRef" in event
        )

    # -- nodes and pods ------------------------------------------------------------------------

    def add_nodes(self, count: int, *, prefix: str = "node", size: NodeSize | None = None) -> None:
        """Adds played nodes, named ``prefix-0`` and so on; kwok makes them ready."""
        resources = (size or self._size).resources()
        for index in range(count):
            self.api.create(_node(f"{prefix}-{index}", resources))

    def play(self, namespace: str, selector: str, play: str, **details: str) -> None:
        """Sets what the pods of a label selector play next (see stages/pod.yaml).

        Waits for the first such pod: a controller makes it some time after it was asked to.
        ``details`` are further annotations of the harness: ``exit_code="3"``, ``stop_after="2s"``.
        An empty play takes the annotation away.
        """
        self.wait_until(
            lambda: self.play_present(namespace, selector, play, **details),
            f"a pod of {selector}",
            seconds=60,
        )

    def play_present(self, namespace: str, selector: str, play: str, **details: str) -> bool:
        """The same of the pods that there are now; whether there was one. One that goes away
        meanwhile has nothing to play."""
        annotations = {PLAY: play or None}
        for key, value in details.items():
            annotations[f"bed.trainingrun.dev/{key.replace('_', '-')}"] = value
        change = {"metadata": {"annotations": annotations}}
        found = False
        for pod in self.api.list("pods", namespace, labels=selector):
            try:
                self.api.patch("pod", pod["metadata"]["name"], namespace, change=change)
                found = True
            except ApiError as error:
                if not error.is_not_found:
                    raise
        return found

    # -- the inside ----------------------------------------------------------------------------

    def _flags(self, name: str) -> list[str]:
        files = {key: str(self.folder / key) for key in ("etcd", "pki", "sa.key", "tokens.csv")}
        kubeconfig = f"--kubeconfig={self.kubeconfig}"
        controller = [kubeconfig, "--leader-elect=false", "--secure-port=0", *FAST_CLIENT]
        etcd, peer = self._etcd_url, f"http://127.0.0.1:{self._etcd_peer_port}"
        match name:
            case "etcd":
                listen = [f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}"]
                data = [f"--data-dir={files['etcd']}", "--unsafe-no-fsync", "--log-level=warn"]
                return [*listen, f"--listen-peer-urls={peer}", *data]
            case "kube-apiserver":
                return self._api_server_flags(files)
            case "kube-controller-manager":
                signing = [f"--service-account-private-key-file={files['sa.key']}"]
                return [*controller, *signing, f"--root-ca-file={self.certificate}"]
            case "kube-scheduler":
                return controller
            case "kwok":
                stages = [f"--config={path}" for path in sorted(STAGES.glob("*.yaml"))]
                lease = "--node-lease-duration-seconds=40"
                return [
                    kubeconfig,
                    "--manage-all-nodes=true",
                    "--cidr=10.64.0.0/10",
                    lease,
                    *stages,
                ]
            case _:
                raise BedError(f"the control plane has no part {name!r}")

    def _api_server_flags(self, files: Mapping[str, str]) -> list[str]:
        return [
            f"--etcd-servers={self._etcd_url}",
            f"--secure-port={self._api_port}",
            "--bind-address=127.0.0.1",
            # Never called: no pod can reach it. It spares the search for an interface.
            "--advertise-address=192.0.2.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={files['pki']}",
            f"--token-auth-file={files['tokens.csv']}",
            "--authorization-mode=RBAC",
            f"--service-account-key-file={files['sa.key']}",
            f"--service-account-signing-key-file={files['sa.key']}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.99.0.0/16",
            f"--audit-policy-file={self.folder / 'audit.yaml'}",
            f"--audit-log-path={self.folder / 'logs' / 'audit.json'}",
            # One client makes hundreds of requests a second here; fairness is for strangers.
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
        ]

    @property
    def _etcd_url(self) -> str:
        return f"http://127.0.0.1:{self._etcd_port}"

    @property
    def certificate(self) -> Path:
        """Self-signed by the API server at its first start; its file holds the authority too."""
        return self.folder / "pki" / "apiserver.crt"

    def _write_credentials(self) -> None:
        (self.folder / "sa.key").write_text(_signing_key())
        (self.folder / "tokens.csv").write_text(f"{self._token},admin,admin,system:masters\n")
        (self.folder / "audit.yaml").write_text(AUDIT_POLICY)
        (self.folder / "logs" / "audit.json").touch()

    def _write_kubeconfig(self, path: Path, token: str, *, namespace: str = "default") -> None:
        authority = base64.b64encode(self.certificate.read_bytes()).decode()
        cluster = {"server": self.url, "certificate-authority-data": authority}
        context = {"cluster": "bed", "user": "bed", "namespace": namespace}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bed",
            "clusters": [{"name": "bed", "cluster": cluster}],
            "users": [{"name": "bed", "user": {"token": token}}],
            "contexts": [{"name": "bed", "context": context}],
        }
        path.write_text(json.dumps(document))  # JSON is YAML
        path.chmod(0o600)

    def _etcd_is_healthy(self) -> bool:
        return _answers_ok(f"{self._etcd_url}/health")

    def _api_is_ready(self) -> bool:
        if not self.certificate.exists():
            return False
        try:
            trust = ssl.create_default_context(cafile=str(self.certificate))
        except ssl.SSLError:  # still being written
            return False
        return _answers_ok(f"{self.url}/readyz", trust=trust)


def _answers_ok(url: str, *, trust: ssl.SSLContext | None = None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2, context=trust) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _node(name: str, resources: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "status": {"allocatable": dict(resources), "capacity": dict(resources)},
    }


def _signing_key() -> str:
    """A fresh P-256 private key as PEM (RFC 5915), so that no openssl is needed.

    The optional public half is left out: Go computes it. A scalar below 2^255 is below the order
    of the curve.
    """
    scalar = (secrets.randbits(255) | 1).to_bytes(32, "big")
    prime256v1 = bytes.fromhex("a00a06082a8648ce3d030107")
    der = bytes.fromhex("30310201010420") + scalar + prime256v1
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----\n"


def _verb_of(event: Mapping[str, Any]) -> Verb:
    reference = event["objectRef"]
    parts = [reference.get("resource", ""), reference.get("subresource", "")]
    return Verb(event["verb"], reference.get("apiGroup", ""), "/".join(filter(None, parts)))


def restricted_pod(
    *, image: str = "registry.example/app:1", labels: Mapping[str, str], **spec: Any
) -> dict[str, Any]:
    """A pod template that the restricted Pod Security Standard lets in."""
    security = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "main", "image": image, "securityContext": security}
    return {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container], **spec}}


def condition(
    resource: Mapping[str, Any], kind: str, status: str | None = None
) -> Mapping[str, Any] | None:
    """One condition of an object, None if it is not there or has another status than asked."""
    conditions: Iterable[Mapping[str, Any]] = resource.get("status", {}).get("conditions", [])
    matching = (found for found in conditions if found["type"] == kind)
    return next((found for found in matching if status in (None, found["status"])), None)


def waiting_reasons(pods: Mapping[str, Any]) -> Sequence[str]:
    """Why the containers of a list of pods wait."""
    return [
        status["state"]["waiting"]["reason"]
        for pod in pods["items"]
        for status in pod["status"].get("containerStatuses", [])
        if "waiting" in status["state"]
    ]
