"""The operator's process where the API server does not answer: it waits, says so, and is alive."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from testkit.ports import free_port
from testkit.waiting import until


def kubeconfig(folder: Path, port: int) -> Path:
    """For an API server on this port of the loopback interface."""
    path = folder / "kubeconfig"
    server = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [server],
                "contexts": [context],
                "current-context": "c",
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    return path


def answer(port: int, path: str) -> tuple[int, str]:
    """Status and text of a probe; (0, "") where no one listens yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_an_operator_that_starts_while_the_api_server_is_silent_says_so(tmp_path: Path) -> None:
    """It serves its probes meanwhile, so that no one ends it for being mute, and logs why."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent, (tmp_path / "log").open("w") as log:
        file = kubeconfig(tmp_path, silent.getsockname()[1])
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "trainingrun_operator",
                "--no-lease",
                f"--kubeconfig={file}",
                f"--health-port={port}",
                f"--metrics-port={port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            until(
                lambda: answer(port, "/livez") == (200, "ok") or process.poll() is not None,
                seconds=600,
                what="/livez answers",
            )
            assert process.poll() is None
            status, why = answer(port, "/readyz")
            assert (status, why) == (503, "not all objects are known yet")
            process.terminate()
            assert process.wait() == 0
        finally:
            process.kill()
            process.wait()
    said = (tmp_path / "log").read_text()
    assert "asking the API server at http://127.0.0.1" in said
    assert "asked to stop before the API server" in said
