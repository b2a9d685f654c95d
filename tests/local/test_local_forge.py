"""`trainingrun local --forge DIR`: a run on the original daemon, which a stand-in of java plays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from testkit.local.local_run import closes, local_run, write_run
from testkit.roles.forge_process import write_java


@pytest.fixture
def java(tmp_path: Path) -> dict[str, str]:
    """A PATH on which java is the stand-in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    write_java(folder, "--repaired")
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "JAVA_HOME": ""}


@pytest.fixture(params=["released", "built"])
def build(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A build as it is released, and the tree that it is built in."""
    folder = tmp_path / "forge"
    if request.param == "released":
        (folder / "res").mkdir(parents=True)
        (folder / "forge-gui-desktop-2.0.jar").write_bytes(b"")
    else:
        (folder / "forge-gui" / "res").mkdir(parents=True)
        target = folder / "forge-gui-desktop" / "target"
        target.mkdir(parents=True)
        (target / "forge-gui-desktop-2.0-jar-with-dependencies.jar").write_bytes(b"")
    return folder


def test_a_short_run(tmp_path: Path, java: dict[str, str], build: Path) -> None:
    """Games are played to the end of the run, the ledger closes, and the log is the run's."""
    file = write_run(tmp_path / "run.yaml", games=30)
    options = ("--forge", str(build))
    with local_run(tmp_path, file, *options, environment=java) as run:
        assert run.finish(seconds=300) == 0, run.said()
        summary = run.summary()
        log = (run.state / "logs" / "daemon-0.log").read_text()
    assert summary["games"] >= 30
    assert closes(summary["ledger"])
    assert "Daemon listening on port" in log


def test_a_start_that_ends_with_status_0(tmp_path: Path, java: dict[str, str]) -> None:
    """A daemon that never serves ends the run with a sentence."""
    (tmp_path / "res").mkdir()
    (tmp_path / "forge.jar").write_bytes(b"")
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\necho no card data found\n")
    file = write_run(tmp_path / "run.yaml", games=30)
    with local_run(tmp_path, file, "--forge", str(tmp_path), environment=java) as run:
        assert run.finish(seconds=120) == 2, run.said()
    assert (
        "trainingrun: daemon-0: java ended with status 0 before the Forge build opened its port: no"
        " card data found\n"
    ) in run.said()
